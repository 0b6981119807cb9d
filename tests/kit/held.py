"""A database whose transactions can be held open before they commit, so that another one comes between.

held.arm()                  the next write stops before its commit
held.arm("_do")             the next write of the function of that name does
await held.stopped()
held.go.set()               it commits
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, cast

from sqlalchemy import Connection, text

from wharfinger.errors import Refusal
from wharfinger.meta.db import Database

SECONDS = 20
WAITS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
ANY = ""


class Held:
    """A database whose next write stops before its commit until it is told to go on."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.go = threading.Event()
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._armed: str | None = None

    @property
    def as_database(self) -> Database:
        """The same, for whoever wants a database."""
        return cast("Database", self)

    def arm(self, name: str = ANY) -> None:
        """Stop the next write, or the next one of the function of this name."""
        self._armed = name

    async def stopped(self) -> None:
        """Return when it has done everything but commit."""
        await asyncio.wait_for(self._stop.wait(), SECONDS)

    async def read(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self.db.read(query, *args, **kwargs)

    async def write(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def stopping(tx: Connection) -> Any:
            result = query(tx, *args, **kwargs)
            if self._armed in {ANY, getattr(query, "__name__", None)}:
                self._armed = None
                self._loop.call_soon_threadsafe(self._stop.set)
                assert self.go.wait(SECONDS)
            return result

        return await self.db.write(stopping)

    def prepare(self, statement: Any) -> Any:
        return self.db.prepare(statement)

    @property
    def engine(self) -> Any:
        return self.db.engine

    async def close(self) -> None:
        await self.db.close()


async def race(held: Held, one: Awaitable[Any], other: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
    """``one``, which the armed database holds before its commit; ``other`` gets as far as it can; what came of both.

    PostgreSQL alone: there, who waits for a lock can be seen.
    """
    leading = asyncio.ensure_future(outcome(one))
    await held.stopped()
    following = asyncio.ensure_future(outcome(other()))
    while not (await asyncio.wait([following], timeout=0.01))[0] and not await _someone_waits(held.db):
        pass
    held.go.set()
    return await leading, await following


async def _someone_waits(db: Database) -> bool:
    return bool(await db.read(lambda tx: tx.execute(WAITS).scalar()))


async def outcome(running: Awaitable[Any]) -> Any:
    """What came of it, also if that is a refusal."""
    try:
        return await running
    except Refusal as refusal:
        return refusal
