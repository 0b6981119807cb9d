"""What SQLAlchemy leaves to the two dialects although both mean the same."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Integer,
    Table,
    Text,
    TextClause,
    any_,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Select
from sqlalchemy.types import TypeEngine

T = TypeVar("T")
Query = TypeVar("Query", bound=Select[Any])

CHUNK = 500
"""Values in one IN list: well below SQLite's limit of bound variables."""

BINARY = "wharfinger_binary"
"""The execution option with which PostgreSQL says what it found as it has it, and not as text."""

STREAMED = 10_000
"""Rows that are in memory of those that are read one after the other."""


def insert(connection: Connection, table: Table) -> Any:
    """INSERT with ``on_conflict_do_nothing`` and ``on_conflict_do_update``, spelled alike in both dialects."""
    return insert_for(connection.dialect.name, table)


def insert_for(kind: str, table: Table) -> Any:
    """The same for a statement that is built before there is a connection; ``kind`` is the dialect's name."""
    return postgresql.insert(table) if kind == "postgresql" else sqlite.insert(table)


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """``values`` in lists short enough for one IN."""
    iterator = iter(values)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def among(tx: Connection, column: ColumnElement[T], values: Iterable[T]) -> Iterator[ColumnElement[bool]]:
    """Conditions that together are met by what is among these values, each by some of them.

    On PostgreSQL one, whose values travel as one parameter: an IN list of hundreds costs the driver more than looking
    them up does.
    """
    if tx.dialect.name != "postgresql":
        yield from (column.in_(some) for some in chunks(values))
        return
    every = list(values)
    if every:
        kind = Integer() if isinstance(every[0], int) else Text()
        yield column == any_(bindparam(None, every, ARRAY(kind)))


class Given:
    """A table whose rows are given whenever a statement about it is run.

    ::

        these = Given("sqlite", digest=Text())
        gone = delete(blobs).where(blobs.c.digest.in_(select(these.c.digest)))
        tx.execute(gone, these.values([(digest,) for digest in digests]))

    So the statement is built and compiled once: that costs as much as running it for a hundred rows. All rows travel as
    one parameter, or one for each column: a hundred keys in an IN list cost the driver more than the database, and as
    many executions of one INSERT a good deal more than one.
    """

    def __init__(self, kind: str, **columns: TypeEngine[Any]) -> None:
        self._is_array = kind == "postgresql"
        self._names = [f"given_{name}" for name in columns]
        self.table = _unnested(columns) if self._is_array else _extracted(columns)
        self.c = self.table.c

    def values(self, rows: Sequence[Sequence[str | int]]) -> dict[str, Any]:
        """The parameters with which the table has these rows, in this order."""
        if self._is_array:
            columns = map(_array, zip(*rows, strict=True)) if rows else ("{}" for _ in self._names)
            return dict(zip(self._names, columns, strict=True))
        return {"given": json.dumps(rows)}


def _unnested(columns: Mapping[str, TypeEngine[Any]]) -> FromClause:
    arrays = [cast(bindparam(f"given_{name}", type_=Text()), ARRAY(type)) for name, type in columns.items()]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="given")


def _array(values: Iterable[str | int]) -> str:
    """An array as PostgreSQL reads it. The driver would search each element with a pattern, which takes much longer."""
    return "{" + ",".join(map(_quoted, values)) + "}"


def _quoted(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _extracted(columns: Mapping[str, TypeEngine[Any]]) -> FromClause:
    each = func.json_each(bindparam("given", type_=Text())).table_valued("value")
    parts = (func.json_extract(each.c.value, f"$[{n}]").label(name) for n, name in enumerate(columns))
    return select(*parts).subquery("given")


def plain_rows(tx: Connection, query: Executable, values: Mapping[str, Any] | None = None) -> Sequence[tuple[Any, ...]]:
    """The rows of a SELECT, or of a RETURNING, as the driver has them, in half of the time that SQLAlchemy's take.

    Of columns whose types need nothing done to what the driver gives: numbers and text.
    """
    result = tx.execute(query, values, execution_options={BINARY: True})
    assert result.cursor is not None, "a SELECT has one"
    rows: Sequence[tuple[Any, ...]] = result.cursor.fetchall()
    result.close()
    return rows


def stream(tx: Connection, query: Select[Any] | TextClause) -> Iterator[Sequence[Any]]:
    """The rows one after the other, for more of them than memory should hold."""
    result = tx.execute(query, execution_options={"stream_results": True, "max_row_buffer": STREAMED, BINARY: True})
    for rows in result.partitions(STREAMED):  # said here: of plain SQL, `yield_per` is not heeded
        yield from rows


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
