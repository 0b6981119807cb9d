"""The collector and a client on two connections of PostgreSQL, whichever is first: one of them sees the other.

The first one's transaction is held open after its last statement. Then the second one runs, as the registry runs it
(again, when it clashed), until it is done or waits for a lock. Then the first commits.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from tests.kit import facts
from tests.kit.clock import Clock
from tests.kit.held import Held, race
from tests.kit.images import blob, image
from tests.kit.parts.postgres import fresh_database
from tests.registry.nodes import GRACE, Node, body
from tests.registry.test_reference_races import ANY, any_tag, anywhere
from wharfinger.access.caller import system
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.errors import BlobUnknown, ManifestBlobUnknown
from wharfinger.meta import collection
from wharfinger.meta.db import open_database
from wharfinger.meta.schema import blob_links, blobs
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec import names

pytestmark = [pytest.mark.system, pytest.mark.postgresql]

APP, OTHER = names.repository("team/app"), names.repository("team/other")
DATA = blob(100)
DIGEST = digests.of(DATA)
IMAGE = image(layers=[DATA])


@dataclass
class Two:
    """Two nodes with connections of their own."""

    first: Node
    second: Node
    held: Held
    clock: Clock

    async def upload(self, repository: names.RepoName = APP, content: bytes = DATA) -> None:
        by = system("tests", self.clock())
        session = await self.second.uploads.start(by, repository)
        await self.second.uploads.finish(by, repository, session.id, body(content), digests.of(content), start=0)

    async def push(self) -> None:
        for content in IMAGE.blobs.values():
            await self.upload(content=content)
        await put(self.second)

    async def race(self, one: Callable[[Node], Any], other: Callable[[Node], Any]) -> tuple[Any, Any]:
        """``one`` is held before its commit; ``other`` gets as far as it can; what came of both."""
        self.held.arm()
        return await race(self.held, one(self.first), lambda: other(self.second))

    async def is_there(self, repository: names.RepoName = APP) -> bool:
        """Whether the repository hands out the blob, and its bytes are there."""
        try:
            found = await self.second.pulls.blob(repository, DIGEST)
        except BlobUnknown:
            return False
        content = b"".join([chunk async for chunk in self.second.pulls.read(found, 0, found.size)])
        assert content == DATA
        return True


@pytest.fixture
async def two(postgres_server: str, migrated_database: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Two]:
    with fresh_database(postgres_server, template=migrated_database) as url:
        store = FilesystemStore(tmp_path / "bytes")
        held = Held(open_database(url))
        second = open_database(url)
        yield Two(Node(held.as_database, store, clock), Node(second, store, clock), held, clock)
        assert facts.check(url, facts.Folder(tmp_path / "bytes")) == []
        clock.advance(days=30)
        node = Node(second, store, clock)
        await node.uploads.sweep()
        await node.collector.collect(rest=0)
        assert facts.check(url, facts.Folder(tmp_path / "bytes")) == []
        assert facts.garbage(url) == []
        await store.close()
        await held.close()
        await second.close()


async def put(node: Node) -> None:
    by = system("tests", 0)
    await node.manifests.put(by, APP, manifests.parse(IMAGE.raw, IMAGE.media_type), [], ANY, any_tag)


def mount(node: Node) -> Any:
    return node.uploads.mount(system("tests", 0), OTHER, DIGEST, APP, anywhere)


def collect_links(two: Two) -> Callable[[Node], Any]:
    return lambda node: node.db.write(collection.collect_links, two.clock(), 100)


def collect_blobs(two: Two) -> Callable[[Node], Any]:
    return lambda node: node.db.write(collection.collect_blobs, two.clock(), 100)


async def test_a_manifest_that_comes_first_keeps_its_blobs(two: Two) -> None:
    for content in IMAGE.blobs.values():
        await two.upload(content=content)
    two.clock.advance(days=2)
    pushed, collected = await two.race(put, collect_links(two))
    assert (pushed, collected.gone) == (None, 0)
    assert await two.is_there()


async def test_a_manifest_that_comes_second_is_told_what_is_missing(two: Two) -> None:
    for content in IMAGE.blobs.values():
        await two.upload(content=content)
    two.clock.advance(days=2)
    collected, pushed = await two.race(collect_links(two), put)
    assert collected.gone == len(IMAGE.blobs)
    assert isinstance(pushed, ManifestBlobUnknown)


async def test_who_asks_first_keeps_the_blob(two: Two) -> None:
    await two.upload()
    two.clock.advance(days=2)
    found, collected = await two.race(lambda node: node.pulls.promised(APP, DIGEST), collect_links(two))
    assert found.digest == DIGEST
    assert collected.gone == 0
    two.clock.advance(GRACE.seconds)
    assert (await two.second.db.write(collection.collect_links, two.clock(), 100)).gone == 0


async def test_who_asks_second_is_told_that_it_is_gone(two: Two) -> None:
    await two.upload()
    two.clock.advance(days=2)
    collected, found = await two.race(collect_links(two), lambda node: node.pulls.promised(APP, DIGEST))
    assert collected.gone == 1
    assert isinstance(found, BlobUnknown)


async def test_a_mount_from_where_it_is_collected_is_whole_or_not_at_all(two: Two) -> None:
    await two.upload()
    two.clock.advance(days=2)
    mounted, collected = await two.race(mount, collect_links(two))
    assert (mounted.digest, collected.gone) == (DIGEST, 1)
    await two.second.collector.collect(rest=0)
    assert await two.is_there(OTHER)
    assert not await two.is_there(APP)


async def unlinked(two: Two) -> None:
    """The blob's row without any link, up for review."""
    await two.upload()
    two.clock.advance(days=2)
    await two.second.db.write(collection.collect_links, two.clock(), 100)


