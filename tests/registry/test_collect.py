"""Bytes are given back when nothing has needed them for the grace, and never before."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, select, text

from tests.kit import facts
from tests.kit.clock import Clock
from tests.kit.flaky_store import ALWAYS, Fault, FlakyStore
from tests.kit.images import Image, blob, image
from tests.registry.nodes import BY, GRACE, Node, body
from tests.registry.test_reference_races import anywhere, put
from wharfinger.access.caller import Caller, system
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.errors import BlobUnknown
from wharfinger.meta import backlog
from wharfinger.meta.db import Database
from wharfinger.meta.schema import blobs
from wharfinger.meta.schema_collection import link_reviews
from wharfinger.registry.collect import Collector
from wharfinger.registry.collect_metrics import Collected, CollectMetrics
from wharfinger.spec import digest as digests
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

APP, OTHER = names.repository("team/app"), names.repository("team/other")
DATA = blob(100)
DIGEST = digests.of(DATA)


@dataclass
class Place:
    """One node, whose store a test may make fail."""

    node: Node
    clock: Clock
    store: FlakyStore
    url: str
    shelf: facts.Folder

    async def upload(self, content: bytes = DATA, repository: RepoName = APP) -> None:
        session = await self.node.uploads.start(BY, repository)
        await self.node.uploads.finish(BY, repository, session.id, body(content), digests.of(content), start=0)

    async def push(self, pushed: Image, repository: RepoName = APP) -> None:
        for content in pushed.blobs.values():
            await self.upload(content, repository)
        await put(self.node, repository, pushed, "latest")

    @property
    def by(self) -> Caller:
        return system("tests", self.clock())

    async def delete(self, pushed: Image) -> None:
        await self.node.deletes.manifest(self.by, APP, pushed.digest)

    async def empty(self, pushed: Image) -> None:
        await self.node.trash.empty(self.by, APP, [pushed.digest])

    async def collect(self) -> Collected:
        return await self.node.collector.collect(rest=0)

    async def is_held(self, digest: Digest = DIGEST, repository: RepoName = APP) -> bool:
        """Whether the repository hands the blob out, without having its review moved."""
        try:
            await self.node.pulls.blob(repository, digest)
        except BlobUnknown:
            return False
        return True

    async def is_promised(self, digest: Digest = DIGEST, repository: RepoName = APP) -> bool:
        """What HEAD says."""
        try:
            await self.node.pulls.promised(repository, digest)
        except BlobUnknown:
            return False
        return True

    async def reviews(self) -> list[float]:
        """When links are due."""
        return await self.node.db.read(lambda tx: list(tx.execute(select(link_reviews.c.due_at)).scalars()))

    def stored(self) -> int:
        """How many files there are."""
        return len(self.shelf.sizes())


@pytest.fixture
async def place(db: Database, database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Place]:
    store = FlakyStore(FilesystemStore(tmp_path / "bytes"))
    yield Place(Node(db, store, clock), clock, store, database_url, facts.Folder(tmp_path / "bytes"))
    assert facts.check(database_url, facts.Folder(tmp_path / "bytes")) == []
    await store.close()


async def test_what_nothing_needs_goes_when_its_grace_is_over_and_not_before(place: Place) -> None:
    await place.upload()
    place.clock.advance(GRACE.seconds)
    assert await place.collect() == Collected()
    assert await place.is_held()
    place.clock.advance(GRACE.seconds)
    done = await place.collect()
    assert (done.unlinked, done.blobs, done.deleted_bytes) == (1, 1, len(DATA))
    assert not await place.is_held()
    assert place.stored() == 0


async def test_what_a_manifest_needs_stays_for_ever_and_the_grace_begins_when_it_is_deleted(place: Place) -> None:
    pushed = image()
    await place.push(pushed)
    place.clock.advance(days=300)
    assert await place.collect() == Collected()
    await place.delete(pushed)
    await place.empty(pushed)
    place.clock.advance(GRACE.seconds)
    assert await place.collect() == Collected()
    place.clock.advance(GRACE.seconds)
    assert (await place.collect()).blobs == len(pushed.blobs)
    assert place.stored() == 0


async def test_what_another_manifest_or_repository_needs_stays_there(place: Place) -> None:
    first, second = image(layers=[DATA], seed=1), image(layers=[DATA], seed=2)
    await place.push(first)
    await place.push(second)
    await place.push(first, OTHER)
    await place.delete(first)
    await place.empty(first)
    place.clock.advance(days=2)
    done = await place.collect()
    assert (done.unlinked, done.blobs) == (1, 0)  # the config of the first, which the other repository needs
    assert await place.is_held(DIGEST)
    assert await place.is_held(DIGEST, OTHER)
    assert await place.collect() == Collected()


async def test_who_is_told_that_a_blob_exists_has_the_whole_grace(place: Place) -> None:
    await place.upload()
    place.clock.advance(GRACE.seconds)
    assert await place.is_promised()
    place.clock.advance(GRACE.seconds)
    await place.collect()
    assert await place.is_promised()
    place.clock.advance(days=1)
    await place.collect()
    assert not await place.is_promised()


async def test_a_mount_is_such_a_promise_too(place: Place) -> None:
    await place.upload()
    place.clock.advance(GRACE.seconds)
    assert await place.node.uploads.mount(BY, OTHER, DIGEST, APP, anywhere) is not None
    place.clock.advance(GRACE.seconds)
    await place.collect()
    assert await place.is_held(DIGEST, OTHER)
    assert not await place.is_held(DIGEST, APP)
    assert await place.node.uploads.mount(BY, OTHER, DIGEST, OTHER, anywhere) is not None
    place.clock.advance(GRACE.seconds)
    await place.collect()
    assert await place.is_held(DIGEST, OTHER)


async def test_an_answer_about_a_blob_that_is_needed_writes_nothing(place: Place) -> None:
    await place.push(image(layers=[DATA]))
    assert await place.reviews() == []
    place.clock.advance(days=3)
    assert await place.is_promised()
    await place.node.uploads.mount(BY, APP, DIGEST, APP, anywhere)
    assert await place.reviews() == []


async def test_of_many_answers_about_the_same_blob_few_write(place: Place) -> None:
    await place.upload()
    moved = set()
    for _ in range(100):
        place.clock.advance(GRACE.seconds / 100)
        assert await place.is_promised()
        moved.update(await place.reviews())
    assert len(moved) <= 1 + 8


async def test_an_upload_that_is_finished_again_has_the_grace_again(place: Place) -> None:
    session = await place.node.uploads.start(BY, APP)
    await place.node.uploads.finish(BY, APP, session.id, body(DATA), DIGEST, start=0)
    (before,) = await place.reviews()
    place.clock.advance(minutes=9)
    await place.node.uploads.finish(BY, APP, session.id, None, DIGEST, start=None)
    (after,) = await place.reviews()
    assert after == before + 9 * 60


async def test_a_blob_that_was_deleted_by_name_goes_at_once_unless_others_hold_it(place: Place) -> None:
    await place.upload()
    await place.upload(repository=OTHER)
    await place.node.deletes.blob(place.by, APP, DIGEST)
    assert (await place.collect()).blobs == 0
    await place.node.deletes.blob(place.by, OTHER, DIGEST)
    assert (await place.collect()).blobs == 1
    assert place.stored() == 0


async def test_what_only_the_trash_holds_is_absent_for_clients_and_stays_for_the_trash(place: Place) -> None:
    pushed = image(layers=[DATA])
    await place.push(pushed)
    await place.delete(pushed)
    assert await place.is_promised()
    place.clock.advance(days=2)
    done = await place.collect()
    assert (done.unlinked, done.blobs) == (len(pushed.blobs), 0)
    assert not await place.is_promised()
    assert await place.node.uploads.mount(BY, OTHER, DIGEST, None, anywhere) is None
    assert place.stored() == len(pushed.blobs)
    await place.upload()  # finds the blob's row there
    assert place.stored() == len(pushed.blobs)
    place.clock.advance(days=2)
    await place.collect()
    await place.empty(pushed)
    await place.collect()
    assert place.stored() == 0


async def test_what_is_restored_after_its_grace_is_held_again(place: Place) -> None:
    pushed = image(layers=[DATA])
    await place.push(pushed)
    await place.delete(pushed)
    place.clock.advance(days=2)
    await place.collect()
    assert not await place.is_held()
    await place.node.trash.restore(place.by, APP, pushed.digest)
    assert await place.is_held()
    assert await place.reviews() == []
    place.clock.advance(days=2)
    assert await place.collect() == Collected()


async def test_a_reference_that_the_collector_does_not_know_of_means_later(place: Place) -> None:
    def refer(tx: Connection) -> None:
        tx.execute(text("CREATE TABLE elsewhere (digest TEXT REFERENCES blobs (digest))"))
        tx.execute(text("INSERT INTO elsewhere VALUES (:digest)"), {"digest": DIGEST})

    await place.upload()
    await place.upload(blob(7))
    await place.node.db.write(refer)
    place.clock.advance(days=2)
    assert (await place.collect()).blobs == 1
    assert place.stored() == 1
    await place.node.db.write(lambda tx: tx.execute(text("DELETE FROM elsewhere")))
    assert await place.collect() == Collected()
    place.clock.advance(hours=1)
    assert (await place.collect()).blobs == 1
    assert place.stored() == 0


@pytest.mark.parametrize("late", [False, True])
async def test_bytes_that_cannot_be_deleted_are_tried_again(place: Place, late: bool) -> None:
    await place.upload()
    place.clock.advance(days=2)
    place.store.faults.append(Fault("delete", ALWAYS, late=late))
    done = await place.collect()
    assert (done.blobs, done.deleted) == (1, 0)
    assert done.failed
    assert (await place.node.db.read(backlog.find, place.clock())).doomed_bytes == len(DATA)
    await place.upload()  # the same content, at another location
    place.store.faults.clear()
    assert (await place.collect()).deleted == 1
    assert place.stored() == 1
    assert await place.is_held()


async def test_bytes_that_are_still_there_after_they_were_deleted_are_not_forgotten(place: Place) -> None:
    await place.upload()
    place.clock.advance(days=2)
    place.store.faults.append(Fault("size", ALWAYS))
    assert (await place.collect()).failed
    place.store.faults.clear()
    assert (await place.collect()).deleted == 1


async def test_one_collector_works_while_another_has_the_lease(place: Place, clock: Clock) -> None:
    other = Collector(place.node.db, place.store, clock, CollectMetrics(CollectorRegistry()))
    await place.upload()
    clock.advance(days=2)
    await place.node.collector.step()
    await place.upload(blob(9))
    clock.advance(seconds=30)
    await place.node.deletes.blob(place.by, APP, digests.of(blob(9)))
    assert await other.collect(rest=0) == Collected(busy=True)
    clock.advance(minutes=5)  # the first one was killed
    assert (await other.collect(rest=0)).blobs == 1


async def test_what_would_go_is_told_and_then_goes(place: Place) -> None:
    kept, gone = image(layers=[DATA], seed=1), image(layers=[DATA], seed=2)
    await place.push(kept)
    await place.push(gone)
    await place.upload(blob(77))
    await place.upload(blob(77), OTHER)
    await place.delete(gone)
    await place.empty(gone)
    place.clock.advance(days=2)
    await place.upload(blob(78))
    told = await place.node.db.read(backlog.candidates, place.clock(), "", 100)
    config = min(gone.blobs, key=lambda digest: digest == DIGEST)
    assert {each.digest: each.repositories for each in told} == {
        config: [APP],
        digests.of(blob(77)): [APP, OTHER],
    }
    assert sum(each.size for each in told) == (await place.collect()).bytes
    assert await place.node.db.read(backlog.candidates, place.clock(), "", 100) == []
    assert await place.node.db.read(lambda tx: len(tx.execute(select(blobs)).all())) == len(kept.blobs) + 1
