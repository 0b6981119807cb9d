"""A byte store in memory, which keeps the same promises as the others, bounded memory aside."""

from collections.abc import AsyncIterator, Mapping

from tests.kit.deleting import delete_each
from wharfinger.blobs.store import Bytes, random_name
from wharfinger.errors import BlobUnknown, Refusal, Unavailable
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

CHUNK = 1024 * 1024


class MemoryStore:
    """``objects`` is what it holds. Sealing moves bytes, so that who goes on with the staged location is found out."""

    def __init__(self) -> None:
        self.objects: dict[Location, bytes] = {}

    def new_location(self) -> Location:
        return Location(f"uploads/{random_name()}")

    async def write(self, location: Location, body: Bytes) -> int:
        content = b"".join([chunk async for chunk in body])
        self.objects[location] = content
        return len(content)

    def sealed(self, location: Location, digest: Digest) -> Location:
        return Location(f"blobs/{digest.replace(':', '/')}/{location.rpartition('/')[2]}")

    async def seal(self, location: Location, digest: Digest) -> Location:
        sealed = self.sealed(location, digest)
        if location in self.objects:
            self.objects[sealed] = self.objects.pop(location)
        self._require(sealed)
        return sealed

    async def size(self, location: Location) -> int | None:
        return len(self.objects[location]) if location in self.objects else None

    async def read(self, location: Location, start: int, stop: int) -> AsyncIterator[bytes]:
        content = self._require(location)
        for offset in range(start, min(stop, len(content)), CHUNK):
            yield content[offset : min(offset + CHUNK, stop)]
        if stop > len(content):
            raise Unavailable("the stored bytes are shorter than they should be")

    async def delete(self, location: Location, digest: Digest | None = None) -> None:
        self.objects.pop(location, None)
        if digest is not None:
            self.objects.pop(self.sealed(location, digest), None)

    async def delete_many(self, sealed: Mapping[Location, Digest]) -> dict[Location, Refusal]:
        return await delete_each(self, sealed)

    async def url(self, location: Location, seconds: int) -> str | None:
        return None

    async def probe(self) -> None:
        return

    async def close(self) -> None:
        return

    def _require(self, location: Location) -> bytes:
        if location not in self.objects:
            raise BlobUnknown("there are no such bytes in memory")
        return self.objects[location]
