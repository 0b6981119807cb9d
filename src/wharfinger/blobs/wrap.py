"""What is the same around every store: metrics."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram

from wharfinger.blobs.store import BlobStore, Bytes
from wharfinger.errors import BlobUnknown, Refusal, StorageFull, Unavailable
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

# From a page-cache read to the upload of a large layer.
_SECONDS = (0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Measured:
    """A store whose operations are counted and timed in ``registry``, with the bytes that went in and out."""

    def __init__(self, store: BlobStore, registry: CollectorRegistry) -> None:
        self._store = store
        self._operations = Counter(
            "wharf_store_operations",
            "Operations on the byte store; outcome is ok, unknown, full, unavailable, cancelled or broken.",
            ["operation", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "wharf_store_seconds",
            "How long an operation took; of a write or read until its last byte, so it depends on the client too.",
            ["operation"],
            buckets=_SECONDS,
            registry=registry,
        )
        moved = Counter(
            "wharf_store_bytes",
            "Bytes written to the store (in) and read from it (out).",
            ["direction"],
            registry=registry,
        )
        # Looking a label up costs more than counting, so what every pull and push counts is kept.
        self._in, self._out = moved.labels("in"), moved.labels("out")
        self._read_ok, self._read_seconds = self._operations.labels("read", "ok"), self._seconds.labels("read")

    def new_location(self) -> Location:
        return self._store.new_location()

    async def write(self, location: Location, body: Bytes) -> int:
        with self._measured("write"):
            return await self._store.write(location, _counted(body, self._in))

    def sealed(self, location: Location, digest: Digest) -> Location:
        return self._store.sealed(location, digest)

    async def seal(self, location: Location, digest: Digest) -> Location:
        with self._measured("seal"):
            return await self._store.seal(location, digest)

    async def size(self, location: Location) -> int | None:
        with self._measured("size"):
            return await self._store.size(location)

    async def read(self, location: Location, start: int, stop: int) -> AsyncIterator[bytes]:
        started = time.perf_counter()
        try:
            async for chunk in self._store.read(location, start, stop):
                self._out.inc(len(chunk))
                yield chunk
        except BaseException as error:
            self._operations.labels("read", _outcome(error)).inc()
            raise
        self._read_ok.inc()
        self._read_seconds.observe(time.perf_counter() - started)

    async def delete(self, location: Location, digest: Digest | None = None) -> None:
        with self._measured("delete"):
            await self._store.delete(location, digest)

    async def delete_many(self, sealed: Mapping[Location, Digest]) -> dict[Location, Refusal]:
        with self._measured("delete_many"):
            return await self._store.delete_many(sealed)

    async def url(self, location: Location, seconds: int) -> str | None:
        with self._measured("url"):
            return await self._store.url(location, seconds)

    async def probe(self) -> None:
        with self._measured("probe"):
            await self._store.probe()

    async def close(self) -> None:
        await self._store.close()

    @contextmanager
    def _measured(self, operation: str) -> Iterator[None]:
        outcome, started = "ok", time.perf_counter()
        try:
            yield
        except BaseException as error:
            outcome = _outcome(error)
            raise
        finally:
            self._operations.labels(operation, outcome).inc()
            self._seconds.labels(operation).observe(time.perf_counter() - started)


async def _counted(chunks: Bytes, counter: Counter) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        counter.inc(len(chunk))
        yield chunk


def _outcome(error: BaseException) -> str:
    match error:
        case BlobUnknown():
            return "unknown"
        case StorageFull():
            return "full"
        case Unavailable():
            return "unavailable"
        case asyncio.CancelledError() | GeneratorExit():
            return "cancelled"
        case _:
            # The body of a write: the client went away, or sent what it may not.
            return "broken"
