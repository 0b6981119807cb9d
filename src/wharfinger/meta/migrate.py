"""Bring a database to the schema of this version; two nodes that start at once do it one after the other."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, insert, select, text

from wharfinger.meta.schema_access import access_revision

_LOCK = 0x77686172  # "whar": an advisory lock's number on PostgreSQL


def migrate(engine: Engine) -> None:
    """Run the migrations that are missing, all in one transaction. Raises RuntimeError on a newer database."""
    with engine.connect() as connection, connection.begin():
        _alone(connection)
        config = configuration()
        _require_known(connection, config)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.execute(select(access_revision.c.id)).first() is None:
            connection.execute(insert(access_revision).values(id=1, revision=1))


def configuration() -> Config:
    """Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _alone(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _require_known(connection: Connection, config: Config) -> None:
    """A database that a later version has migrated is left alone."""
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise RuntimeError(
            f"the database has schema {current}, which this version does not know: "
            "run the version that made it, or a newer one"
        )
