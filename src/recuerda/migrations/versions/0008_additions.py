"""Which memories a process that knows the others has to read.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, column in (("customer", "memory_additions"), ("memory", "version")):
        op.add_column(table, sa.Column(column, sa.Integer(), server_default="0", nullable=False))
