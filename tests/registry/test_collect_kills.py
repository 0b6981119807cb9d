"""Killed between every two steps of push, delete and collect: nothing is lost, and the next process puts all right."""

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.kit import facts
from tests.kit.clock import Clock
from tests.kit.images import Image, image
from tests.kit.stepping import SteppingDatabase, SteppingStore
from tests.registry.nodes import Node, body
from tests.registry.test_reference_races import ANY, any_tag
from wharfinger.access.caller import system
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.errors import ManifestUnknown
from wharfinger.meta.db import open_database
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec import names

APP = names.repository("team/app")
KEPT, GOING, COMING = image(layers=2, seed=1), image(layers=2, seed=2), image(layers=1, seed=3)
GRACE_OVER = 2 * 86400.0
FAR = 60 * 86400.0

Story = Callable[[Node], Awaitable[None]]


@dataclass(frozen=True)
class Place:
    """Where a process keeps its database and bytes, and what time it is there."""

    root: Path
    now: float

    @property
    def url(self) -> str:
        return f"sqlite:///{self.root}/wharf.db"

    @property
    def shelf(self) -> facts.Folder:
        return facts.Folder(self.root / "bytes")

    def copied(self, to: Path) -> "Place":
        shutil.copytree(self.root, to)
        return Place(to, self.now)

    def later(self, seconds: float) -> "Place":
        return Place(self.root, self.now + seconds)

    def run(self, story: Story, dies_at: int | None = None) -> None:
        """Let the story happen, killed at its step of this number."""
        steps = count()

        async def step(_: str) -> None:
            if next(steps) == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

        async def happen() -> None:
            db, store = open_database(self.url), FilesystemStore(self.root / "bytes")
            await story(Node(SteppingDatabase(db, step), SteppingStore(store, step), Clock(self.now)))
            await store.close()
            await db.close()

        asyncio.run(happen())

    def is_killed_in(self, story: Story, at: int) -> bool:
        """Let the story happen in a process of its own; whether it was killed before its end."""
        child = os.fork()
        if child == 0:
            try:
                self.run(story, at)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WIFSIGNALED(status)


async def push(node: Node, pushed: Image) -> None:
    """The first blob in two chunks, the others in one request, then the manifest with its tag."""
    by = system("tests", node.uploads._now())
    for number, content in enumerate(pushed.blobs.values()):
        session = await node.uploads.start(by, APP)
        if number == 0:
            await node.uploads.append(APP, session.id, body(content[:10]), start=0)
            await node.uploads.append(APP, session.id, body(content[10:]), start=10)
        rest = body(content) if number else None
        await node.uploads.finish(by, APP, session.id, rest, digests.of(content), start=None)
    manifest = manifests.parse(pushed.raw, pushed.media_type)
    await node.manifests.put(by, APP, manifest, [names.tag(f"of-{pushed.digest[7:15]}")], ANY, any_tag)


async def begin(node: Node) -> None:
    await push(node, KEPT)
    await push(node, GOING)


async def push_another(node: Node) -> None:
    await push(node, COMING)


async def delete(node: Node) -> None:
    by = system("tests", node.uploads._now())
    await node.deletes.manifest(by, APP, GOING.digest)
    await node.trash.empty(by, APP, [GOING.digest])


async def collect(node: Node) -> None:
    await node.collector.collect(rest=0)


async def tidy_up(node: Node) -> None:
    while await node.uploads.sweep():
        pass
    while await node.trash.sweep():
        pass
    await collect(node)


async def require_kept(node: Node) -> None:
    """What nobody deleted is there, all of it."""
    assert (await node.pulls.manifest(APP, names.reference(KEPT.digest))).raw == KEPT.raw
    for digest, content in KEPT.blobs.items():
        found = await node.pulls.blob(APP, digest)
        assert b"".join([chunk async for chunk in node.pulls.read(found, 0, found.size)]) == content


@pytest.fixture
def place(migrated_file: Path, tmp_path: Path) -> Place:
    (tmp_path / "first").mkdir()
    shutil.copy(migrated_file, tmp_path / "first" / "wharf.db")
    made = Place(tmp_path / "first", Clock()())
    made.run(begin)
    return made


def killed(place: Place, story: Story, folder: Path) -> Iterator[Place]:
    """The place after a kill at each step of the story, one after the other."""
    for at in count():
        there = place.copied(folder / f"killed-{at}")
        if not there.is_killed_in(story, at):
            assert at > 3
            return
        assert facts.check(there.url, there.shelf) == [], f"killed at step {at}"
        yield there
        shutil.rmtree(there.root)


def require_put_right(place: Place, *still_there: Image) -> None:
    """A process that starts now and lets every time be over leaves what is needed and nothing else."""
    place.later(FAR).run(tidy_up)
    assert facts.check(place.url, place.shelf) == []
    assert facts.leftovers(place.url, place.shelf) == []
    assert facts.garbage(place.url) == []
    place.run(require_kept)
    assert len(place.shelf.sizes()) == len({digest for one in (KEPT, *still_there) for digest in one.blobs})


def test_killed_at_any_step_of_a_push_it_is_pushed_again_or_leaves_nothing(place: Place, tmp_path: Path) -> None:
    for number, there in enumerate(killed(place, push_another, tmp_path)):
        if number % 2:
            there.run(push_another)
            require_put_right(there, GOING, COMING)
        else:
            there.run(delete)
            there.later(FAR).run(tidy_up)
            assert facts.leftovers(there.url, there.shelf) == []
            there.run(require_kept)


def test_killed_at_any_step_of_a_deletion_it_is_deleted_again(place: Place, tmp_path: Path) -> None:
    for there in killed(place, delete, tmp_path):
        there.run(delete_what_is_left)
        require_put_right(there)


async def delete_what_is_left(node: Node) -> None:
    by = system("tests", node.uploads._now())
    with suppress(ManifestUnknown):
        await node.deletes.manifest(by, APP, GOING.digest)
    await node.trash.empty(by, APP, [GOING.digest])


def test_killed_at_any_step_of_a_collection_the_next_one_goes_on(place: Place, tmp_path: Path) -> None:
    place.run(delete)
    for there in killed(place.later(GRACE_OVER), collect, tmp_path):
        require_put_right(there)


def test_what_is_pushed_again_after_the_collector_was_killed_is_whole(place: Place, tmp_path: Path) -> None:
    place.run(delete)
    for there in killed(place.later(GRACE_OVER), collect, tmp_path):
        there.run(lambda node: push(node, GOING))
        require_put_right(there, GOING)
