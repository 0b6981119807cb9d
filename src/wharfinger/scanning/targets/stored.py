"""An image of our own, read from the database and the byte store by a thread beside the event loop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, TypeVar

from wharfinger.blobs.store import BlobStore
from wharfinger.errors import BlobUnknown, ManifestUnknown
from wharfinger.meta import blobs, manifests
from wharfinger.meta.db import Database
from wharfinger.scanning.targets.place import CHUNK
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

T = TypeVar("T")


class Stored:
    """What a repository holds; made in the event loop, and used outside of it."""

    def __init__(self, db: Database, store: BlobStore, repository: RepoName) -> None:
        self._db = db
        self._store = store
        self._repository = repository
        self._loop = asyncio.get_running_loop()

    def manifest(self, digest: Digest) -> bytes:
        found = self._wait(self._db.read(manifests.find, self._repository, digest))
        if found is None:
            raise ManifestUnknown(f"manifest {digest} is not known in {self._repository}", reference=digest)
        return found.raw

    def open(self, blob: Descriptor) -> "_Stream":
        found = self._wait(self._db.read(blobs.find_in, self._repository, blob.digest))
        if found is None:
            raise BlobUnknown(f"blob {blob.digest} is not known in {self._repository}", digest=blob.digest)
        return _Stream(self._store.read(found.location, 0, found.size), self._loop)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _Stream:
    """A blob's bytes, fetched in the event loop."""

    def __init__(self, chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._chunks = chunks
        self._loop = loop
        self._left = b""

    def read(self, size: int = CHUNK, /) -> bytes:
        raw = self._left or asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
        self._left = raw[size:]
        return raw[:size]

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()

    async def _next(self) -> bytes:
        return await anext(self._chunks, b"")

    async def _end(self) -> None:
        if isinstance(self._chunks, AsyncGenerator):  # one that was read to its end has closed what it had opened
            await self._chunks.aclose()
