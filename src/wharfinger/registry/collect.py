"""Giving bytes back while clients push, pull and delete. Diagram and crash points: ``docs/internals/gc.md``.

Links that nothing needs go first, then blobs that nobody holds, each by deleting its row; a foreign key of whatever
came meanwhile stops that. Bytes are deleted after the transaction that says so, and only of locations that no row
will ever name again. Killed anywhere, the next step goes on from what the rows say.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from wharfinger.access.caller import Caller, system
from wharfinger.blobs.store import BlobStore
from wharfinger.errors import Refusal
from wharfinger.meta import audit, backlog, collection, leases
from wharfinger.meta.audit import Record
from wharfinger.meta.backlog import Backlog, Candidate
from wharfinger.meta.blobs import Blob
from wharfinger.meta.collection import Batch
from wharfinger.meta.db import Database
from wharfinger.registry.collect_metrics import Collected, CollectMetrics

LEASE, LEASE_SECONDS = "collector", 60.0
ACCOUNT, BLOBS = "system:collector", "blobs.collect"
DOOMED = 500
"""Bytes that one step deletes, at most."""
DELETED_AT_ONCE = 8
ASKED_SECONDS = 10.0
REST = 4.0
"""For so many times as long as a step took it rests, so that it has at most a fifth of what the machine can do."""

_log = structlog.get_logger("wharfinger.collector")


class Collector:
    """One process's collector; of several only the one that has the lease does anything."""

    def __init__(
        self,
        db: Database,
        store: BlobStore,
        now: Callable[[], float],
        metrics: CollectMetrics,
    ) -> None:
        self._db = db
        self._store = store
        self._now = now
        self._metrics = metrics
        self._holder = str(uuid4())

    async def run(self, every: float) -> None:
        """Collect what is due, again after ``every`` seconds, until cancelled."""
        while True:
            try:
                await self.collect()
                now = self._now()
                self._metrics.say(await self._db.read(backlog.find, now), now)
            except Refusal as refusal:
                # The store or the database is away: what was not done is found again next time.
                _log.warning("not collected", code=refusal.code, message=refusal.message)
            await asyncio.sleep(every)

    async def collect(self, *, rest: float = REST, seconds: float = float("inf")) -> Collected:
        """Take steps until nothing is due any more, or so many ``seconds`` are over; what was done."""
        done, until, step = Collected(), time.monotonic() + seconds, Collected(reviewed=1)
        while not step.is_nothing:
            started = time.monotonic()
            if started >= until:
                done += Collected(more=True)
                break
            step = await self.step()
            done += step
            await asyncio.sleep(rest * (time.monotonic() - started))
        if not done.is_nothing:
            await self._db.write(leases.give_back, LEASE, self._holder)
            _log.info("collected", unlinked=done.unlinked, blobs=done.blobs, bytes=done.bytes, deleted=done.deleted)
        return done

    async def collect_for(self, by: Caller) -> Collected:
        """The same because somebody asked for it, for as long as a request may take, and with less rest."""
        await self._db.write(audit.add, by.entry("collect.run"))
        return await self.collect(rest=1, seconds=ASKED_SECONDS)

    async def backlog(self) -> tuple[Backlog, Record | None]:
        """What waits, and what the trail says of the last blobs that went."""
        return await self._db.read(_backlog, self._now())

    async def candidates(self, last: str, limit: int) -> list[Candidate]:
        """Up to ``limit`` blobs after ``last`` that would go if it were to run now, by digest."""
        return await self._db.read(backlog.candidates, self._now(), last, limit)

    async def step(self) -> Collected:
        """A batch of links, a batch of blobs, and bytes that are doomed, each in transactions of its own."""
        if not await self._db.read(collection.has_work, self._now()):  # a write would cost the disk a flush for nothing
            return Collected()
        links = await self._db.write(self._links)
        blobs = await self._db.write(self._blobs)
        if links is None or blobs is None:
            return Collected(busy=True)
        doomed = await self._db.read(collection.next_doomed, DOOMED)
        deleted = await self._delete(doomed)
        done = Collected(
            reviewed=links.reviewed + blobs.reviewed,
            unlinked=links.gone,
            blobs=blobs.gone,
            bytes=blobs.bytes,
            deleted=len(deleted),
            deleted_bytes=sum(blob.size for blob in deleted),
            failed=len(doomed) - len(deleted),
        )
        self._metrics.count(done)
        return done

    def _links(self, tx: Connection) -> Batch | None:
        if not self._take(tx):
            return None
        batch = collection.collect_links(tx, self._now(), collection.batch(tx))
        if batch.gone:
            audit.add(tx, self._caller.entry("links.collect", detail={"links": batch.gone}))
        return batch

    def _blobs(self, tx: Connection) -> Batch | None:
        if not self._take(tx):
            return None
        batch = collection.collect_blobs(tx, self._now(), collection.batch(tx))
        if batch.gone:
            audit.add(tx, self._caller.entry(BLOBS, detail={"blobs": batch.gone, "bytes": batch.bytes}))
        return batch

    def _take(self, tx: Connection) -> bool:
        now = self._now()
        return leases.take(tx, LEASE, self._holder, now, now + LEASE_SECONDS)

    @property
    def _caller(self) -> Caller:
        return system("collector", self._now())

    async def _delete(self, doomed: Sequence[Blob]) -> list[Blob]:
        """Delete the bytes, see that they are gone, and only then forget where they were; those that are."""
        gone: list[Blob] = []
        for start in range(0, len(doomed), DELETED_AT_ONCE):
            several = doomed[start : start + DELETED_AT_ONCE]
            outcomes = await asyncio.gather(*map(self._is_deleted, several))
            gone += [blob for blob, is_gone in zip(several, outcomes, strict=True) if is_gone]
        if doomed:
            kept = [blob.location for blob in doomed if blob not in gone]
            await self._db.write(collection.settle_doomed, [blob.location for blob in gone], kept, self._now())
        return gone

    async def _is_deleted(self, blob: Blob) -> bool:
        try:
            await self._store.delete(blob.location, blob.digest)
            left = await self._store.size(blob.location)
        except Refusal as refusal:
            _log.warning("not deleted", digest=blob.digest, code=refusal.code, message=refusal.message)
            return False
        if left is not None:
            _log.error("deleted, and still there", digest=blob.digest, location=blob.location)
        return left is None


def _backlog(tx: Connection, now: float) -> tuple[Backlog, Record | None]:
    return backlog.find(tx, now), next(iter(audit.latest(tx, ACCOUNT, BLOBS, 1)), None)
