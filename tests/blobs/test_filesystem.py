"""Blobs as files."""

import asyncio
import errno
import gc
import os
import resource
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.contracts.blob_store import (
    DIGEST,
    LONG_DIGEST,
    MIB,
    Holdings,
    StreamingContract,
    Stuck,
    content_of,
    some_bytes,
    stored,
    stream,
    until_empty,
    whole,
)
from wharfinger.blobs.filesystem import THREADS, FilesystemStore
from wharfinger.blobs.os_calls import REAL
from wharfinger.errors import BlobUnknown, StorageFull, Unavailable
from wharfinger.spec.locations import Location

Opened = Callable[..., FilesystemStore]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
async def opened(root: Path) -> AsyncIterator[Opened]:
    """Opens stores on the root, with calls of the test's own."""
    stores: list[FilesystemStore] = []

    def open_store(*, keep_free: int = 0, **calls: Any) -> FilesystemStore:
        stores.append(FilesystemStore(root, keep_free=keep_free, os_calls=replace(REAL, **calls)))
        return stores[-1]

    yield open_store
    for store in stores:
        await store.close()


@pytest.fixture
def store(opened: Opened) -> FilesystemStore:
    return opened()


@pytest.fixture
def holdings(root: Path) -> Holdings:
    async def holdings() -> list[str]:
        return files(root)

    return holdings


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def modes(root: Path) -> dict[bool, int]:
    """The permissions, by whether it is a folder."""
    return {path.is_dir(): path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}


def failing(number: int, call: Callable[..., object]) -> Callable[..., object]:
    """A call that is made and then fails as the operating system would."""

    def fail(*arguments: object) -> object:
        call(*arguments)
        raise OSError(number, os.strerror(number))

    return fail


class TestContract(StreamingContract):
    @pytest.fixture
    def store(self, opened: Opened) -> FilesystemStore:
        return opened()

    @pytest.fixture
    def holdings(self, holdings: Holdings) -> Holdings:
        return holdings


class TestLayout:
    async def test_a_sealed_blob_can_be_found_by_its_digest(self, store: FilesystemStore, root: Path) -> None:
        location = await stored(store, b"content")
        assert (root / location).read_bytes() == b"content"
        await store.seal(location, DIGEST)
        encoded = DIGEST.removeprefix("sha256:")
        [file] = (root / "blobs" / "sha256" / encoded[:2] / encoded).iterdir()
        assert file.read_bytes() == b"content"
        assert not any((root / "uploads").iterdir())

    async def test_nobody_else_may_look_at_it(self, store: FilesystemStore, root: Path) -> None:
        await store.seal(await stored(store, b"content"), DIGEST)
        assert modes(root) == {True: 0o700, False: 0o600}

    async def test_no_empty_folder_stays_behind_for_each_blob_there_was(
        self, store: FilesystemStore, root: Path
    ) -> None:
        sealed = await store.seal(await stored(store, b"content"), DIGEST)
        await store.delete(sealed)
        assert not (root / sealed).parent.exists()
        assert (root / sealed).parent.parent.exists()

    @pytest.mark.parametrize(
        "location",
        ["", "/", "..", "../a", "a/../b", "/etc/passwd", "a//b", "a/", "/a", "A", "a.b", "a\x00b", "a\n", "ä", "a b"],
    )
    async def test_what_is_no_location_does_not_come_near_a_path(self, store: FilesystemStore, location: str) -> None:
        bad = Location(location)
        with pytest.raises(ValueError):
            await store.write(bad, stream([b"x"]))
        with pytest.raises(ValueError):
            await anext(store.read(bad, 0, 1))
        for call in (store.size(bad), store.seal(Location("uploads/" + location + "/.."), DIGEST), store.delete(bad)):
            with pytest.raises(ValueError):
                await call

    async def test_a_link_is_not_followed(self, store: FilesystemStore, root: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"secret")
        await store.probe()
        (root / "uploads" / "abc").symlink_to(tmp_path / "secret")
        with pytest.raises(Unavailable):
            await anext(store.read(Location("uploads/abc"), 0, 6))

    async def test_a_location_is_not_written_twice(self, store: FilesystemStore) -> None:
        location = await stored(store, b"first")
        with pytest.raises(Unavailable):
            await store.write(location, stream([b"second"]))
        assert await content_of(store, location) == b"first"


