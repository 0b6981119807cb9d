"""SQLite: a writer thread that lets waiting transactions share one commit, and a few readers beside it."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.dialects import sqlite as dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import Select

from wharfinger.errors import Refusal, StorageFull, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

BUSY_SECONDS = 30
READERS = 4
SHARE_AT_MOST = 64
"""Transactions in one commit: an fsync costs as much as some fifty of them."""


@dataclass(slots=True)
class _Job:
    """A transaction that waits for the writer, and where its outcome goes."""

    query: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any] | None
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        """Hand over the outcome in the event loop.

        The frames of an exception remember this job. So the job must not lead back to the exception: such a cycle
        would keep the whole request and its connection until the garbage collector comes by.
        """
        self.loop.call_soon_threadsafe(_settle, self.done, self.result, self.error)
        self.done = self.error = None


def _settle(done: asyncio.Future[Any] | None, result: Any, error: BaseException | None) -> None:
    if done is None or done.done():  # nobody is waiting any more
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(result)


class SQLiteDatabase:
    """A database file. Safe for several processes on one machine; never for a network file system."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._engine = create_engine("sqlite://", creator=partial(connect, path), poolclass=NullPool)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-read")
        self._local = threading.local()
        self._opened: list[Connection] = []
        self._inline: sqlite3.Connection | None = None

    @property
    def url(self) -> str:
        return f"sqlite:///{self._path}"

    @property
    def engine(self) -> Engine:
        return self._engine

    async def read(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, lambda tx: query(tx, *args, **kwargs))

    def _read(self, query: Callable[[Connection], T]) -> T:
        with sqlite_errors():
            connection = self._reader()
            connection.exec_driver_sql("BEGIN")
            try:
                return query(connection)
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def _reader(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.exec_driver_sql("PRAGMA query_only = ON")
            self._local.connection = connection
            self._opened.append(connection)
        return connection

    def _connect(self) -> Connection:
        # The transactions are ours to begin and end: see `connect`.
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    async def write(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        # A caller that goes away does not take its transaction back: it may be half of a shared commit.
        # And the future has no name here: again for the cycle.
        result: T = await asyncio.shield(self._submit(lambda tx: query(tx, *args, **kwargs)))
        return result

    def _submit(self, query: Callable[[Connection], Any]) -> asyncio.Future[Any]:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_forever, name="sqlite-write", daemon=True)
            self._writer.start()
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._jobs.put(_Job(query, loop, done))
        return done

    def _write_forever(self) -> None:
        connection: Connection | None = None
        batch: list[_Job] = []
        while self._next(batch):
            try:
                with sqlite_errors():
                    connection = connection or self._connect()
                    _commit_together(connection, batch)
            except BaseException as error:  # noqa: BLE001 - whatever it is belongs to those who wait, not to this thread
                for job in batch:
                    job.error = error
            while batch:  # popped, so that this thread does not remember them while it waits
                batch.pop().settle()
        if connection is not None:
            connection.close()

    def _next(self, batch: list[_Job]) -> bool:
        """Put what waits into ``batch``; False at the end."""
        first = self._jobs.get()
        if first is not None:
            batch += [first, *self._waiting()]
        return first is not None

    def _waiting(self) -> Iterator[_Job]:
        for _ in range(SHARE_AT_MOST - 1):
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is None:
                self._jobs.put(None)
                return
            yield job

    def prepare(self, statement: Select[Any]) -> "PreparedInline":
        return PreparedInline(self, statement)

    @property
    def inline(self) -> sqlite3.Connection:
        """The connection of the event loop's own thread, on which a look-up costs less than a thread hop."""
        if self._inline is None:
            self._inline = connect(self._path)
            self._inline.execute("PRAGMA query_only = ON")
        return self._inline

    async def close(self) -> None:
        if self._writer is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._writer.join)
        self._readers.shutdown()
        for connection in self._opened:
            connection.close()
        if self._inline is not None:
            self._inline.close()
        self._engine.dispose()


class PreparedInline:
    """A SELECT compiled once from the same statement that the general path runs."""

    def __init__(self, database: SQLiteDatabase, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=dialect.dialect(paramstyle="named"))
        self._sql = str(compiled)
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._database = database

    async def first(self, **parameters: Any) -> tuple[Any, ...] | None:
        if self._fixed:
            parameters = self._fixed | parameters
        try:
            row: tuple[Any, ...] | None = self._database.inline.execute(self._sql, parameters).fetchone()
        except sqlite3.Error as error:  # not the context manager: it would cost a tenth of the look-up
            raise refusal_of(error) or error from error
        return row


def connect(path: str) -> sqlite3.Connection:
    """A connection on which every commit is on the disk when it returns, and broken references are refused."""
    connection = sqlite3.connect(
        path,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # or the driver would begin deferred transactions behind our back
        check_same_thread=False,  # closed by whoever closes the database; used by one thread at a time
        cached_statements=512,
    )
    # WAL: readers and the writer do not wait for each other. FULL: in WAL mode NORMAL may lose the last commits
    # when the power goes, and an acknowledged push must not be lost.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -16000"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _commit_together(connection: Connection, batch: list[_Job]) -> None:
    """Run every job in one transaction, each in a savepoint of its own, and commit once for all."""
    # IMMEDIATE: a deferred transaction that reads and then writes fails at once when another process has written.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        for job in batch:
            _run(connection, job)
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        # SQLite has ended the transaction by itself after a full disk, for one.
        if connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("ROLLBACK")
        raise


def _run(connection: Connection, job: _Job) -> None:
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        with sqlite_errors():
            job.result = job.query(connection)
    except Exception as error:  # noqa: BLE001 - raised again where the result is awaited
        job.error = error
        connection.exec_driver_sql("ROLLBACK TO job")
    connection.exec_driver_sql("RELEASE job")


@contextmanager
def sqlite_errors() -> Iterator[None]:
    """SQLite's complaints about the machine in our words; those about our own statements stay as they are."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def refusal_of(error: DBAPIError | sqlite3.Error) -> Refusal | None:
    """The refusal that a complaint about the machine becomes; None for one about our own statement."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if "disk is full" in str(cause):
        return StorageFull("the disk that holds the database is full; nothing was changed")
    if isinstance(cause, sqlite3.OperationalError):
        return Unavailable(f"the database did not answer: {cause}")
    return None
