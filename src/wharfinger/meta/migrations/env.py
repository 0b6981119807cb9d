"""Alembic's entry: `wharfinger.meta.migrate` hands over a connection; nothing is read from an ini file."""

from alembic import context

from wharfinger.meta import (  # noqa: F401  they add their tables to the others
    schema_access,
    schema_collection,
    schema_exceptions,
    schema_gates,
    schema_jobs,
    schema_journal,
    schema_scanners,
    schema_scanning,
    schema_tagging,
    schema_trash,
    schema_usage,
)
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
