"""Clients and collectors in any order, each stopped, failed or abandoned between any two of its steps.

Hypothesis begins pushes, mounts, deletions, restorations and collections on several nodes, lets each go on by so many
steps, makes steps fail before or after they are done, and moves the clock. At every moment all that a manifest needs,
live or in the trash, is there; who was told that a blob exists can finish the push within the grace; and when every
time is over, nothing is left but what is needed. WHARF_TEST_EFFORT says how many runs.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import obstore
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, delete

from tests.kit import facts
from tests.kit.backends import in_bucket
from tests.kit.clock import Clock
from tests.kit.effort import times
from tests.kit.facts import Bucket, Shelf
from tests.kit.images import Image, blob, image
from tests.kit.parts.postgres import fresh_database
from tests.kit.parts.swift import swift
from tests.kit.stepping import SteppingDatabase, SteppingStore
from tests.registry.nodes import GRACE, Node, body
from tests.registry.test_reference_races import ANY, any_tag, anywhere
from wharfinger.access.caller import Caller, system
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.blobs.store import BlobStore
from wharfinger.blobs.stores import open_store
from wharfinger.config import load
from wharfinger.errors import BlobUnknown, ManifestBlobUnknown, NameUnknown, Refusal, Unavailable
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.schema import metadata
from wharfinger.services import store_settings
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

T = TypeVar("T")

EXAMPLES = times(20)
NODES = 3
MANY = 200
"""More steps than anything here has."""

REPOSITORIES = [names.repository("team/app"), names.repository("team/other")]
SHARED = blob(60)
IMAGES = [
    image(layers=[SHARED], seed=1),
    image(layers=[SHARED, blob(70)], seed=2),
    image(layers=[blob(70), blob(80)], seed=3),
]
BLOBS = {digest: content for one in IMAGES for digest, content in one.blobs.items()}

repositories, images = st.sampled_from(REPOSITORIES), st.sampled_from(IMAGES)
steps = st.one_of(st.just(MANY), st.integers(0, 12))

Story = Callable[[Node], Awaitable[None]]


class Doing:
    """What somebody does on a node; it stops at every step until it is told to go on."""

    def __init__(self) -> None:
        self.gate: asyncio.Future[None] | None = None
        self.stopped = asyncio.Event()
        self.released = False
        self.task: asyncio.Future[None]

    async def step(self, _: str) -> None:
        if not self.released:
            self.gate = asyncio.get_running_loop().create_future()
            self.stopped.set()
            await self.gate

    async def begin(self, story: Awaitable[None]) -> None:
        self.task = asyncio.ensure_future(story)
        await self._wait()

    async def go_on(self, error: Exception | None = None) -> None:
        """One step further, or an error in its place."""
        assert self.gate is not None
        self.stopped.clear()
        if error is None:
            self.gate.set_result(None)
        else:
            self.gate.set_exception(error)
        await self._wait()

    async def _wait(self) -> None:
        stopped = asyncio.create_task(self.stopped.wait())
        either: list[asyncio.Future[Any]] = [self.task, stopped]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        stopped.cancel()
        if self.task.done():
            self.task.result()
        else:
            assert self.stopped.is_set()

    async def give_up(self) -> None:
        self.released = True
        self.task.cancel()
        await asyncio.wait([self.task])


@dataclass
class World:
    """Databases of several nodes, and one store."""

    url: str
    shelf: Shelf
    databases: Sequence[Database]
    store: BlobStore
    clear: Callable[[], None]
    loop: asyncio.AbstractEventLoop


class Collection(RuleBasedStateMachine):
    """Two repositories, three images that share blobs, and three nodes."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.doing: list[Doing] = []
        self.killed: list[Doing] = []
        self.promises: dict[tuple[RepoName, Digest], float] = {}
        self.hashed: set[str] = set()

    # --- what can be begun

    @rule(where=repositories, one=images, mounts=st.booleans(), node=st.integers(0, NODES - 1), number=steps)
    def push(self, where: RepoName, one: Image, mounts: bool, node: int, number: int) -> None:
        self.begin(node, number, partial(self._push, where, one, mounts))

    @rule(where=repositories, one=images, node=st.integers(0, NODES - 1), number=steps)
    def push_the_manifest_alone(self, where: RepoName, one: Image, node: int, number: int) -> None:
        self.begin(node, number, partial(self._put, where, one))

    @rule(where=repositories, digest=st.sampled_from(sorted(BLOBS)), node=st.integers(0, NODES - 1), number=steps)
    def ask_for_a_blob(self, where: RepoName, digest: Digest, node: int, number: int) -> None:
        self.begin(node, number, partial(self._exists, where, digest))

    @rule(where=repositories, one=images, node=st.integers(0, NODES - 1), number=steps)
    def delete_a_manifest(self, where: RepoName, one: Image, node: int, number: int) -> None:
        self.begin(node, number, lambda n: n.deletes.manifest(self.by, where, one.digest))

    @rule(where=repositories, one=images, node=st.integers(0, NODES - 1), number=steps)
    def empty_the_trash(self, where: RepoName, one: Image, node: int, number: int) -> None:
        self.begin(node, number, partial(self._empty, where, one))

    @rule(where=repositories, one=images, node=st.integers(0, NODES - 1), number=steps)
    def restore(self, where: RepoName, one: Image, node: int, number: int) -> None:
        self.begin(node, number, partial(self._restore, where, one))

    @rule(where=repositories, digest=st.sampled_from(sorted(BLOBS)), node=st.integers(0, NODES - 1), number=steps)
    def delete_a_blob(self, where: RepoName, digest: Digest, node: int, number: int) -> None:
        self.begin(node, number, partial(self._delete_blob, where, digest))

    @rule(node=st.integers(0, NODES - 1), number=steps)
    def collect(self, node: int, number: int) -> None:
        self.begin(node, number, self._collect)

    @rule(hours=st.sampled_from([0.02, 0.3, 1.2, 1.2, 5]))
    def wait(self, hours: float) -> None:
        self.clock.advance(hours=hours)

    # --- how it goes on

    @precondition(lambda self: self.doing)
    @rule(data=st.data(), number=steps)
    def go_on(self, data: st.DataObject, number: int) -> None:
        self.run(self._go_on(data.draw(st.sampled_from(self.doing)), number))

    @precondition(lambda self: len(self.doing) > 1)
    @rule(number=st.integers(1, 8))
    def go_on_all_at_once(self, number: int) -> None:
        async def all_of_them() -> None:
            for _ in range(number):
                await asyncio.gather(*(self._go_on(doing, 1) for doing in list(self.doing)))

        self.run(all_of_them())

    @precondition(lambda self: self.doing)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        self.run(self._go_on(data.draw(st.sampled_from(self.doing)), 1, Unavailable("made up")))

    @precondition(lambda self: self.doing)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        """It is never heard of again; not even its `finally` runs before everything has been looked at."""
        self.killed.append(self.doing.pop(data.draw(st.integers(0, len(self.doing) - 1))))

    # --- what must hold

    @invariant()
    def all_that_is_needed_is_there(self) -> None:
        assert facts.check(self.world.url, self.world.shelf, self.hashed) == []

    def teardown(self) -> None:
        try:
            self.clock.advance(days=60)
            self.run(self._tidy_up())
            assert facts.check(self.world.url, self.world.shelf) == []
            assert facts.leftovers(self.world.url, self.world.shelf) == []
            assert facts.garbage(self.world.url) == []
        finally:
            self.run(self._end())

    async def _tidy_up(self) -> None:
        node = Node(self.world.databases[0], self.world.store, self.clock)
        while await node.uploads.sweep():
            pass
        await node.collector.collect(rest=0)

    async def _end(self) -> None:
        for doing in [*self.doing, *self.killed]:
            await doing.give_up()
        await self.world.databases[0].write(_forget_everything)
        self.world.clear()

    # --- the stories

    @property
    def by(self) -> Caller:
        return system("tests", self.clock())

    async def _push(self, where: RepoName, one: Image, mounts: bool, node: Node) -> None:
        for digest in one.blobs:
            if not await self._told(where, digest, partial(self._has, node, where, digest)):
                source = next(each for each in REPOSITORIES if each != where) if mounts else None
                mount = partial(node.uploads.mount, self.by, where, digest, source, anywhere)
                if not (mounts and await self._told(where, digest, mount)):
                    await self._told(where, digest, partial(self._upload, node, where, BLOBS[digest]))
        await self._put(where, one, node)

    async def _exists(self, where: RepoName, digest: Digest, node: Node) -> None:
        await self._told(where, digest, partial(self._has, node, where, digest))

    async def _told(self, where: RepoName, digest: Digest, ask: Callable[[], Awaitable[object]]) -> bool:
        """Ask; if the answer is yes, remember until when that is good."""
        asked = self.clock()
        if not await ask():
            return False
        until = self.promises.get((where, digest), 0)
        self.promises[where, digest] = max(until, asked + GRACE.seconds)
        return True

    async def _has(self, node: Node, where: RepoName, digest: Digest) -> bool:
        try:
            await node.pulls.promised(where, digest)
        except (BlobUnknown, NameUnknown):
            return False
        return True

    async def _upload(self, node: Node, where: RepoName, content: bytes) -> bool:
        session = await node.uploads.start(self.by, where)
        await node.uploads.append(where, session.id, body(content), start=0)
        await node.uploads.finish(self.by, where, session.id, None, digests.of(content), start=None)
        return True

    async def _put(self, where: RepoName, one: Image, node: Node) -> None:
        try:
            manifest = manifests.parse(one.raw, one.media_type)
            await node.manifests.put(self.by, where, manifest, [names.tag("latest")], ANY, any_tag)
        except ManifestBlobUnknown as refusal:
            now = self.clock()
            broken = [each for each in refusal.detail["digests"] if self.promises.get((where, each), 0) > now]
            assert not broken, f"promised in {where}, and gone: {broken}"
            raise

    async def _empty(self, where: RepoName, one: Image, node: Node) -> None:
        await node.trash.empty(self.by, where, [one.digest])

    async def _restore(self, where: RepoName, one: Image, node: Node) -> None:
        await node.trash.restore(self.by, where, one.digest)

    async def _delete_blob(self, where: RepoName, digest: Digest, node: Node) -> None:
        self.promises.pop((where, digest), None)
        try:
            await node.deletes.blob(self.by, where, digest)
        finally:
            self.promises.pop((where, digest), None)

    async def _collect(self, node: Node) -> None:
        await node.uploads.sweep()
        await node.collector.step()

    # --- how it is driven

    def begin(self, number: int, steps: int, story: Story) -> None:
        async def beginning() -> None:
            doing = Doing()
            db = SteppingDatabase(self.world.databases[number], doing.step)
            node = Node(db, SteppingStore(self.world.store, doing.step), self.clock)
            self.doing.append(doing)
            await doing.begin(_refusals_are_answers(story(node)))
            await self._go_on(doing, steps)

        self.run(beginning())

    async def _go_on(self, doing: Doing, steps: int, error: Exception | None = None) -> None:
        while steps > 0 and not doing.task.done():
            await doing.go_on(error)
            steps -= 1
        if doing.task.done() and doing in self.doing:
            self.doing.remove(doing)

    def run(self, story: Awaitable[T]) -> T:
        async def running() -> T:
            return await story

        return asyncio.run_coroutine_threadsafe(running(), self.world.loop).result(120)


