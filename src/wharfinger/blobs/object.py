"""Blobs as objects in S3, Google Cloud Storage or Azure Blob Storage, by way of obstore.

    blobs/<random>                               the bytes, from the start
    by-digest/sha256/<hex>/<random>              empty; says which digest they have, should the database be lost

Object stores have no rename, and S3 copies no more than 5 GB. So bytes never move, and sealing writes the marker. The
parts that a killed process leaves behind are invisible here: a lifecycle rule of the bucket has to remove incomplete
multipart uploads (Azure does it by itself, after a week).
"""

import asyncio
import re
from asyncio import Future
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from wharfinger.blobs.batches import Batches
from wharfinger.blobs.deleting import why_left, why_not_deleted
from wharfinger.blobs.pipe import Pipe
from wharfinger.blobs.store import Bytes, random_name
from wharfinger.errors import BlobUnknown, Refusal, StorageFull, Unavailable
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

if TYPE_CHECKING:
    # These exist for type checkers only.
    from obstore import PutResult
    from obstore.store import ObjectStore as Backend

CHUNK = 1024 * 1024

PART = 8 * 1024 * 1024
"""S3 takes 10,000 parts, so this allows 80 GB in one blob."""

PARTS_AT_ONCE = 4
"""With the one being filled, 40 MiB of memory for each upload."""

SEEN_AT_ONCE = 8
"""Objects that are looked at, or deleted one by one, at the same time."""

# S3 and Ceph, MinIO, Azure, and Swift or a proxy that answers with the status alone.
_FULL = re.compile(r"QuotaExceeded|StorageFull|InsufficientStorage|status code: 507")


