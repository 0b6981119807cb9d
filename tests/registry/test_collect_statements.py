"""The collector and a client on two connections of PostgreSQL, one of them stopped after each of its statements.

After its first statement, in the next race after its second, and so on to its end: meanwhile the other one goes as far
as it can, which is to its end or to a lock. Whatever comes of it, nothing that is needed is lost, nobody who was told
that a blob exists finds it gone, and in the end nothing is left that is not needed.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import event, text

from tests.kit import facts
from tests.kit.clock import Clock
from tests.kit.images import Image, image
from tests.kit.parts.postgres import fresh_database
from tests.registry.nodes import GRACE, Node, body
from tests.registry.test_reference_races import ANY, any_tag, anywhere
from wharfinger.access.caller import Caller, system
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.errors import Refusal
from wharfinger.meta import collection
from wharfinger.meta.db import open_database
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

pytestmark = [pytest.mark.system, pytest.mark.postgresql]

WAITS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@dataclass
class Brake:
    """Stops a connection after so many statements, until it is released."""

    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    released: threading.Event = field(default_factory=threading.Event)
    left: int | None = None

    def listen(self, loop: asyncio.AbstractEventLoop) -> Callable[..., None]:
        def after(*_: object) -> None:
            if self.left is None:
                return
            self.left -= 1
            if self.left == 0:
                self.left = None
                loop.call_soon_threadsafe(self.stopped.set)
                assert self.released.wait(20)

        return after


@dataclass
class Race:
    """A repository, another one, and an image, which nobody else has."""

    where: RepoName
    other: RepoName
    image: Image
    clock: Clock

    @property
    def by(self) -> Caller:
        return system("tests", self.clock())

    @property
    def layer(self) -> Digest:
        return list(self.image.blobs)[-1]

    async def upload(self, node: Node, where: RepoName, content: bytes) -> None:
        session = await node.uploads.start(self.by, where)
        await node.uploads.append(where, session.id, body(content), start=0)
        await node.uploads.finish(self.by, where, session.id, None, digests.of(content), start=None)

    async def upload_all(self, node: Node) -> None:
        for content in self.image.blobs.values():
            await self.upload(node, self.where, content)

    async def put(self, node: Node) -> None:
        manifest = manifests.parse(self.image.raw, self.image.media_type)
        await node.manifests.put(self.by, self.where, manifest, [names.tag("latest")], ANY, any_tag)

    async def trashed(self, node: Node) -> None:
        await self.upload_all(node)
        await self.put(node)
        await node.deletes.manifest(self.by, self.where, self.image.digest)

    async def unlinked(self, node: Node) -> None:
        await self.upload_all(node)
        self.clock.advance(days=2)
        await node.db.write(collection.collect_links, self.clock(), 100)

    async def trashed_and_unlinked(self, node: Node) -> None:
        await self.trashed(node)
        self.clock.advance(days=2)
        await node.db.write(collection.collect_links, self.clock(), 100)

    async def live(self, node: Node) -> None:
        await self.upload_all(node)
        await self.put(node)


Does = Callable[[Race, Node], Awaitable[object]]


async def collect_links(race: Race, node: Node) -> None:
    await node.db.write(collection.collect_links, race.clock(), 100)


async def collect_blobs(race: Race, node: Node) -> None:
    await node.db.write(collection.collect_blobs, race.clock(), 100)


async def ask(race: Race, node: Node) -> None:
    await node.pulls.promised(race.where, race.layer)


async def upload_elsewhere(race: Race, node: Node) -> None:
    await race.upload(node, race.other, race.image.blobs[race.layer])


async def mount(race: Race, node: Node) -> None:
    await node.uploads.mount(race.by, race.other, race.layer, race.where, anywhere)


async def restore(race: Race, node: Node) -> None:
    await node.trash.restore(race.by, race.where, race.image.digest)


async def empty(race: Race, node: Node) -> None:
    await node.trash.empty(race.by, race.where, [race.image.digest])


async def delete(race: Race, node: Node) -> None:
    await node.deletes.manifest(race.by, race.where, race.image.digest)


async def delete_blob(race: Race, node: Node) -> None:
    await node.deletes.blob(race.by, race.where, race.layer)


RACES: dict[str, tuple[Does, Does, Does]] = {
    "links while a manifest is pushed": (Race.upload_all, collect_links, Race.put),
    "links while a blob is asked for": (Race.upload_all, collect_links, ask),
    "links while a blob is pushed again": (Race.upload_all, collect_links, Race.upload_all),
    "links while a blob is mounted": (Race.upload_all, collect_links, mount),
    "links while a blob is deleted": (Race.upload_all, collect_links, delete_blob),
    "links while a manifest is restored": (Race.trashed, collect_links, restore),
    "links while a manifest is deleted": (Race.live, collect_links, delete),
    "blobs while one is pushed elsewhere": (Race.unlinked, collect_blobs, upload_elsewhere),
    "blobs while the trash is emptied": (Race.trashed_and_unlinked, collect_blobs, empty),
    "blobs while a manifest is restored": (Race.trashed_and_unlinked, collect_blobs, restore),
}
"""What is there before, what the collector does, and what a client does meanwhile."""


@dataclass
class Two:
    """A node that can be stopped at a statement, and one that cannot."""

    url: str
    shelf: facts.Folder
    braked: Node
    free: Node
    clock: Clock
    brake: Brake

    async def race(self, race: Race, before: Does, first: Does, second: Does, statements: int) -> bool:
        """``first`` stops after so many statements and ``second`` runs; whether there were so many."""
        await before(race, self.free)
        self.clock.advance(days=2)
        self.brake.stopped.clear()
        self.brake.released.clear()
        self.brake.left = statements
        leading = asyncio.create_task(_outcome(first(race, self.braked)))
        stopping = asyncio.create_task(self.brake.stopped.wait())
        either: list[asyncio.Task[object]] = [leading, stopping]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        stopping.cancel()
        stopped, self.brake.left = self.brake.stopped.is_set(), None
        following = asyncio.create_task(_outcome(second(race, self.free)))
        while not (await asyncio.wait([following], timeout=0.005))[0] and not await self._someone_waits():
            pass
        self.brake.released.set()
        outcomes = {first: await leading, second: await following}
        if ask in outcomes and outcomes[ask] is None:
            self.clock.advance(GRACE.seconds - 1)
            await collect_links(race, self.free)
            await self.free.pulls.blob(race.where, race.layer)
        return stopped

    async def _someone_waits(self) -> bool:
        return bool(await self.free.db.read(lambda tx: tx.execute(WAITS).scalar()))


async def _outcome(running: Awaitable[object]) -> Refusal | None:
    try:
        await running
    except Refusal as refusal:
        return refusal
    return None


@pytest.fixture
async def two(postgres_server: str, migrated_database: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Two]:
    with fresh_database(postgres_server, template=migrated_database) as url:
        store, brake, shelf = FilesystemStore(tmp_path / "bytes"), Brake(), facts.Folder(tmp_path / "bytes")
        braked, free = open_database(url), open_database(url)
        event.listen(braked.engine, "after_cursor_execute", brake.listen(asyncio.get_running_loop()))
        yield Two(url, shelf, Node(braked, store, clock), Node(free, store, clock), clock, brake)
        for database in (braked, free):
            await database.close()
        await store.close()


@pytest.mark.parametrize("collector_first", [True, False], ids=["collector stops", "client stops"])
@pytest.mark.parametrize("name", RACES)
async def test_nothing_is_lost_wherever_one_of_them_stops(name: str, collector_first: bool, two: Two) -> None:
    before, collects, does = RACES[name]
    first, second = (collects, does) if collector_first else (does, collects)
    number, more = 0, True
    while more:
        number += 1
        where = [names.repository(f"race/{which}-{number}") for which in ("one", "other")]
        race = Race(where[0], where[1], image(layers=0, seed=1000 + number), two.clock)
        more = await two.race(race, before, first, second, number)
    assert number > 3
    await two.free.collector.collect(rest=0)
    assert facts.check(two.url, two.shelf) == []
    two.clock.advance(days=60)
    await two.free.uploads.sweep()
    while await two.free.trash.sweep():
        pass
    await two.free.collector.collect(rest=0)
    assert facts.check(two.url, two.shelf) == []
    assert facts.garbage(two.url) == []
