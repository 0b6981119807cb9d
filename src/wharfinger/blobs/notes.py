"""The port to small named objects beside the blobs: what the journal is kept in.

A note is written whole and never changed in part. A byte store's blobs have locations; notes have names that say what
they are and sort in the order in which they were made.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, TypeVarTuple

import obstore

from wharfinger.blobs.files import NewFile, OpenFile
from wharfinger.blobs.filesystem import os_errors
from wharfinger.blobs.folders import Folders
from wharfinger.blobs.object import object_errors
from wharfinger.blobs.os_calls import REAL, OsCalls
from wharfinger.blobs.store import random_name
from wharfinger.errors import BlobUnknown

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Backend  # exists for type checkers only

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

FOLDER = "journal"
LARGEST = 64 * 1024 * 1024
"""A note is read whole: a larger file was not written by us."""

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)


class Notes(Protocol):
    """Small objects by name. Every method may raise Unavailable; ``keep`` may raise StorageFull."""

    async def keep(self, name: str, content: bytes) -> None:
        """Store it under ``name``, durable when this returns, and never seen in part; replaces what was there."""
        ...

    async def read(self, name: str) -> bytes:
        """What was stored last. Raises BlobUnknown."""
        ...

    async def names(self) -> list[str]:
        """Every name, in byte order."""
        ...

    async def remove(self, name: str) -> None:
        """Forget it. Absent is fine."""
        ...

    async def close(self) -> None:
        """Give back connections and threads."""
        ...


class FileNotes:
    """Notes as files in ``journal/`` below the blobs' folder: written beside, synced, and renamed."""

    def __init__(self, root: Path, *, os_calls: OsCalls = REAL) -> None:
        self._folder = root.absolute() / FOLDER
        self._calls = os_calls
        self._folders = Folders(root.absolute(), os_calls)
        self._threads = ThreadPoolExecutor(2, "wharf-notes")
        self._flusher = ThreadPoolExecutor(1, "wharf-notes-flush")  # not one of those that wait for it

    async def keep(self, name: str, content: bytes) -> None:
        await self._in_thread(self._keep, _checked(name), content)

    def _keep(self, name: str, content: bytes) -> None:
        self._folders.keep(self._folder)
        # Its name is none that a note may have, so a crash leaves nothing that is taken for one.
        beside = self._folder / f".{random_name()}"
        file = NewFile(beside, self._calls, self._flusher)
        try:
            file.create()
            file.append([content])
            file.keep()
            self._calls.rename(str(beside), str(self._folder / name))
        except BaseException:
            file.discard()
            raise
        self._folders.sync(self._folder)

    async def read(self, name: str) -> bytes:
        return await self._in_thread(self._read, _checked(name))

    def _read(self, name: str) -> bytes:
        try:
            file = OpenFile(self._folder / name, self._calls)
        except FileNotFoundError as error:
            raise BlobUnknown(f"there is no note {name}") from error
        return file.read(LARGEST, 0)

    async def names(self) -> list[str]:
        return await self._in_thread(self._names)

    def _names(self) -> list[str]:
        try:
            return sorted(path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name))
        except FileNotFoundError:
            return []

    async def remove(self, name: str) -> None:
        await self._in_thread(self._remove, _checked(name))

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._calls.unlink(str(self._folder / name))

    async def close(self) -> None:
        for threads in (self._threads, self._flusher):
            await asyncio.to_thread(threads.shutdown)

    async def _in_thread(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        with os_errors():
            return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)


class ObjectNotes:
    """Notes as objects below ``journal/``: a put is whole or not at all."""

    def __init__(self, backend: "Backend", *, prefix: str = "") -> None:
        self._backend = backend
        self._prefix = f"{prefix}/{FOLDER}/" if prefix else f"{FOLDER}/"

    async def keep(self, name: str, content: bytes) -> None:
        with object_errors():
            await obstore.put_async(self._backend, self._prefix + _checked(name), content, use_multipart=False)

    async def read(self, name: str) -> bytes:
        with object_errors(missing=BlobUnknown):
            found = await obstore.get_async(self._backend, self._prefix + _checked(name))
            return bytes(await found.bytes_async())

    async def names(self) -> list[str]:
        found: list[str] = []
        with object_errors():
            async for page in obstore.list(self._backend, prefix=self._prefix.rstrip("/")):
                found += (each["path"].removeprefix(self._prefix) for each in page)
        return sorted(name for name in found if _NAME.fullmatch(name))

    async def remove(self, name: str) -> None:
        with object_errors(), suppress(FileNotFoundError):
            await obstore.delete_async(self._backend, self._prefix + _checked(name))

    async def close(self) -> None:
        return


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not the name of a note: {name!r}")
    return name
