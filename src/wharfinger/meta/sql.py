"""What SQLAlchemy leaves to the two dialects although both mean the same."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Select

T = TypeVar("T")
Query = TypeVar("Query", bound=Select[Any])

CHUNK = 500
"""Values in one IN list: well below SQLite's limit of bound variables."""


def insert(connection: Connection, table: Table) -> Any:
    """INSERT with ``on_conflict_do_nothing`` and ``on_conflict_do_update``, spelled alike in both dialects."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """``values`` in lists short enough for one IN."""
    iterator = iter(values)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def plain_rows(
    tx: Connection, query: Select[Any], values: Mapping[str, Any] | None = None
) -> Sequence[tuple[Any, ...]]:
    """The rows as the driver has them: for who reads a million, in half of the time that SQLAlchemy's take.

    Of columns whose types need nothing done to what the driver gives: numbers and text.
    """
    result = tx.execute(query, values)
    assert result.cursor is not None, "a SELECT has one"
    rows: Sequence[tuple[Any, ...]] = result.cursor.fetchall()
    result.close()
    return rows


def plain_pages(tx: Connection, query: Select[Any], size: int) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The same, so many at a time: for who cannot keep them all."""
    result = tx.execute(query.execution_options(stream_results=True))
    assert result.cursor is not None, "a SELECT has one"
    while page := result.cursor.fetchmany(size):
        yield page
    result.close()


def held(query: Query) -> Query:
    """The rows stay until the transaction ends, and others may hold them as well: what a foreign key does.

    That is FOR KEY SHARE on PostgreSQL; on SQLite nobody else writes meanwhile.
    """
    return query.with_for_update(read=True, key_share=True)


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """What is done within is taken back when it raises, and the transaction goes on."""
    # Spelled out, because on SQLite the transaction is begun behind SQLAlchemy's back.
    connection.exec_driver_sql("SAVEPOINT part")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT part")
        raise
    finally:
        connection.exec_driver_sql("RELEASE SAVEPOINT part")
