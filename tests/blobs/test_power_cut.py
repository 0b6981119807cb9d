"""What write and seal have returned from is still there after the power went, and each sync is needed for that."""

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tests.contracts.blob_store import content_of, stored
from tests.kit.power import Disk, Recorder
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.blobs.os_calls import OsCalls
from wharfinger.errors import Unavailable
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

# Two of the same first digits, and one elsewhere.
A, A2, B = (Digest(f"sha256:{start:0<64}") for start in ("aa1", "aa2", "bb"))
CONTENT = b"twelve bytes" * 100


class Lost(AssertionError):
    """Something that was acknowledged did not survive."""


@dataclass
class Story:
    """What a store was asked to do, with the event after which each answer came."""

    base: Path
    recorder: Recorder
    written: dict[Location, int] = field(default_factory=dict)
    sealed: dict[Location, int] = field(default_factory=dict)
    digests: dict[Location, Digest] = field(default_factory=dict)
    deleted: dict[Location, int] = field(default_factory=dict)

    def open(self, calls: OsCalls | None = None) -> FilesystemStore:
        """A process that uses the folder."""
        return FilesystemStore(self.base / "store", os_calls=calls or self.recorder.calls())

    async def write(self, store: FilesystemStore, digest: Digest) -> Location:
        location = await stored(store, CONTENT)
        self.digests[location] = digest
        self.written[location] = len(self.recorder.events)
        return location

    async def seal(self, store: FilesystemStore, location: Location) -> Location:
        sealed = await store.seal(location, self.digests[location])
        self.sealed.setdefault(location, len(self.recorder.events))
        return sealed

    async def delete(self, store: FilesystemStore, location: Location) -> None:
        self.deleted[location] = len(self.recorder.events)
        await store.delete(location, self.digests[location])

    async def survives(self, scratch: Path, mixes: int = 3) -> None:
        """Cuts the power after each event. Raises Lost when an answer turns out to have been a lie."""
        random, numbers = Random(7), count()
        for cut in range(len(self.recorder.events) + 1):
            for survivor in Disk(self.recorder.events[:cut]).survivors(random, mixes):
                left = scratch / str(next(numbers))
                survivor.write(left)
                await self._check(left, cut)

    async def _check(self, left: Path, cut: int) -> None:
        store = FilesystemStore(left / "store", os_calls=OsCalls(fsync=lambda _: None))
        try:
            for location, digest in self.digests.items():
                if cut < self.deleted.get(location, cut + 1):
                    await self._check_one(store, location, digest, cut)
        finally:
            await store.close()
        self._require_whole(left)

    async def _check_one(self, store: FilesystemStore, location: Location, digest: Digest, cut: int) -> None:
        sealed = store.sealed(location, digest)
        if cut >= self.sealed.get(location, cut + 1) and await content_of(store, sealed) != CONTENT:
            raise Lost(f"sealed bytes at event {cut}")
        if cut >= self.written[location]:
            # Whoever comes after the power cut goes on where it was interrupted.
            try:
                await store.seal(location, digest)
            except Exception as error:
                raise Lost(f"staged bytes at event {cut}") from error
            if await content_of(store, sealed) != CONTENT:
                raise Lost(f"staged bytes at event {cut}")

    def _require_whole(self, left: Path) -> None:
        # Rebuilding a database takes each file under blobs/ for what its name says.
        for file in (left / "store" / "blobs").rglob("*"):
            if file.is_file() and file.read_bytes() != CONTENT:
                raise Lost(f"half-written bytes are sealed as {file.name}")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    return tmp_path / "base"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


async def push(story: Story, calls: OsCalls | None = None) -> None:
    store = story.open(calls)
    await story.seal(store, await story.write(store, A))
    await store.close()


async def test_what_was_acknowledged_survives_each_cut(base: Path, scratch: Path) -> None:
    story = Story(base, Recorder(base))
    store = story.open()
    first = await story.write(store, A)
    second = await story.write(store, A2)
    await story.seal(store, first)
    await story.seal(store, second)
    await story.seal(store, second)
    third, again = await asyncio.gather(story.write(store, B), story.write(store, A))
    await story.delete(store, first)
    await asyncio.gather(story.seal(store, third), story.seal(store, again), story.seal(store, again))
    await store.close()
    await story.survives(scratch)


SYNCS = [
    (".", "the root in the folder above it"),
    ("store", "uploads in the root"),
    ("store/uploads/*", "the content of the file"),
    ("store/uploads", "the file in uploads"),
    ("store", "blobs in the root"),
    ("store/blobs", "the algorithm in blobs"),
    ("store/blobs/sha256", "the first digits in the algorithm"),
    ("store/blobs/sha256/aa", "the digest in the first digits"),
    (f"store/blobs/sha256/aa/{A[7:]}", "the file in the digest"),
]


async def test_one_push_syncs_these_and_nothing_else(base: Path, scratch: Path) -> None:
    story = Story(base, Recorder(base))
    await push(story)
    assert len(story.recorder.syncs) == len(SYNCS)
    assert all(fnmatchcase(sync, pattern) for sync, (pattern, _) in zip(story.recorder.syncs, SYNCS, strict=True))
    await story.survives(scratch)


@pytest.mark.parametrize("dropped", range(len(SYNCS)), ids=[name for _, name in SYNCS])
async def test_without_any_one_of_them_something_is_lost(base: Path, scratch: Path, dropped: int) -> None:
    story = Story(base, Recorder(base, dropped=dropped))
    await push(story)
    with pytest.raises(Lost):
        await story.survives(scratch)


async def test_who_comes_after_a_process_that_died_does_not_rely_on_what_it_did(base: Path, scratch: Path) -> None:
    """The dead process has made folders and renamed files, and synced some of it; the machine goes on."""
    for dies_at in count():
        home = base / str(dies_at)
        home.mkdir()
        story = Story(home, Recorder(home))
        calls = story.recorder.calls(dies_at=dies_at)
        try:
            await push(story, calls)
        except Unavailable:
            died = True
        else:
            died = False
        store = story.open()
        for location in [*story.written] or [await story.write(store, A)]:
            await story.seal(store, location)
        await store.close()
        (scratch / str(dies_at)).mkdir()
        await story.survives(scratch / str(dies_at), mixes=1)
        if not died:
            break
    assert dies_at >= len(SYNCS)
