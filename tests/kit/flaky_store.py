"""A wrapper around a byte store that fails, waits or cuts where a test says so."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.kit.deleting import delete_each
from wharfinger.blobs.store import BlobStore, Bytes
from wharfinger.errors import Refusal, Unavailable
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location


def unavailable() -> Exception:
    return Unavailable("the byte store is flaky")


@dataclass(slots=True)
class Fault:
    """What goes wrong, and when."""

    operation: str
    """``write``, ``seal``, ``size``, ``read``, ``delete``, ``url`` or ``probe``"""
    calls: range = field(default_factory=lambda: range(1, 2))
    """Which calls of the operation, counted from one; by default the first alone."""
    error: Callable[[], BaseException] | None = unavailable
    """What is raised; nothing if None, for a fault that only waits."""
    until: asyncio.Event | None = None
    """What is waited for first."""
    late: bool = False
    """Whether the operation is done nevertheless, and only its answer is lost."""
    after: int | None = None
    """How many bytes of a write or read still pass; none of the other arguments but ``error`` matters then."""


ALWAYS = range(1, 1 << 62)


class FlakyStore:
    """``store`` with ``faults``, to which a test may add; ``counts`` says how often each operation was called."""

    def __init__(self, store: BlobStore, *faults: Fault) -> None:
        self.store = store
        self.faults = list(faults)
        self.counts: dict[str, int] = {}

    def new_location(self) -> Location:
        return self.store.new_location()

    async def write(self, location: Location, body: Bytes) -> int:
        async with self._failing("write") as fault:
            return await self.store.write(location, _cut(body, fault))

    def sealed(self, location: Location, digest: Digest) -> Location:
        return self.store.sealed(location, digest)

    async def seal(self, location: Location, digest: Digest) -> Location:
        async with self._failing("seal"):
            return await self.store.seal(location, digest)

    async def size(self, location: Location) -> int | None:
        async with self._failing("size"):
            return await self.store.size(location)

    async def read(self, location: Location, start: int, stop: int) -> AsyncIterator[bytes]:
        async with self._failing("read") as fault:
            async for chunk in _cut(self.store.read(location, start, stop), fault):
                yield chunk

    async def delete(self, location: Location, digest: Digest | None = None) -> None:
        async with self._failing("delete"):
            await self.store.delete(location, digest)

    async def delete_many(self, sealed: Mapping[Location, Digest]) -> dict[Location, Refusal]:
        return await delete_each(self, sealed)

    async def url(self, location: Location, seconds: int) -> str | None:
        async with self._failing("url"):
            return await self.store.url(location, seconds)

    async def probe(self) -> None:
        async with self._failing("probe"):
            await self.store.probe()

    async def close(self) -> None:
        await self.store.close()

    @asynccontextmanager
    async def _failing(self, operation: str) -> AsyncIterator[Fault | None]:
        call = self.counts[operation] = self.counts.get(operation, 0) + 1
        fault = next((fault for fault in self.faults if fault.operation == operation and call in fault.calls), None)
        if fault is None or fault.after is not None:
            yield fault
            return
        if fault.until is not None:
            await fault.until.wait()
        if fault.error is not None and not fault.late:
            raise fault.error()
        yield None
        if fault.error is not None:
            raise fault.error()


async def _cut(chunks: Bytes, fault: Fault | None) -> AsyncIterator[bytes]:
    left = None if fault is None else fault.after
    async for chunk in chunks:
        if left is not None and len(chunk) >= left:
            if left:
                yield chunk[:left]
            assert fault is not None
            assert fault.error is not None
            raise fault.error()
        yield chunk
        left = None if left is None else left - len(chunk)
