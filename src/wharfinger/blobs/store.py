"""The port to byte stores: files are bytes, and a location is never used twice.

Bytes are written to a location of their own, and only a row in the database makes them a blob. So no write can
harm what is stored, a crash leaves at worst bytes that nobody refers to, and the collector may delete a location
without fear that it comes back. Stores do not hash and do not count: callers verify the stream they hand over.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from wharfinger.errors import Refusal
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

Bytes = AsyncIterator[bytes]


def random_name() -> str:
    """160 random bits in hexadecimal: two callers never get the same."""
    return secrets.token_hex(20)


class BlobStore(Protocol):
    """Where bytes are kept. Every method may raise Unavailable; those that write may raise StorageFull."""

    def new_location(self) -> Location:
        """A location for staged bytes that nobody else has or will get. Does no I/O."""
        ...

    async def write(self, location: Location, body: Bytes) -> int:
        """Store all of ``body`` at a new location and return its size, durable when this returns.

        If ``body`` raises or the task is cancelled, that exception comes out and nothing is readable there.
        Memory stays bounded whatever the size. An empty body is stored as zero bytes.
        """
        ...

    def sealed(self, location: Location, digest: Digest) -> Location:
        """Where :meth:`seal` keeps what is staged at ``location``. Pure; may be ``location`` itself."""
        ...

    async def seal(self, location: Location, digest: Digest) -> Location:
        """Keep the staged bytes for good, findable by ``digest`` without a database; durable when this returns.

        Returns ``sealed(location, digest)``. Safe to repeat, also after a crash half-way or by two callers at once.
        Raises BlobUnknown when nothing is staged or sealed there.
        """
        ...

    async def size(self, location: Location) -> int | None:
        """How many bytes are stored there, or None."""
        ...

    def read(self, location: Location, start: int, stop: int) -> Bytes:
        """The bytes from ``start`` up to ``stop`` in chunks of at most 1 MiB; ``0 <= start <= stop <= size``.

        Raises BlobUnknown when nothing is there, before the first chunk, and Unavailable when it is shorter.
        """
        ...

    async def delete(self, location: Location, digest: Digest | None = None) -> None:
        """Remove what is at ``location`` and, if staged for ``digest``, what it was sealed to. Absent is fine."""
        ...

    async def delete_many(self, sealed: Mapping[Location, Digest]) -> dict[Location, Refusal]:
        """The same for many at once, each looked at afterwards; why those are not gone that are not.

        What becomes of one is nothing to the others, and whoever is not named in the answer is gone for good.
        """
        ...

    async def url(self, location: Location, seconds: int) -> str | None:
        """A URL from which anybody can read the bytes for that long, or None where the store has no such thing."""
        ...

    async def probe(self) -> None:
        """Return when the store can be used; for readiness. Raises Unavailable with the reason."""
        ...

    async def close(self) -> None:
        """Give back connections and threads."""
        ...
