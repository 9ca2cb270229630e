"""An index of the work that is not done yet, in the place of two of all work ever done.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_job_state_run_at", "job")
    op.drop_index("ix_job_lane_id", "job")
    not_done = sa.text("state <> 'done'")
    op.create_index(
        "ix_job_not_done", "job", ["lane", "id"], sqlite_where=not_done, postgresql_where=not_done
    )
