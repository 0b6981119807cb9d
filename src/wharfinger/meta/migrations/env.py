"""Alembic's entry: `wharfinger.meta.migrate` hands over a connection; nothing is read from an ini file."""

from alembic import context

from wharfinger.meta import schema_access  # noqa: F401  adds its tables to the others
from wharfinger.meta.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