class TestFull:
    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
    @pytest.mark.parametrize("call", ["open", "writev", "fsync", "fdatasync", "close"])
    async def test_a_full_disk_is_said_to_be_full_and_gets_no_fuller(
        self, opened: Opened, store: FilesystemStore, holdings: Holdings, call: str, number: int
    ) -> None:
        await stored(store, b"the folders are there")
        before = await holdings()
        full = opened(**{call: failing(number, getattr(REAL, call) if call == "close" else lambda *_: None)})
        with pytest.raises(StorageFull):
            await full.write(full.new_location(), stream([some_bytes(MIB)] * 40))
        assert await holdings() == before

    async def test_a_full_disk_may_take_half_of_a_write_first(self, opened: Opened, holdings: Holdings) -> None:
        def half(descriptor: int, chunks: list[bytes]) -> int:
            if os.fstat(descriptor).st_size > MIB:
                raise OSError(errno.ENOSPC, "full")
            return os.write(descriptor, b"".join(chunks)[: MIB // 2 + 1])

        store = opened(writev=half)
        with pytest.raises(StorageFull):
            await store.write(store.new_location(), stream([some_bytes(MIB)] * 4))
        assert await holdings() == []

    async def test_a_write_that_is_taken_in_parts_is_whole(self, opened: Opened) -> None:
        store = opened(writev=lambda descriptor, chunks: os.write(descriptor, b"".join(chunks)[:77_777]))
        content = some_bytes(3 * MIB)
        assert await content_of(store, await stored(store, content)) == content

    async def test_the_operating_system_itself_refuses(self, store: FilesystemStore, holdings: Holdings) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 * MIB + 5, hard))
        try:
            with pytest.raises(StorageFull):
                await store.write(store.new_location(), stream([some_bytes(MIB)] * 10))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert await holdings() == []

    async def test_the_reserve_is_kept_and_no_byte_of_the_body_is_read_for_nothing(
        self, opened: Opened, holdings: Holdings
    ) -> None:
        store = opened(keep_free=1 << 60)
        body = Stuck([])
        async with asyncio.timeout(5):
            with pytest.raises(StorageFull):
                await store.write(store.new_location(), body)
        assert not body.waiting.is_set()
        assert await holdings() == []

    async def test_the_reserve_is_kept_while_a_body_arrives(self, opened: Opened, holdings: Holdings) -> None:
        free = iter([100 * MIB, 50 * MIB, 9 * MIB])

        def left(path: str) -> os.statvfs_result:
            blocks = next(free)
            return os.statvfs_result((1, 1, blocks, blocks, blocks, 0, 0, 0, 0, 255))

        store = opened(keep_free=10 * MIB, statvfs=left)
        with pytest.raises(StorageFull):
            await store.write(store.new_location(), stream([some_bytes(MIB)] * 10))
        assert await holdings() == []

    async def test_what_is_there_is_read_when_the_disk_is_full(self, opened: Opened, store: FilesystemStore) -> None:
        location = await stored(store, b"content")
        full = opened(keep_free=1 << 60)
        assert await content_of(full, location) == b"content"
        await full.seal(location, DIGEST)
        await full.probe()


class TestBroken:
    @pytest.mark.parametrize("call", ["open", "writev", "fsync", "fdatasync", "close", "statvfs", "mkdir"])
    async def test_a_failed_write_is_not_acknowledged(self, opened: Opened, holdings: Holdings, call: str) -> None:
        store = opened(**{call: failing(errno.EIO, getattr(REAL, call) if call == "close" else lambda *_: None)})
        with pytest.raises(Unavailable):
            await store.write(store.new_location(), stream([some_bytes(MIB)] * 40))
        assert await holdings() == []

    async def test_an_error_of_the_early_flush_is_not_lost(self, opened: Opened, holdings: Holdings) -> None:
        """The kernel tells it once, so the sync at the end would not."""
        store = opened(fdatasync=failing(errno.EIO, lambda _: None))
        with pytest.raises(Unavailable):
            await store.write(store.new_location(), stream([some_bytes(MIB)] * 17))
        assert await holdings() == []

    async def test_a_root_whose_folder_above_cannot_be_read_will_do(self, opened: Opened, root: Path) -> None:
        def open_what_is_readable(path: str, flags: int, mode: int) -> int:
            if path == str(root.parent):
                raise PermissionError(errno.EACCES, "only the operator reads this")
            return os.open(path, flags, mode)

        store = opened(open=open_what_is_readable)
        assert await content_of(store, await stored(store, b"content")) == b"content"

    @pytest.mark.parametrize("call", ["fsync", "rename", "mkdir"])
    async def test_a_seal_that_failed_half_way_may_be_repeated(
        self, opened: Opened, store: FilesystemStore, call: str
    ) -> None:
        for really, digest in ((lambda *_: None, DIGEST), (getattr(REAL, call), LONG_DIGEST)):
            location = await stored(store, b"content")
            with pytest.raises(Unavailable):
                await opened(**{call: failing(errno.EIO, really)}).seal(location, digest)
            assert await content_of(store, await store.seal(location, digest)) == b"content"

    async def test_a_failed_read_says_so(self, opened: Opened, store: FilesystemStore) -> None:
        location = await stored(store, some_bytes(MIB))
        sick = opened(pread=failing(errno.EIO, lambda *_: None), preadv=failing(errno.EIO, lambda *_: None))
        for stop in (10, MIB):
            with pytest.raises(Unavailable):
                await anext(sick.read(location, 0, stop))

    async def test_a_folder_that_cannot_be_made_is_not_ready(self, tmp_path: Path) -> None:
        for root in (tmp_path / "not" / "there", tmp_path / "file" / "store"):
            (tmp_path / "file").touch()
            store = FilesystemStore(root)
            with pytest.raises(Unavailable):
                await store.probe()
            with pytest.raises(Unavailable):
                await store.write(store.new_location(), stream([b"x"]))
            await store.close()

    async def test_messages_name_no_paths(self, opened: Opened, root: Path) -> None:
        store = opened(writev=failing(errno.EIO, lambda *_: None))
        with pytest.raises(Unavailable) as refused:
            await store.write(store.new_location(), stream([b"x"]))
        assert str(root) not in refused.value.message


