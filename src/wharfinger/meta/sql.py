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
    any_,
    bindparam,
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


def insert(connection: Connection, table: Table) -> Any:
    """INSERT with ``on_conflict_do_nothing`` and ``on_conflict_do_update``, spelled alike in both dialects."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


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


def given(tx: Connection, rows: Sequence[Sequence[str | int]], **columns: TypeEngine[Any]) -> FromClause:
    """These rows as a table, in this order, with these columns.

    All of them travel as one parameter, or one for each column: a hundred keys in an IN list cost the driver more than
    the database, and as many executions of one INSERT a good deal more than one.
    """
    if tx.dialect.name == "postgresql":
        lists = zip(*rows, strict=True) if rows else [()] * len(columns)
        arrays = [
            bindparam(None, list(values), ARRAY(type)) for values, type in zip(lists, columns.values(), strict=True)
        ]
        return func.unnest(*arrays).table_valued(*columns).render_derived(name="given")
    each = func.json_each(json.dumps(rows)).table_valued("value")
    parts = (func.json_extract(each.c.value, f"$[{n}]").label(name) for n, name in enumerate(columns))
    return select(*parts).subquery("given")


def plain_rows(tx: Connection, query: Executable, values: Mapping[str, Any] | None = None) -> Sequence[tuple[Any, ...]]:
    """The rows of a SELECT, or of a RETURNING, as the driver has them, in half of the time that SQLAlchemy's take.

    Of columns whose types need nothing done to what the driver gives: numbers and text.
    """
    result = tx.execute(query, values)
    assert result.cursor is not None, "a SELECT has one"
    rows: Sequence[tuple[Any, ...]] = result.cursor.fetchall()
    result.close()
    return rows


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
