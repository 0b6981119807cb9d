"""Blobs as files below one folder.

    uploads/<random>                        staged bytes
    blobs/sha256/ab/<hex>/<random>          sealed bytes; ab are the first two digits

What :meth:`FilesystemStore.write` and :meth:`FilesystemStore.seal` have returned from survives a power cut. That needs
the content on the disk, the file's entry in its folder, and each folder's entry in the one above; the tests drop each
of these syncs in turn and lose data. It also needs a filesystem on which a rename is one step, as it is on ext4, XFS,
Btrfs and ZFS.
"""

import asyncio
import errno
import os
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from wharfinger.blobs.batches import Batches
from wharfinger.blobs.deleting import still_there
from wharfinger.blobs.files import NewFile, OpenFile
from wharfinger.blobs.folders import Folders
from wharfinger.blobs.os_calls import REAL, OsCalls
from wharfinger.blobs.store import Bytes, random_name
from wharfinger.errors import BlobUnknown, Refusal, StorageFull, Unavailable
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_LOCATION = re.compile(r"[a-z0-9]+(?:/[a-z0-9]+)*", re.ASCII)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

CHUNK = 128 * 1024
"""What one read hands over. The server holds some eight of them for a client that has stalled: twice as much would be
faster, but 32 slow pulls would not fit into 200 MB."""

INLINE = 64 * 1024
"""A read this small is done at once: 10 µs from the page cache, where a hop to a thread costs 100."""

THREADS = 8
"""For each of writing, flushing and reading. A sync holds its thread for as long as the disk wants: readers do not
queue behind writers, and a writer that waits for its flush does not hold the thread that the flush needs."""


