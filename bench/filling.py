"""Puts millions of rows into a new database, SQLite or PostgreSQL, in minutes: what is generated needs no checking.

Foreign keys are not looked at, and the indexes that no key needs are made when all rows are there.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table, func, select

from wharfinger.meta.db import Database

Row = tuple[Any, ...]

_UNCHECKED = {
    "sqlite": [
        "PRAGMA foreign_keys = OFF",
        "PRAGMA journal_mode = OFF",  # or each row would be written twice, and read from the log until its end
        "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = -1000000",
    ],
    "postgresql": [
        "SET session_replication_role = replica",  # triggers, which foreign keys are, stay silent
        "SET synchronous_commit = off",
        "SET maintenance_work_mem = '1GB'",
        "SET max_parallel_maintenance_workers = 1",  # beside the session's own, as many as the machine has cores
    ],
}
_AFTERWARDS = {
    "sqlite": ["PRAGMA journal_mode = WAL", "ANALYZE"],
    "postgresql": ["VACUUM (FREEZE, ANALYZE)"],  # as vacuuming by itself leaves tables that nobody has changed lately
}


@contextmanager
def unchecked(db: Database, tables: Iterable[Table]) -> Iterator[Connection]:
    """A connection to fill these tables with, whose indexes are made at the end; to be committed by whoever fills."""
    kind = db.engine.dialect.name
    filled = list(tables)
    indexes = [index for table in filled for index in sorted(table.indexes, key=lambda each: str(each.name))]
    with db.engine.connect() as tx:
        for setting in _UNCHECKED[kind]:
            tx.exec_driver_sql(setting)
        tx.commit()
        for index in indexes:
            index.drop(tx)
        tx.commit()
        yield tx
        for index in indexes:
            index.create(tx)
            tx.commit()
        if kind == "postgresql":
            _number_on(tx, filled)
            tx.commit()
        tx.detach()  # or the next who borrows it had the settings
    with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as tx:
        for statement in _AFTERWARDS[kind]:
            tx.exec_driver_sql(statement)


def _number_on(tx: Connection, tables: Iterable[Table]) -> None:
    """Who makes a row gets a number that none has; SQLite sees to that by itself."""
    for table in tables:
        numbered = table.autoincrement_column
        if numbered is not None:
            sequence = func.pg_get_serial_sequence(table.name, numbered.name)
            tx.execute(select(func.setval(sequence, func.max(numbered))))


def put(tx: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Add these rows, past SQLAlchemy, which would take longer than the database."""
    driver: Any = tx.connection.dbapi_connection
    if tx.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        driver.execute("BEGIN")  # or each row would be a transaction
        driver.executemany(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", rows)
        driver.execute("COMMIT")
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
