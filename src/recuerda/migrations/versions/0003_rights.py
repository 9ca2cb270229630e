"""Consents, requests about personal data, and what recurring work and live workers need.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, length=20)


def upgrade() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("purpose", _choice("purpose", "service", "marketing", "special"), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_consent_customer_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_consent_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_customer_id", "consent", ["customer_id", "purpose", "id"])
    op.create_index(op.f("ix_consent_message_id"), "consent", ["message_id"])
    op.create_table(
        "data_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column(
            "kind",
            _choice("requestkind", "access", "erasure", "correction", "objection"),
            nullable=False,
        ),
        sa.Column("law", _choice("law", "gdpr", "lgpd", "ley1581"), nullable=False),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column(
            "status", _choice("requeststatus", "open", "done", "refused", "withdrawn"), nullable=False
        ),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("extended", sa.Boolean(), nullable=False),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("done_by", sa.String(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("erasure_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_request")),
    )
    op.create_index(op.f("ix_data_request_customer_id"), "data_request", ["customer_id"])
    op.create_index("ix_data_request_status", "data_request", ["status", "due_at"])
    op.create_table(
        "recurring",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_recurring")),
    )
    op.create_table(
        "worker_beat",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_beat")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _keep_words_out_of_the_statistics()


# Of these columns PostgreSQL would keep samples, word for word, in pg_statistic: beyond the reach of an erasure.
_WORDS = {
    "customer": ("name",),
    "identity": ("value",),
    "conversation": ("rating_comment",),
    "message": ("text",),
    "evidence": ("quote",),
    "fact": ("statement", "value"),
    "fact_event": ("reason", "before"),
    "memory": ("text", "data"),
    "data_request": ("note", "answer"),
}


def _keep_words_out_of_the_statistics() -> None:
    for table, columns in _WORDS.items():
        for column in columns:
            op.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET STATISTICS 0')
