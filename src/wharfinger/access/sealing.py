"""Sealing: records get their number and hash in one order, whoever made them and whenever their transaction committed.

A change never waits for this. One process at a time seals, by a lease that is taken in the same transaction; of two
that both believe to hold it the second waits for the first one's commit and goes on from there.
"""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from wharfinger.access import chain
from wharfinger.access.audit_keys import AuditKey
from wharfinger.errors import Refusal
from wharfinger.meta import chain as rows
from wharfinger.meta import leases
from wharfinger.meta.chain import HEAD
from wharfinger.meta.db import Database

LEASE = "audit"
LEASE_SECONDS = 2.0
"""So long another process waits for one that was killed: a lease saves double work, the transaction is what is safe."""
EVERY = 0.5
"""A record waits at most for this and the time that sealing takes."""
SIGN_EVERY = 60.0
HEADS_KEPT = 86400.0
"""Seconds for which signed heads are kept; the newest one always is, and is as good as all those before it."""
BATCH = 500

_log = structlog.get_logger("wharfinger.audit")


class Sealer:
    """One process's sealer."""

    def __init__(self, db: Database, key: AuditKey, now: Callable[[], float], holder: str | None = None) -> None:
        self._db = db
        self._key = key
        self._now = now
        self._holder = holder or str(uuid4())

    async def run(self) -> None:
        """Seal and sign until cancelled."""
        while True:
            try:
                while await self.seal():
                    pass
                await self.sign()
            except Refusal as refusal:
                _log.warning("not sealed", code=refusal.code, message=refusal.message)
            await asyncio.sleep(EVERY)

    async def seal(self) -> int:
        """Seal what waits, up to a batch of it; how many it was: none where another process has the lease."""
        if not await self._db.read(rows.unsealed, 1):  # a write would cost the disk a flush, twice a second for nothing
            return 0
        return await self._db.write(self._seal)

    def _seal(self, tx: Connection) -> int:
        if not self._take(tx):
            return 0
        head = rows.head(tx)
        number, previous = (head.number or 0, head.hash or "") if head else (0, chain.BEGINNING)
        sealed: list[tuple[int, int, str]] = []
        for record in rows.unsealed(tx, BATCH):
            number += 1
            previous = chain.record_hash(previous, number, record)
            sealed.append((record.id, number, previous))
        if sealed:
            rows.seal(tx, sealed)
        return len(sealed)

    async def sign(self) -> bool:
        """Sign the head, if it has moved and the last one was signed a minute ago: whether it was."""
        last = await self._db.read(rows.latest_head)
        if last is not None and self._now() < last.signed_at + SIGN_EVERY:
            return False
        return await self._db.write(self._sign)

    def _sign(self, tx: Connection) -> bool:
        head, last = rows.head(tx), rows.latest_head(tx)
        if head is None or head.number is None or head.hash is None or (last and last.number == head.number):
            return False
        if not self._take(tx):
            return False
        if last is not None and not self._still_leads_to(tx, last):
            _log.error("the audit trail is not what was signed: the head is not signed any more", number=last.number)
            return False
        now = self._now()
        rows.remove_heads(tx, signed_before=now - HEADS_KEPT, below=0)
        rows.add_checkpoint(tx, self._key.sign(head.number, HEAD, head.hash, now))
        return True

    @staticmethod
    def _still_leads_to(tx: Connection, last: rows.Checkpoint) -> bool:
        """Whether what was signed last is still in the chain, so that signing on does not hide that it was changed."""
        start = rows.start(tx)
        if start is not None and last.number <= start.number:
            return True
        found = rows.after(tx, last.number - 1, 1)
        return bool(found) and (found[0].number, found[0].hash) == (last.number, last.hash)

    def _take(self, tx: Connection) -> bool:
        now = self._now()
        return leases.take(tx, LEASE, self._holder, now, now + LEASE_SECONDS)
