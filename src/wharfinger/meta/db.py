"""The database: one function, one transaction, on SQLite and on PostgreSQL alike.

Query functions are plain and synchronous, take a connection first, have no side effects and may be run again::

    digest = await db.write(tags.point, repo_id, tag, digest, now)

The hottest reads are :meth:`Database.prepare`-d: the same statement, without a thread hop on SQLite.
"""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.sql import Select

P = ParamSpec("P")
T = TypeVar("T")

Query = Callable[Concatenate[Connection, P], T]


class Prepared(Protocol):
    """A prepared SELECT. Columns come back as the driver gives them, in order."""

    async def first(self, **parameters: Any) -> tuple[Any, ...] | None:
        """The first row, or None."""
        ...


class Database(Protocol):
    """Both databases. Methods raise Unavailable when it does not answer, and StorageFull when it has no room."""

    async def read(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``query`` returns, in a transaction that sees one state of the database and changes nothing."""
        ...

    async def write(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``query`` returns; its changes are durable when this returns, and none are kept when it raises."""
        ...

    def prepare(self, statement: Select[Any]) -> Prepared:
        """``statement`` made ready to be run often; its bind parameters are given by name."""
        ...

    @property
    def url(self) -> str:
        """What another process has to open to have the same database. It may have a password in it."""
        ...

    @property
    def engine(self) -> Engine:
        """For migrations and for tools that own the process; not for requests."""
        ...

    async def close(self) -> None:
        """Finish what was accepted and give back connections and threads."""
        ...


def open_database(url: str) -> Database:
    """The database at ``sqlite:///<path>`` or ``postgresql://…``. Does not connect yet. Raises ValueError."""
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme == "sqlite":
        from wharfinger.meta.sqlite import SQLiteDatabase

        return SQLiteDatabase(url.removeprefix("sqlite:///"))
    if scheme in {"postgresql", "postgres"}:
        from wharfinger.meta.postgresql import PostgreSQLDatabase

        return PostgreSQLDatabase(f"postgresql+psycopg:{url.partition(':')[2]}")
    raise ValueError(f"database: unknown scheme {scheme!r}; use sqlite:///<path> or postgresql://<user>@<host>/<name>")
