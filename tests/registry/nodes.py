"""What a race needs: nodes that share everything, a store that takes its time, and outcomes instead of exceptions."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import CollectorRegistry

from tests.kit.clock import Clock
from wharfinger.access.caller import system
from wharfinger.blobs.store import BlobStore, Bytes
from wharfinger.errors import Refusal
from wharfinger.meta.db import Database
from wharfinger.meta.reviews import Grace
from wharfinger.registry.collect import Collector
from wharfinger.registry.collect_metrics import CollectMetrics
from wharfinger.registry.deletes import Deletes
from wharfinger.registry.facts import ImageFacts
from wharfinger.registry.manifests import Manifests, Sparse
from wharfinger.registry.pulls import Pulls
from wharfinger.registry.trash import Keep, Trash
from wharfinger.registry.uploads import Uploads
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

T = TypeVar("T")

EXPIRY = 3600.0
GRACE = Grace(3600.0)
BY = system("tests", 1_800_000_000.0)
"""Whoever changes something here."""


class Slow:
    """A store that hesitates before and after everything it does."""

    def __init__(self, store: BlobStore, chance: random.Random) -> None:
        self._store = store
        self._chance = chance

    async def _hesitate(self) -> None:
        await asyncio.sleep(self._chance.choice((0, 0, 0.0005, 0.001, 0.003)))

    async def _slowly(self, call: Callable[[], Awaitable[T]]) -> T:
        await self._hesitate()
        result = await call()
        await self._hesitate()
        return result

    def new_location(self) -> Location:
        return self._store.new_location()

    async def write(self, location: Location, body: Bytes) -> int:
        return await self._slowly(lambda: self._store.write(location, body))

    def sealed(self, location: Location, digest: Digest) -> Location:
        return self._store.sealed(location, digest)

    async def seal(self, location: Location, digest: Digest) -> Location:
        return await self._slowly(lambda: self._store.seal(location, digest))

    async def size(self, location: Location) -> int | None:
        return await self._slowly(lambda: self._store.size(location))

    async def read(self, location: Location, start: int, stop: int) -> Bytes:
        await self._hesitate()
        async for chunk in self._store.read(location, start, stop):
            yield chunk
            await self._hesitate()

    async def delete(self, location: Location, digest: Digest | None = None) -> None:
        await self._slowly(lambda: self._store.delete(location, digest))

    async def delete_many(self, sealed: Mapping[Location, Digest]) -> dict[Location, Refusal]:
        return await self._slowly(lambda: self._store.delete_many(sealed))

    async def url(self, location: Location, seconds: int) -> str | None:
        return await self._store.url(location, seconds)

    async def probe(self) -> None:
        await self._store.probe()

    async def close(self) -> None:
        await self._store.close()


class Node:
    """The registry's services in one process."""

    def __init__(self, db: Database, store: BlobStore, clock: Clock) -> None:
        self.db = db
        self.store = store
        self.uploads = Uploads(db, store, clock, expiry=EXPIRY, grace=GRACE)
        self.trash, facts = Trash(db, clock, keep=Keep(grace=GRACE.due(0))), ImageFacts(db, store)
        self.manifests = Manifests(db, clock, sparse=Sparse.REFUSE, trash=self.trash, facts=facts)
        self.indexes = Manifests(db, clock, sparse=Sparse.ALLOW, trash=self.trash, facts=facts)
        self.pulls = Pulls(db, store, clock, grace=GRACE, redirect=False)
        self.deletes = Deletes(db, self.trash)
        self.collector = Collector(db, store, clock, CollectMetrics(CollectorRegistry()))


@dataclass(frozen=True)
class Fleet:
    """Nodes that share database, bytes and clock."""

    nodes: Sequence[Node]
    clock: Clock
    chance: random.Random

    def any(self) -> Node:
        """One of the nodes."""
        return self.chance.choice(self.nodes)

    async def race(self, *runners: Callable[[Node], Awaitable[object]]) -> list[object]:
        """What each of ``runners`` came to, all started at once, each on some node; a refusal is an outcome too."""
        return await asyncio.gather(*map(self._run, runners))

    async def _run(self, runner: Callable[[Node], Awaitable[object]]) -> object:
        await asyncio.sleep(self.chance.choice((0, 0, 0.001, 0.003)))
        try:
            return await runner(self.any())
        except Refusal as refusal:
            return refusal


async def body(*chunks: bytes) -> Bytes:
    """A body in pieces, other tasks running in between."""
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


async def repeat(times: int, once: Callable[[int], Awaitable[None]], *, at_once: int = 20) -> None:
    """Run ``once`` with 0, 1, …, several at a time so that they share what a commit costs."""
    numbers = iter(range(times))

    async def work() -> None:
        for number in numbers:
            await once(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