class TestRaces:
    async def test_a_delete_that_removes_the_folder_under_a_seal_does_not_lose_the_bytes(
        self, opened: Opened, store: FilesystemStore, root: Path
    ) -> None:
        removed: list[str] = []

        def rename(old: str, new: str) -> None:
            if len(removed) < 3:
                removed.append(new)
                Path(new).parent.rmdir()
            os.rename(old, new)  # noqa: PTH104 - what it stands in for

        location = await stored(store, b"content")
        sealed = await opened(rename=rename).seal(location, DIGEST)
        assert len(removed) == 3
        assert await content_of(store, sealed) == b"content"

    async def test_another_process_may_seal_between_any_two_steps(self, opened: Opened, store: FilesystemStore) -> None:
        def rename(old: str, new: str) -> None:
            os.rename(old, new)  # noqa: PTH104 - by the other one
            os.rename(old, new)  # noqa: PTH104 - what it stands in for

        location = await stored(store, b"content")
        assert await content_of(store, await opened(rename=rename).seal(location, DIGEST)) == b"content"

    async def test_a_write_that_is_cancelled_in_the_middle_of_a_call_waits_for_it(
        self, opened: Opened, holdings: Holdings
    ) -> None:
        """The thread goes on writing; nobody may close its file under it, or it would write into another one."""
        for call in ("open", "writev", "fsync"):
            reached, go_on = Event(), Event()

            def slow(*arguments: object, call: str = call, reached: Event = reached, go_on: Event = go_on) -> object:
                path = arguments[0] if call == "open" else os.readlink(f"/proc/self/fd/{arguments[0]}")  # noqa: PTH115
                if "/uploads/" in str(path):
                    reached.set()
                    go_on.wait(10)
                return getattr(REAL, call)(*arguments)

            store = opened(**{call: slow})
            writing = asyncio.create_task(store.write(store.new_location(), stream([b"content"])))
            await asyncio.to_thread(reached.wait, 10)
            writing.cancel()
            await asyncio.sleep(0.05)
            assert not writing.done()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await writing
            assert await holdings() == []

    async def test_many_writes_that_are_cancelled_twice_leave_nothing(self, opened: Opened, holdings: Holdings) -> None:
        """More than there are threads, so that what cleans up has to wait for one when it is cancelled too."""
        go_on = Event()

        def slow(descriptor: int, chunks: list[bytes]) -> int:
            go_on.wait(10)
            return os.writev(descriptor, chunks)

        store = opened(writev=slow)
        writes = [asyncio.create_task(stored(store, b"content")) for _ in range(THREADS)]
        while len(await holdings()) < THREADS:  # noqa: ASYNC110 - threads set no asyncio events
            await asyncio.sleep(0.01)
        for _ in range(2):
            await asyncio.sleep(0.05)
            for writing in writes:
                writing.cancel()
        await asyncio.gather(*writes, return_exceptions=True)
        go_on.set()
        await until_empty(holdings)

    async def test_no_descriptor_is_forgotten(self, store: FilesystemStore) -> None:
        def descriptors() -> int:
            return sum("/store/" in os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd"))  # noqa: PTH208

        location = await stored(store, some_bytes(4 * MIB))

        async def read_a_bit() -> None:
            await anext(store.read(location, 0, 4 * MIB))

        for _ in range(20):
            await read_a_bit()
            reading = asyncio.create_task(whole(store.read(location, 0, 4 * MIB)))
            await asyncio.sleep(0.0005)
            reading.cancel()
            writing = asyncio.create_task(stored(store, some_bytes(MIB)))
            await asyncio.sleep(0.0005)
            writing.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
        with pytest.raises(BlobUnknown):
            await anext(store.read(Location("uploads/unknown"), 0, 4 * MIB))
        await asyncio.sleep(0.05)
        del reading, writing  # their tracebacks hold what was open
        gc.collect()
        assert descriptors() == 0

    async def test_a_reader_keeps_what_is_deleted_meanwhile(self, store: FilesystemStore) -> None:
        content = some_bytes(3 * MIB)
        location = await stored(store, content)
        reading = store.read(location, 0, len(content))
        first = await anext(reading)
        await store.delete(location)
        assert first + await whole(reading) == content

    async def test_readers_do_not_wait_for_writers(self, opened: Opened) -> None:
        go_on = Event()
        store = opened(fsync=lambda _: go_on.wait(10))
        # The folders are made with syncs too, so they are there before.
        go_on.set()
        location = await stored(store, some_bytes(MIB))
        go_on.clear()
        writes = [asyncio.create_task(stored(store, b"content")) for _ in range(40)]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            assert await content_of(store, location) == some_bytes(MIB)
        go_on.set()
        await asyncio.gather(*writes)