async def _refusals_are_answers(story: Awaitable[None]) -> None:
    try:
        await story
    except Refusal:
        return


def _forget_everything(tx: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        tx.execute(delete(table))


async def play(world: World, examples: int) -> None:
    Collection.world = world
    how = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    await asyncio.to_thread(run_state_machine_as_test, Collection, settings=how)


async def test_nothing_that_is_needed_goes_and_all_else_does_in_the_end(migrated_file: Path, tmp_path: Path) -> None:
    shutil.copy(migrated_file, tmp_path / "wharf.db")
    url, root = f"sqlite:///{tmp_path}/wharf.db", tmp_path / "bytes"
    databases = [open_database(url) for _ in range(NODES)]
    store = FilesystemStore(root)
    clear = partial(shutil.rmtree, root, ignore_errors=True)
    await play(World(url, facts.Folder(root), databases, store, clear, asyncio.get_running_loop()), EXAMPLES)
    await store.close()
    for database in databases:
        await database.close()


@pytest.mark.system
async def test_the_same_on_postgresql_and_an_object_store(
    postgres_server: str, migrated_database: str, tmp_path: Path
) -> None:
    with fresh_database(postgres_server, template=migrated_database) as url, swift(tmp_path) as bucket:
        backend = in_bucket(url, bucket)
        databases = [open_database(url) for _ in range(NODES)]
        store = open_store(store_settings(load(None, backend.environment, {}).settings))
        shelf = backend.shelf
        assert isinstance(shelf, Bucket)

        def clear() -> None:
            obstore.delete(shelf.store, list(shelf.sizes()))

        await play(World(url, shelf, databases, store, clear, asyncio.get_running_loop()), max(2, EXAMPLES // 5))
        await store.close()
        for database in databases:
            await database.close()
