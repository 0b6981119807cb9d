"""Look-ups on PostgreSQL from the event loop: one connection, no thread, as many at once as there are.

A thread hop there and back costs more than such a look-up, and its end waits for whoever else wants to run. So a
look-up is sent as soon as it is asked for, behind those that were not answered yet (libpq's pipeline), and answers come
in the order of the questions. Whoever does not want to know any more is answered all the same, and nobody listens.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

Row = tuple[Any, ...]

_ENDINGS = frozenset({"57P01", "57P02", "57P03"})
"""States in which the server says goodbye: admin_shutdown, crash_shutdown, cannot_connect_now."""


class Gone(Exception):
    """The connection turned out to be closed; nothing was changed by what was asked, so it may be asked again."""


@dataclass(eq=False, slots=True)
class Statement:
    """A SELECT in the server's words, ``$1`` for its first value; prepared where it is first run."""

    name: bytes
    text: bytes


class Lookups:
    """The connection, made when it is first needed and again when it was lost. For one event loop at a time."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = parameters
        self._line: _Line | None = None
        self._connecting: asyncio.Task[_Line] | None = None

    async def first(self, statement: Statement, values: Sequence[Any]) -> Row | None:
        """The first row. Raises Gone, and what psycopg raises."""
        line = self._line
        if line is None or not line.is_usable:
            line = await self._connected()
        return await line.ask(statement, values)

    async def _connected(self) -> "_Line":
        """A new line; whoever else comes meanwhile waits for the same one."""
        if self._connecting is None or self._connecting.get_loop() is not asyncio.get_running_loop():
            self.close()
            self._connecting = asyncio.create_task(self._connect())
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> "_Line":
        try:
            connection = await psycopg.AsyncConnection.connect(**self._parameters, autocommit=True)
            self._line = line = _Line(connection)
        finally:
            self._connecting = None
        return line

    def close(self) -> None:
        """Hang up."""
        line, self._line = self._line, None
        if line is not None:
            line.end()


class _Waiting:
    """Somebody who waits for a row, and what has come for them so far."""

    __slots__ = ("answer", "error", "preparing", "row")

    def __init__(self, answer: "asyncio.Future[Row | None]", preparing: bytes | None) -> None:
        self.answer = answer
        self.preparing = preparing
        self.row: Row | None = None
        self.error: Exception | None = None

    def settle(self) -> None:
        if self.answer.done():
            return  # whoever asked was cancelled
        if self.error is None:
            self.answer.set_result(self.row)
        else:
            self.answer.set_exception(self.error)


class _Line:
    """A connection in pipeline mode, and those who wait at it."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._server: PGconn = connection.pgconn
        self._values = Transformer(connection)
        self._rows = Transformer(connection)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._prepared: set[bytes] = set()
        self._ended = False
        self._server.nonblocking = 1
        self._server.enter_pipeline_mode()
        self._socket = self._server.socket
        self._loop.add_reader(self._socket, self._read)

    @property
    def is_usable(self) -> bool:
        """Whether one can ask here: it is there still, and belongs to the loop that runs."""
        return not self._ended and self._loop is asyncio.get_running_loop()

    async def ask(self, statement: Statement, values: Sequence[Any]) -> Row | None:
        plain = self._values.dump_sequence(values, [PyFormat.TEXT] * len(values))
        is_new = statement.name not in self._prepared
        try:
            self._send(statement, plain, is_new=is_new)
        except psycopg.OperationalError as error:
            self._lose(error)
            raise Gone from error
        waiting = _Waiting(self._loop.create_future(), statement.name if is_new else None)
        self._waiting.append(waiting)
        return await waiting.answer

    def _send(self, statement: Statement, values: Sequence[Any], *, is_new: bool) -> None:
        if is_new:
            self._server.send_prepare(statement.name, statement.text)
            self._prepared.add(statement.name)
        self._server.send_query_prepared(statement.name, values, result_format=Format.BINARY)
        self._server.pipeline_sync()  # so that one that fails fails alone
        if self._server.flush():
            self._loop.add_writer(self._socket, self._write)

    def _write(self) -> None:
        try:
            if not self._server.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as error:
            self._lose(error)

    def _read(self) -> None:
        try:
            self._server.consume_input()
            while self._waiting and not self._server.is_busy():
                self._take(self._server.get_result())
        except psycopg.OperationalError as error:
            self._lose(error)

    def _take(self, result: PGresult | None) -> None:
        if result is None:
            return  # the end of one statement's results
        waiting = self._waiting[0]
        match result.status:
            case ExecStatus.TUPLES_OK:
                waiting.row = self._row(result)
            case ExecStatus.COMMAND_OK:
                waiting.preparing = None
            case ExecStatus.FATAL_ERROR:
                self._fail(waiting, errors.error_from_result(result))
            case ExecStatus.PIPELINE_SYNC:
                self._waiting.popleft().settle()

    def _fail(self, waiting: _Waiting, error: psycopg.Error) -> None:
        waiting.error = error
        if waiting.preparing is not None:
            self._prepared.discard(waiting.preparing)  # the next one tries it again
        if error.sqlstate in _ENDINGS:
            self._lose(error)

    def _row(self, result: PGresult) -> Row | None:
        if not result.ntuples:
            return None
        self._rows.set_pgresult(result)
        return self._rows.load_row(0, tuple)

    def _lose(self, error: Exception) -> None:
        """The server has gone away: nobody who waits will be answered here."""
        self.end()
        for waiting in self._waiting:
            waiting.error = Gone()
            waiting.error.__cause__ = error
            waiting.settle()
        self._waiting.clear()

    def end(self) -> None:
        if self._ended:
            return
        self._ended = True
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._server.finish()
