"""What a bucket of blobs holds.

    quarantine/sha256/<hex>/<random>     what was ``blobs/<random>`` and sealed as this digest
    quarantine/unsealed/<random>         what was ``blobs/<random>`` and not sealed

An object is put aside by copying: by the store itself up to 5 GB, which is the most that S3 copies, else through here.
"""

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

import obstore

from wharfinger.blobs.object import ObjectStore, object_errors
from wharfinger.blobs.stock import PAGE, Item
from wharfinger.errors import BlobUnknown, DigestInvalid
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Backend  # exists for type checkers only

ASIDE = "quarantine"
MOST_COPIED = 5_000_000_000
_RANDOM = re.compile(r"[a-z0-9]+", re.ASCII)


class ObjectStock:
    """The stock of an :class:`ObjectStore` over the same backend and prefix.

    obstore has no word for the parts of multipart uploads that nobody completed: a lifecycle rule of the bucket must
    remove those.
    """

    tells_unfinished = False

    def __init__(self, backend: "Backend", *, prefix: str = "", most_copied: int = MOST_COPIED) -> None:
        self._backend = backend
        self._prefix = f"{prefix}/" if prefix else ""
        self._most_copied = most_copied
        self._store = ObjectStore(backend, prefix=prefix)

    async def items(self) -> AsyncIterator[list[Item]]:
        async for page in self._listed("blobs"):
            yield [
                Item(Location(f"blobs/{name}"), size, since) for name, size, since in page if _RANDOM.fullmatch(name)
            ]

    async def marks(self) -> AsyncIterator[list[tuple[Location, Digest]]]:
        async for page in self._listed("by-digest"):
            yield [(item.location, item.digest) for item in _named(page) if item.digest is not None]

    def staged(self, location: Location) -> Location:
        return location

    async def put_aside(self, item: Item) -> None:
        if await self._copy(item.location, _aside(item), item.size):
            await self._store.delete(item.location, item.digest)

    async def aside(self) -> AsyncIterator[list[Item]]:
        async for page in self._listed(ASIDE):
            yield _named(page)

    async def put_back(self, item: Item) -> None:
        if await self._copy(_aside(item), item.location, item.size):
            if item.digest is not None:
                await self._store.seal(item.location, item.digest)
            await self._store.delete(_aside(item))

    async def throw_away(self, item: Item) -> None:
        await self._store.delete(_aside(item))

    async def unmark(self, location: Location, digest: Digest) -> None:
        if await self._store.size(location) is None:
            await self._store.delete(location, digest)

    async def close(self) -> None:
        await self._store.close()

    async def _copy(self, old: Location, new: Location, size: int) -> bool:
        """Whether there was something to copy; if not, it has been done before."""
        if await self._store.size(old) is None:
            if await self._store.size(new) is None:
                raise BlobUnknown("there are no such bytes to put aside or back")
            return False
        if size <= self._most_copied:
            with object_errors():
                await obstore.copy_async(self._backend, self._prefix + old, self._prefix + new)
        else:
            await self._store.write(new, self._store.read(old, 0, size))
        return True

    async def _listed(self, folder: str) -> AsyncIterator[list[tuple[str, int, float]]]:
        base = f"{self._prefix}{folder}"
        with object_errors():
            async for page in obstore.list(self._backend, prefix=base, chunk_size=PAGE):
                yield [
                    (each["path"].removeprefix(f"{base}/"), each["size"], each["last_modified"].timestamp())
                    for each in page
                ]


def _aside(item: Item) -> Location:
    sealed = "unsealed" if item.digest is None else item.digest.replace(":", "/")
    return Location(f"{ASIDE}/{sealed}/{item.location.rpartition('/')[2]}")


def _named(page: list[tuple[str, int, float]]) -> list[Item]:
    """What is listed below a folder by digest."""
    found = []
    for path, size, since in page:
        sealed, _, random = path.rpartition("/")
        if _RANDOM.fullmatch(random):
            location = Location(f"blobs/{random}")
            if sealed == "unsealed":
                found.append(Item(location, size, since))
            with suppress(DigestInvalid):
                found.append(Item(location, size, since, digests.parse(sealed.replace("/", ":"))))
    return found
