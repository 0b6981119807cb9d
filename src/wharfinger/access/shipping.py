"""The audit trail is sent on, in the order of its numbers, each record at least once.

How far a receiver has come is noted in the database after it took a batch, so that a crash in between sends that batch
again. One process at a time sends to a receiver, by a lease. What is not sent yet waits where it is, in the trail: a
receiver that is dead costs nothing but the attempts, further and further apart, and holds up nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from wharfinger.access.receivers import Receiver, Undelivered
from wharfinger.errors import Refusal
from wharfinger.meta import chain as rows
from wharfinger.meta import leases
from wharfinger.meta.audit import Record
from wharfinger.meta.db import Database

EVERY = 1.0
BATCH = 100
LEASE_SECONDS = 30.0
"""Longer than any receiver may take for a batch."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

_log = structlog.get_logger("wharfinger.audit")


class Shipper:
    """Sends to one receiver, under a name of its own: ``syslog`` or ``webhook``."""

    def __init__(
        self,
        db: Database,
        name: str,
        receiver: Receiver,
        now: Callable[[], float],
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._db = db
        self._name = name
        self._receiver = receiver
        self._now = now
        self._pause = pause
        self._holder = str(uuid4())

    async def run(self) -> None:
        """Send what there is and what comes, until cancelled."""
        wait = FIRST_PAUSE
        try:
            while True:
                try:
                    sent = await self.step()
                except (Undelivered, Refusal) as problem:
                    _log.warning("audit records not delivered", to=self._name, reason=str(problem), again_in=wait)
                    await self._pause(wait)
                    wait = min(2 * wait, LONGEST_PAUSE)
                    continue
                wait = FIRST_PAUSE
                if not sent:
                    await self._pause(EVERY)
        finally:
            await self._receiver.close()

    async def step(self) -> int:
        """Send the next batch; how many records it had. Raises Undelivered."""
        position = await self._db.read(leases.cursor, self._cursor)
        if not await self._db.read(rows.after, position, 1):  # the lease would be a write each second for nothing
            return 0
        batch = await self._db.write(self._begin)
        if batch:
            await self._receiver.send([record for record in batch if record.outcome != rows.REMOVED])
            await self._db.write(leases.move_cursor, self._cursor, batch[-1].number or 0, self._now())
        return len(batch)

    def _begin(self, tx: Connection) -> list[Record]:
        """What is to be sent next; nothing where another process is at it."""
        now = self._now()
        if not leases.take(tx, f"audit-{self._name}", self._holder, now, now + LEASE_SECONDS):
            return []
        return rows.after(tx, leases.cursor(tx, self._cursor), BATCH)

    @property
    def _cursor(self) -> str:
        return f"audit-{self._name}-sent"