async def test_an_upload_of_the_same_content_that_comes_first_keeps_the_blob(two: Two) -> None:
    await unlinked(two)
    by = system("tests", two.clock())
    session = await two.first.uploads.start(by, OTHER)
    await two.first.uploads.append(OTHER, session.id, body(DATA), start=0)
    finished, collected = await two.race(
        lambda node: node.uploads.finish(by, OTHER, session.id, None, DIGEST, start=None), collect_blobs(two)
    )
    assert (finished.digest, collected.gone) == (DIGEST, 0)
    assert await two.is_there(OTHER)


async def test_an_upload_of_the_same_content_that_comes_second_brings_its_own_bytes(two: Two) -> None:
    await unlinked(two)
    by = system("tests", two.clock())
    session = await two.second.uploads.start(by, OTHER)
    await two.second.uploads.append(OTHER, session.id, body(DATA), start=0)
    collected, finished = await two.race(
        collect_blobs(two), lambda node: node.uploads.finish(by, OTHER, session.id, None, DIGEST, start=None)
    )
    assert (collected.gone, finished.digest) == (1, DIGEST)
    await two.second.collector.collect(rest=0)
    assert await two.is_there(OTHER)


async def trashed(two: Two) -> None:
    """The image in the trash, its grace over."""
    await two.push()
    await two.second.deletes.manifest(system("tests", two.clock()), APP, IMAGE.digest)
    two.clock.advance(days=2)


def restore(two: Two) -> Callable[[Node], Any]:
    return lambda node: node.trash.restore(system("tests", two.clock()), APP, IMAGE.digest)


async def test_what_is_restored_before_its_link_goes_keeps_it(two: Two) -> None:
    await trashed(two)
    restored, collected = await two.race(restore(two), collect_links(two))
    assert list(restored.digests) == [IMAGE.digest]
    assert collected.gone == 0
    assert await two.is_there()


async def test_what_is_restored_while_its_link_goes_is_held_again(two: Two) -> None:
    await trashed(two)
    collected, restored = await two.race(collect_links(two), restore(two))
    assert collected.gone == len(IMAGE.blobs)
    assert list(restored.digests) == [IMAGE.digest]
    await two.second.collector.collect(rest=0)
    assert await two.is_there()


async def test_what_is_moved_to_the_trash_while_it_is_looked_at_stays_for_the_trash(two: Two) -> None:
    await two.push()
    two.clock.advance(days=2)

    def delete(node: Node) -> Any:
        return node.deletes.manifest(system("tests", two.clock()), APP, IMAGE.digest)

    deleted, collected = await two.race(delete, collect_blobs(two))
    assert (deleted, collected.gone) == (None, 0)
    assert await two.is_there()


async def test_of_two_last_links_that_go_at_once_each_brings_the_blob_up_for_review(two: Two) -> None:
    await two.upload()
    await two.upload(OTHER)
    by = system("tests", two.clock())
    assert await two.race(
        lambda node: node.deletes.blob(by, APP, DIGEST), lambda node: node.deletes.blob(by, OTHER, DIGEST)
    ) == (None, None)
    assert (await two.second.collector.collect(rest=0)).blobs == 1


async def test_a_flag_would_lose_the_blob(two: Two) -> None:
    """What we do not do: both commit, and a blob that a repository holds is flagged as garbage."""
    await unlinked(two)
    by = system("tests", two.clock())
    session = await two.first.uploads.start(by, OTHER)
    await two.first.uploads.append(OTHER, session.id, body(DATA), start=0)

    def flag(tx: Connection) -> int:
        nobody = "NOT EXISTS (SELECT 1 FROM blob_links WHERE blob_links.digest = blobs.digest)"
        return tx.execute(text(f"UPDATE blobs SET size = -1 WHERE {nobody}")).rowcount

    finished, flagged = await two.race(
        lambda node: node.uploads.finish(by, OTHER, session.id, None, DIGEST, start=None),
        lambda node: node.db.write(flag),
    )
    assert (finished.digest, flagged) == (DIGEST, 1)

    def held(tx: Connection) -> list[int]:
        return list(tx.execute(select(blobs.c.size).join(blob_links, blobs.c.digest == blob_links.c.digest)).scalars())

    assert await two.second.db.read(held) == [-1]
    await two.second.db.write(lambda tx: tx.execute(text("UPDATE blobs SET size = 100")))
