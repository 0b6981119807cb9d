"""What a folder of blobs holds; what is put aside is below ``quarantine/``, under the same names."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from wharfinger.blobs.filesystem import os_errors
from wharfinger.blobs.folders import Folders
from wharfinger.blobs.os_calls import REAL
from wharfinger.blobs.stock import PAGE, Item
from wharfinger.errors import DigestInvalid
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

ASIDE = "quarantine"
_KEPT = ("uploads", "blobs")
_LOCATION = re.compile(r"(?:uploads|blobs)(?:/[a-z0-9]+)+", re.ASCII)


class FileStock:
    """The stock of a :class:`FilesystemStore` with this root. Files that no store has made are passed over."""

    tells_unfinished = True

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._aside = self._root / ASIDE
        self._folders = Folders(self._root, REAL)
        self._threads = ThreadPoolExecutor(2, "wharf-stock")

    async def items(self) -> AsyncIterator[list[Item]]:
        async for page in self._pages(self._root):
            yield page

    async def marks(self) -> AsyncIterator[list[tuple[Location, Digest]]]:
        async for page in self._pages(self._root):
            yield [(item.location, item.digest) for item in page if item.digest is not None]

    def staged(self, location: Location) -> Location:
        return Location(f"uploads/{location.rpartition('/')[2]}")

    async def put_aside(self, item: Item) -> None:
        await self._in_thread(self._put_aside, self._root / item.location, self._aside / item.location)

    async def aside(self) -> AsyncIterator[list[Item]]:
        async for page in self._pages(self._aside):
            yield page

    async def put_back(self, item: Item) -> None:
        await self._in_thread(self._move, self._aside / item.location, self._root / item.location)

    async def throw_away(self, item: Item) -> None:
        await self._in_thread(self._remove, self._aside / item.location)

    async def unmark(self, location: Location, digest: Digest) -> None:  # noqa: ARG002 - the name of a file is its mark
        return

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)

    def _put_aside(self, old: Path, new: Path) -> None:
        with suppress(FileNotFoundError):
            os.utime(old)  # `since` is from now on when it was put aside
        self._move(old, new)

    def _move(self, old: Path, new: Path) -> None:
        self._folders.keep_for_now(self._made(new.parent))
        try:
            REAL.rename(str(old), str(new))
        except FileNotFoundError:
            if not new.exists():
                raise
            return  # done before
        self._folders.sync(new.parent)
        self._folders.sync(old.parent)
        self._drop_empty(old.parent)

    def _made(self, folder: Path) -> Path:
        for parent in reversed(folder.relative_to(self._root).parents):
            self._folders.keep_for_now(self._root / parent)
        return folder

    def _remove(self, path: Path) -> None:
        with suppress(FileNotFoundError):
            REAL.unlink(str(path))
        self._drop_empty(path.parent)

    def _drop_empty(self, folder: Path) -> None:
        if folder.name not in _KEPT:
            with suppress(OSError):
                REAL.rmdir(str(folder))

    async def _pages(self, base: Path) -> AsyncIterator[list[Item]]:
        files = _items(base)
        while page := await self._in_thread(_next, files):
            yield page

    async def _in_thread(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        with os_errors():
            return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)


def _next(items: Iterator[Item]) -> list[Item]:
    return list(islice(items, PAGE))


def _items(base: Path) -> Iterator[Item]:
    for part in _KEPT:
        for path in _files(base / part):
            location = str(path.relative_to(base))
            with suppress(FileNotFoundError):  # gone since it was listed
                told = path.stat(follow_symlinks=False)
                if _LOCATION.fullmatch(location):
                    yield Item(Location(location), told.st_size, told.st_mtime, _digest(location))


def _files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _digest(location: str) -> Digest | None:
    match location.split("/"):
        case ["blobs", algorithm, _, encoded, _]:
            with suppress(DigestInvalid):
                return digests.parse(f"{algorithm}:{encoded}")
    return None
