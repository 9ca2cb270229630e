"""Alembic's entry: works on the connection `migrate` hands over, inside its transaction."""

from alembic import context
from sqlmodel import SQLModel

import recuerda.models  # noqa: F401 - fills the metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
context.run_migrations()