class FilesystemStore:
    """Blobs as files below ``root``, which is made if it is missing; ``keep_free`` bytes of its disk are left alone."""

    def __init__(self, root: Path, *, keep_free: int = 0, os_calls: OsCalls = REAL) -> None:
        self._root = root.absolute()
        self._uploads = self._root / "uploads"
        self._keep_free = keep_free
        self._calls = os_calls
        self._folders = Folders(self._root, os_calls)
        self._writers = ThreadPoolExecutor(THREADS, "wharf-write")
        self._flushers = ThreadPoolExecutor(THREADS, "wharf-flush")
        self._readers = ThreadPoolExecutor(THREADS, "wharf-read")

    def new_location(self) -> Location:
        return Location(f"uploads/{random_name()}")

    async def write(self, location: Location, body: Bytes) -> int:
        file = NewFile(self._path(location), self._calls, self._flushers)
        try:
            await self._in_writer(self._create, file)
            size = await self._pour(body, file)
            await self._in_writer(self._keep, file)
        except BaseException:
            # Shielded, so that a second cancellation does not leave the file behind.
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._writers, file.discard))
            raise
        return size

    async def _pour(self, body: Bytes, file: NewFile) -> int:
        size = 0
        async for batch in Batches(body):
            await self._in_writer(self._append, file, batch)
            size += sum(map(len, batch))
        return size

    def _create(self, file: NewFile) -> None:
        self._folders.keep(self._uploads)
        self._require_room()
        file.create()

    def _append(self, file: NewFile, batch: Sequence[bytes]) -> None:
        self._require_room()
        file.append(batch)

    def _keep(self, file: NewFile) -> None:
        file.keep()
        self._folders.sync(self._uploads)

    def _require_room(self) -> None:
        # The database is on the same disk as a rule, and must be able to go on when blobs have filled it.
        disk = self._calls.statvfs(str(self._root))
        if disk.f_bavail * disk.f_frsize < self._keep_free:
            raise StorageFull("the disk is full: less than the configured reserve is free")

    def sealed(self, location: Location, digest: Digest) -> Location:
        algorithm, encoded = digests.algorithm(digest), digests.encoded(digest)
        return Location(f"blobs/{algorithm}/{encoded[:2]}/{encoded}/{location.rpartition('/')[2]}")

    async def seal(self, location: Location, digest: Digest) -> Location:
        sealed = self.sealed(location, digest)
        await self._in_writer(self._seal, self._path(location), self._path(sealed))
        return sealed

    def _seal(self, staged: Path, sealed: Path) -> None:
        while not self._move(staged, sealed):
            pass
        self._folders.sync(sealed.parent)

    def _move(self, staged: Path, sealed: Path) -> bool:
        """Whether the bytes are at ``sealed``; if not, a delete has just removed the folder, and one tries again."""
        self._folders.keep(sealed.parent.parent)
        self._folders.keep_for_now(sealed.parent)
        try:
            self._calls.rename(str(staged), str(sealed))
        except FileNotFoundError as error:
            # In this order: what is gone from `staged` by now must be at `sealed`, whoever moved it.
            if staged.exists():
                return False
            if not sealed.exists():
                raise BlobUnknown("there are no such bytes to seal") from error
        return True

    async def size(self, location: Location) -> int | None:
        return await self._in_reader(self._size, self._path(location))

    def _size(self, path: Path) -> int | None:
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return None

    async def read(self, location: Location, start: int, stop: int) -> AsyncIterator[bytes]:
        if stop - start <= INLINE:
            if content := self._read_now(location, start, stop):
                yield content
            return
        file = await self._in_reader(self._open, self._path(location))
        while start < stop:
            size = min(CHUNK, stop - start)
            with os_errors():
                chunk = file.read_cached(size, start)
            # What the page cache has costs 20 µs here, a hop to a thread 100; the disk is waited for in a thread.
            chunk = chunk or await self._in_reader(file.read, size, start)
            if not chunk:
                raise _too_short(location)
            start += len(chunk)
            yield chunk

    def _read_now(self, location: Location, start: int, stop: int) -> bytes:
        with os_errors():
            file = self._open(self._path(location))
            content = file.read(stop - start, start)
        if len(content) < stop - start:
            raise _too_short(location)
        return content

    def _open(self, path: Path) -> OpenFile:
        try:
            return OpenFile(path, self._calls)
        except FileNotFoundError as error:
            raise BlobUnknown("there are no such bytes to read") from error

    async def delete(self, location: Location, digest: Digest | None = None) -> None:
        await self._in_writer(self._delete, self._places(location, digest))

    async def delete_many(self, sealed: Mapping[Location, Digest]) -> dict[Location, Refusal]:
        places = {location: self._places(location, digest) for location, digest in sealed.items()}
        return await self._in_writer(self._delete_many, places)

    def _places(self, location: Location, digest: Digest | None) -> Collection[Path]:
        """Where the bytes may be: what has been sealed already is sealed to where it is."""
        both = (location,) if digest is None else (location, self.sealed(location, digest))
        return dict.fromkeys(map(self._path, both))

    def _delete_many(self, places: Mapping[Location, Collection[Path]]) -> dict[Location, Refusal]:
        found = ((location, self._why_left(paths)) for location, paths in places.items())
        return {location: why for location, why in found if why is not None}

    def _why_left(self, paths: Collection[Path]) -> Refusal | None:
        try:
            with os_errors():
                self._delete(paths)
                is_left = any(self._size(path) is not None for path in paths)
        except Refusal as refusal:
            return refusal
        return still_there() if is_left else None

    def _delete(self, paths: Iterable[Path]) -> None:
        for path in paths:
            with suppress(FileNotFoundError):
                self._calls.unlink(str(path))
            if path.parent != self._uploads:
                # The digest's folder; other copies of the same digest may be in it, or on their way.
                with suppress(OSError):
                    self._calls.rmdir(str(path.parent))

    async def url(self, location: Location, seconds: int) -> str | None:  # noqa: ARG002 - files have no address
        return None

    async def probe(self) -> None:
        await self._in_reader(self._probe)

    def _probe(self) -> None:
        self._folders.keep(self._uploads)
        if not os.access(self._uploads, os.R_OK | os.W_OK | os.X_OK):
            raise Unavailable("the folder of the byte store cannot be written")

    async def close(self) -> None:
        for threads in (self._writers, self._flushers, self._readers):
            await asyncio.to_thread(threads.shutdown)

    def _path(self, location: Location) -> Path:
        # The database says so and the store has made it, yet nothing but this line keeps a path below the root.
        if not _LOCATION.fullmatch(location):
            raise ValueError(f"not a location: {location!r}")
        return self._root / location

    async def _in_reader(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        with os_errors():
            return await asyncio.get_running_loop().run_in_executor(self._readers, call, *args)

    async def _in_writer(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        with os_errors():
            return await asyncio.get_running_loop().run_in_executor(self._writers, call, *args)


def _too_short(location: Location) -> Unavailable:
    return Unavailable("the stored bytes are shorter than they should be", location=location)


@contextmanager
def os_errors() -> Iterator[None]:
    """The operating system's refusals in ours. Paths stay out of the messages: they are not the client's business."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("the disk is full") from error
        raise Unavailable(f"the byte store failed: {os.strerror(error.errno or 0)}") from error
