"""The snapshot that this process decides by, and how old it may be."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import Connection

from wharfinger.access import snapshot
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import Refusal, Unavailable
from wharfinger.meta import accounts, grants
from wharfinger.meta.db import Database

FRESH = 0.2
"""Seconds for which a snapshot is taken to be true without asking: what a change elsewhere may take to count here."""
STALE = 5.0
"""Seconds after which, if the database cannot be asked, nothing is decided any more."""


class Directory:
    """Hands out the newest snapshot; asking the database is one prepared read of one row, five times a second.

    ``clock`` is monotonic, in seconds. A change made through this process counts at once: see :meth:`forget`.
    """

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._revision = db.prepare(accounts.REVISION)
        self._snapshot = Snapshot()
        self._checked = float("-inf")
        self._changes = 0
        self._checking = asyncio.Lock()

    @property
    def known(self) -> Snapshot:
        """The last one that was handed out."""
        return self._snapshot

    @property
    def fresh(self) -> Snapshot | None:
        """The snapshot, if it need not be asked for."""
        return self._snapshot if self._clock() - self._checked < FRESH else None

    async def current(self) -> Snapshot:
        """What is true now, or was :data:`FRESH` seconds ago. Raises Unavailable when that cannot be known."""
        return self.fresh or await self._refresh()

    def forget(self) -> None:
        """Ask at the next request: something was changed."""
        self._changes += 1
        self._checked = min(self._checked, self._clock() - FRESH)

    async def _refresh(self) -> Snapshot:
        async with self._checking:
            if self.fresh is None:
                # Before the question is asked: what changes meanwhile is found by the next one.
                asked, changes = self._clock(), self._changes
                try:
                    await self._ask()
                except Refusal as refusal:
                    if asked - self._checked >= STALE:
                        raise Unavailable("the database does not say any more who may do what") from refusal
                else:
                    self._checked = asked if changes == self._changes else asked - FRESH
        return self._snapshot

    async def _ask(self) -> None:
        row = await self._revision.first()
        assert row is not None, "written by the first migration"
        if row[0] != self._snapshot.revision:
            self._snapshot = await self._db.read(_load)


def _load(tx: Connection) -> Snapshot:
    """Built in the thread that reads: with thousands of grants it takes a while."""
    return snapshot.build(grants.everything(tx))