class ObjectStore:
    """Blobs as objects under ``prefix``; ``presign`` hands out URLs where the backend can sign them."""

    def __init__(self, backend: "Backend", *, prefix: str = "", presign: bool = False, part: int = PART) -> None:
        self._backend = backend
        self._prefix = f"{prefix}/" if prefix else ""
        self._presign = presign
        self._part = part
        self._undoing: set[asyncio.Task[None]] = set()

    def new_location(self) -> Location:
        return Location(f"blobs/{random_name()}")

    async def write(self, location: Location, body: Bytes) -> int:
        batches = Batches(body)
        first = await self._first_part(batches)
        if batches.ended:
            await self._put_whole(location, first)
            return len(first)
        return await self._put_parts(location, first, batches)

    async def _first_part(self, batches: Batches) -> bytes:
        part = bytearray()
        while not batches.ended and len(part) < self._part:
            part += b"".join(await anext(batches, []))
        return bytes(part)

    async def _put_whole(self, location: Location, content: bytes) -> None:
        # One request instead of the three of a multipart upload, and most blobs are small.
        putting = self._put(location, content)
        async with self._all_or_nothing(location, putting):
            await _stored(putting)

    async def _put_parts(self, location: Location, first: bytes, batches: Batches) -> int:
        pipe = Pipe()
        putting = self._put(location, pipe.chunks())
        putting.add_done_callback(lambda _: pipe.stop())
        size = len(first)
        async with self._all_or_nothing(location, putting, pipe):
            await pipe.send(first)
            async for batch in batches:
                content = b"".join(batch)
                size += len(content)
                await pipe.send(content)
                if putting.done():
                    break
            await pipe.finish()
            await _stored(putting)
        return size

    def _put(self, location: Location, content: bytes | AsyncIterator[bytes]) -> "Future[PutResult]":
        # It runs on its own from here: obstore's future is no coroutine, and must not be cancelled, see Pipe.
        return asyncio.ensure_future(
            obstore.put_async(
                self._backend,
                self._key(location),
                content,
                use_multipart=not isinstance(content, bytes),
                chunk_size=self._part,
                max_concurrency=PARTS_AT_ONCE,
            )
        )

    @asynccontextmanager
    async def _all_or_nothing(
        self, location: Location, putting: "Future[PutResult]", pipe: Pipe | None = None
    ) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            if pipe is not None:
                pipe.fail()
            # A task of its own, so that a second cancellation does not leave anything behind.
            undoing = asyncio.create_task(self._undo(location, putting))
            self._undoing.add(undoing)
            undoing.add_done_callback(self._undoing.discard)
            await asyncio.shield(undoing)
            raise

    async def _undo(self, location: Location, putting: "Future[PutResult]") -> None:
        # What comes out of the write is the reason for undoing it, whatever else goes wrong here.
        with suppress(Exception):
            await asyncio.shield(putting)
        with suppress(Exception):
            await self._remove(location)

    def sealed(self, location: Location, digest: Digest) -> Location:  # noqa: ARG002 - bytes stay where they are
        return location

    async def seal(self, location: Location, digest: Digest) -> Location:
        if await self.size(location) is None:
            raise BlobUnknown("there are no such bytes to seal")
        with object_errors():
            await obstore.put_async(self._backend, self._key(_marker(location, digest)), b"", use_multipart=False)
        return location

    async def size(self, location: Location) -> int | None:
        try:
            with object_errors(missing=BlobUnknown):
                return (await obstore.head_async(self._backend, self._key(location)))["size"]
        except BlobUnknown:
            return None

    async def read(self, location: Location, start: int, stop: int) -> AsyncIterator[bytes]:
        if start == stop:
            # There are no empty ranges in HTTP.
            if await self.size(location) is None:
                raise BlobUnknown("there are no such bytes to read")
            return
        with object_errors(missing=BlobUnknown):
            found = await obstore.get_async(self._backend, self._key(location), options={"range": (start, stop)})
            async for piece in found.stream(min_chunk_size=CHUNK // 2):
                for offset in range(0, len(piece), CHUNK):
                    yield piece[offset : offset + CHUNK]
        if found.range[1] < stop:
            raise Unavailable("the stored bytes are shorter than they should be", location=location)

    async def delete(self, location: Location, digest: Digest | None = None) -> None:
        # The marker first: a crash in between leaves bytes without a marker, never a marker that promises bytes.
        if digest is not None:
            await self._remove(_marker(location, digest))
        await self._remove(location)

    async def _remove(self, location: Location) -> None:
        with object_errors(), suppress(FileNotFoundError):
            await obstore.delete_async(self._backend, self._key(location))

    async def delete_many(self, sealed: Mapping[Location, Digest]) -> dict[Location, Refusal]:
        markers = [_marker(location, digest) for location, digest in sealed.items()]
        # One by one where that fails: it does not say which of them is to blame, or what became of the others, and
        # some backends mind when one is absent.
        is_done = await self._remove_many(markers) and await self._remove_many(list(sealed))
        found: dict[Location, Refusal] = {}
        every = list(sealed.items())
        for start in range(0, len(every), SEEN_AT_ONCE):
            some = every[start : start + SEEN_AT_ONCE]
            asked = (why_left(self, at) if is_done else why_not_deleted(self, at, digest) for at, digest in some)
            answers = zip(some, await asyncio.gather(*asked), strict=True)
            found |= {location: why for (location, _), why in answers if why is not None}
        return found

    async def _remove_many(self, locations: Sequence[Location]) -> bool:
        try:
            with object_errors():
                await obstore.delete_async(self._backend, [self._key(location) for location in locations])
        except Refusal:
            return False
        return True

    async def url(self, location: Location, seconds: int) -> str | None:
        if self._presign and isinstance(self._backend, AzureStore | GCSStore | S3Store):
            with object_errors():
                return await obstore.sign_async(self._backend, "GET", self._key(location), timedelta(seconds=seconds))
        return None

    async def probe(self) -> None:
        # A listing, because the answer to HEAD does not tell a missing object from a missing bucket.
        with object_errors():
            await obstore.list(self._backend, prefix=f"{self._prefix}probe", chunk_size=1).collect_async()

    async def close(self) -> None:
        await asyncio.gather(*self._undoing)

    def _key(self, location: Location) -> str:
        return self._prefix + location


def _marker(location: Location, digest: Digest) -> Location:
    algorithm, encoded = digests.algorithm(digest), digests.encoded(digest)
    return Location(f"by-digest/{algorithm}/{encoded}/{location.rpartition('/')[2]}")


async def _stored(putting: "Future[PutResult]") -> None:
    with object_errors():
        await asyncio.shield(putting)


@contextmanager
def object_errors(missing: type[Refusal] = Unavailable) -> Iterator[None]:
    """The refusals of obstore and what is behind it in ours. Their text stays in the log: it has hosts and keys."""
    try:
        yield
    except FileNotFoundError as error:
        kind = Unavailable if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error) else missing
        raise kind("there are no such bytes in the object store") from error
    except (BaseError, OSError) as error:
        if _FULL.search(str(error)):
            raise StorageFull("the object store is full") from error
        raise Unavailable("the object store did not do what it was asked") from error
