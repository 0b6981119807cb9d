"""Giving bytes back while clients push, pull and delete. Diagram and crash points: ``docs/internals/gc.md``.

Links that nothing needs go first, then blobs that nobody holds, each by deleting its row; a foreign key of whatever
came meanwhile stops that. Bytes are deleted after the transaction that says so, and only of locations that no row
will ever name again. Killed anywhere, the next step goes on from what the rows say.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
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
from wharfinger.registry.pace import SECONDS, Pace
from wharfinger.spec.locations import Location

LEASE, LEASE_SECONDS = "collector", 60.0
ACCOUNT, BLOBS = "system:collector", "blobs.collect"
DOOMED = 500
"""Bytes that one step deletes, at most."""
DELETED_AT_ONCE = 100
"""What the store is asked to delete in one go: enough for it to be cheap, and over soon when files are large."""
ASKED_SECONDS = 10.0
REST = 4.0
"""For so many times as long as something took it rests, so that it has at most a fifth of what the machine can do."""
ASKED_REST = 2.0
"""The least with which nobody is kept out of SQLite: who waits for it tries again within twice the time it waited."""

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
        self._links_pace, self._blobs_pace = Pace(), Pace()

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
            if time.monotonic() >= until:
                done += Collected(more=True)
                break
            step = await self.step(rest)
            done += step
        if not done.is_nothing:
            await self._db.write(leases.give_back, LEASE, self._holder)
            _log.info("collected", unlinked=done.unlinked, blobs=done.blobs, bytes=done.bytes, deleted=done.deleted)
        return done

    async def collect_for(self, by: Caller) -> Collected:
        """The same because somebody asked for it, for as long as a request may take, and with less rest."""
        await self._db.write(audit.add, by.entry("collect.run"))
        return await self.collect(rest=ASKED_REST, seconds=ASKED_SECONDS)

    async def backlog(self) -> tuple[Backlog, Record | None]:
        """What waits, and what the trail says of the last blobs that went."""
        return await self._db.read(_backlog, self._now())

    async def candidates(self, last: str, limit: int) -> list[Candidate]:
        """Up to ``limit`` blobs after ``last`` that would go if it were to run now, by digest."""
        return await self._db.read(backlog.candidates, self._now(), last, limit)

    async def step(self, rest: float = 0.0) -> Collected:
        """A batch of links, a batch of blobs, and bytes that are doomed, each in transactions of its own.

        After each of them it rests, so that whoever waits for the database has it before the next.
        """
        if not await self._db.read(collection.has_work, self._now()):  # a write would cost the disk a flush for nothing
            return Collected()
        async with _followed_by(rest):
            links = await self._db.write(self._links)
        async with _followed_by(rest):
            blobs = await self._db.write(self._blobs)
        if links is None or blobs is None:
            return Collected(busy=True)
        async with _followed_by(rest):
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
        batch = self._batch(tx, self._links_pace, collection.collect_links)
        if batch and batch.gone:
            audit.add(tx, self._caller.entry("links.collect", detail={"links": batch.gone}))
        return batch

    def _blobs(self, tx: Connection) -> Batch | None:
        batch = self._batch(tx, self._blobs_pace, collection.collect_blobs)
        if batch and batch.gone:
            audit.add(tx, self._caller.entry(BLOBS, detail={"blobs": batch.gone, "bytes": batch.bytes}))
        return batch

    def _batch(self, tx: Connection, pace: Pace, collect: Callable[[Connection, float, int], Batch]) -> Batch | None:
        """As many as the pace allows; None where another process has the lease."""
        if not self._take(tx):
            return None
        # Timed in here, where the database is ours: to have waited for others is no reason to do less.
        began = time.monotonic()
        batch = collect(tx, self._now(), pace.size)
        pace.note(batch.reviewed, time.monotonic() - began, SECONDS[tx.dialect.name])
        return batch

    def _take(self, tx: Connection) -> bool:
        now = self._now()
        return leases.take(tx, LEASE, self._holder, now, now + LEASE_SECONDS)

    @property
    def _caller(self) -> Caller:
        return system("collector", self._now())

    async def _delete(self, doomed: Sequence[Blob]) -> list[Blob]:
        """Delete the bytes, see that they are gone, and only then forget where they were; those that are."""
        left: dict[Location, Refusal] = {}
        for start in range(0, len(doomed), DELETED_AT_ONCE):
            some = doomed[start : start + DELETED_AT_ONCE]
            left |= await self._store.delete_many({blob.location: blob.digest for blob in some})
        gone = [blob for blob in doomed if blob.location not in left]
        for blob in doomed:
            if why := left.get(blob.location):
                _log.warning("not deleted", digest=blob.digest, code=why.code, message=why.message)
        if doomed:
            await self._db.write(collection.settle_doomed, [blob.location for blob in gone], list(left), self._now())
        return gone


@asynccontextmanager
async def _followed_by(rest: float) -> AsyncIterator[None]:
    """Rest for so many times as long as it took."""
    began = time.monotonic()
    yield
    await asyncio.sleep(rest * (time.monotonic() - began))


def _backlog(tx: Connection, now: float) -> tuple[Backlog, Record | None]:
    return backlog.find(tx, now), next(iter(audit.latest(tx, ACCOUNT, BLOBS, 1)), None)
