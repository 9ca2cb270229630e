"""Whether a customer and a conversation are remembered, and what a fact may be used for.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("customer", "conversation"):
        op.add_column(table, sa.Column("remember", sa.Boolean(), server_default=sa.true(), nullable=False))
    purposes = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    only_service = sa.text("'[\"service\"]'")
    op.add_column("fact", sa.Column("purposes", purposes, server_default=only_service, nullable=False))
    op.execute("UPDATE fact SET purposes = '[\"service\", \"marketing\"]' WHERE sensitivity <> 'special'")
