"""What SQLAlchemy leaves to the two dialects although both mean the same."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

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
