"""The audit log, which can only grow.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CHANGED = "the audit log is not changed"
_YOUNG = "the audit log keeps its entries for at least 90 days"


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("target", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_customer_id", "audit_entry", ["customer_id", "id"])
    op.create_index("ix_audit_entry_actor", "audit_entry", ["actor", "id"])
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"])
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    op.execute(
        "CREATE TRIGGER audit_entry_unchanged BEFORE UPDATE ON audit_entry "
        f"BEGIN SELECT RAISE(ABORT, '{_CHANGED}'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_kept BEFORE DELETE ON audit_entry "
        "WHEN datetime(OLD.at) > datetime('now', '-90 days') "
        f"BEGIN SELECT RAISE(ABORT, '{_YOUNG}'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_entry_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'DELETE' THEN IF OLD.at <= now() - interval '90 days' THEN RETURN OLD; END IF; "
        f"RAISE EXCEPTION '{_YOUNG}' USING ERRCODE = '23514'; END IF; "
        f"RAISE EXCEPTION '{_CHANGED}' USING ERRCODE = '23514'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_grows BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION audit_entry_grows()"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_not_emptied BEFORE TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_grows()"
    )
