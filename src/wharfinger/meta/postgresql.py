"""PostgreSQL: a pool of connections, each used from a thread, and transactions that are run again when they clash.

Look-ups that are run often go another way: ``postgresql_lookups``.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg.pq import Format
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.sql import Select

from wharfinger.errors import StorageFull, Unavailable
from wharfinger.meta.postgresql_lookups import Gone, Lookups, Statement
from wharfinger.meta.sql import BINARY

P = ParamSpec("P")
T = TypeVar("T")

CONNECTIONS = 8
ATTEMPTS = 10
_NUMBERED = dialect.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_CONNECT = {"connect_timeout": 10, "application_name": "wharfinger"}

# A clash with another transaction: serialization_failure, deadlock_detected, unique_violation (both inserted),
# foreign_key_violation (the other one deleted what we had just seen, or linked what we were about to delete).
# The next run sees the other's commit and either succeeds or refuses in our words.
_CLASHES = frozenset({"40001", "40P01", "23505", "23503"})
_FULL = frozenset({"53100"})


class PostgreSQLDatabase:
    """A PostgreSQL database that any number of processes and machines share."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(
            url,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=False,
            pool_timeout=30,
            connect_args=_CONNECT,
        )
        event.listen(self._engine, "connect", _without_compiling)
        event.listen(self._engine, "before_cursor_execute", _in_binary_if_asked)
        self._snapshot = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="postgresql")
        self._lookups = Lookups({**self._engine.dialect.create_connect_args(self._engine.url)[1], **_CONNECT})
        self._statements = 0

    @property
    def engine(self) -> Engine:
        return self._engine

    async def read(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(self._snapshot, lambda tx: query(tx, *args, **kwargs))

    async def write(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(self._engine, lambda tx: query(tx, *args, **kwargs))

    async def _run(self, engine: Engine, query: Callable[[Connection], T]) -> T:
        return await self._in_thread(partial(_attempt, partial(_transaction, engine, query)))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def prepare(self, statement: Select[Any]) -> "PreparedOnLoop":
        self._statements += 1
        return PreparedOnLoop(self._lookups, b"lookup_%d" % self._statements, statement)

    async def close(self) -> None:
        self._lookups.close()
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()


class PreparedOnLoop:
    """A SELECT compiled once, which the server prepares when it is first run. Needs neither thread nor transaction."""

    def __init__(self, lookups: Lookups, name: bytes, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=_NUMBERED)
        self._lookups = lookups
        self._statement = Statement(name, str(compiled).encode())
        self._order = tuple(compiled.positiontup or ())
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}

    async def first(self, **parameters: Any) -> tuple[Any, ...] | None:
        given = self._fixed | parameters
        values = [given[name] for name in self._order]
        for _ in range(ATTEMPTS):
            with suppress(Gone), postgresql_errors(), _driver_errors():
                return await self._lookups.first(self._statement, values)
        raise Unavailable("the database closed every connection")


def _without_compiling(connection: psycopg.Connection[Any], _record: object) -> None:
    """No statement of ours is made faster by being compiled, which alone takes from 50 ms to half a second."""
    connection.execute("SET jit = off")
    connection.commit()


def _in_binary_if_asked(
    _connection: Connection, cursor: Any, _statement: str, _values: object, context: Any, _many: object
) -> None:
    """Otherwise bytes travel as hexadecimal digits: twice as many, to be written and read."""
    if context is not None and context.execution_options.get(BINARY):
        cursor.format = Format.BINARY


def _attempt(run: Callable[[], T]) -> T:
    """Run it, again when it clashed with another transaction or met a connection that was dead."""
    for attempt in range(ATTEMPTS):
        try:
            with postgresql_errors():
                return run()
        except (OperationalError, IntegrityError) as error:
            if attempt == ATTEMPTS - 1 or _state(error) not in _CLASHES:
                raise
            time.sleep(random.uniform(0, 0.01 * 2**attempt))
        except _StaleConnection as error:
            if attempt == ATTEMPTS - 1:
                raise Unavailable("the database closed every connection") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _transaction(engine: Engine, query: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return query(connection)


class _StaleConnection(Exception):
    """A pooled connection turned out to be closed."""


@contextmanager
def _driver_errors() -> Iterator[None]:
    """What the driver says by itself, as SQLAlchemy would say it."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise OperationalError(None, None, error) from error


@contextmanager
def postgresql_errors() -> Iterator[None]:
    """PostgreSQL's complaints about the machine in our words; clashes and our own mistakes stay as they are."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("every database connection was busy for too long") from error
    except DBAPIError as error:
        state = _state(error)
        if state in _FULL:
            raise StorageFull("the disk that holds the database is full; nothing was changed") from error
        if error.connection_invalidated and state != "57014":
            raise _StaleConnection from error
        if isinstance(error, OperationalError) and state not in _CLASHES:
            raise Unavailable(f"the database did not answer ({state or 'no connection'})") from error
        raise


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
