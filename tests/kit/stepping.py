"""A database and a byte store that stop at every step, and ask what is to become of it.

``step`` is called before and after each transaction and each change of the store. It may wait, raise, or end the
process: before, nothing of that step is done; after, it is done and durable, and only the answer is lost.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.sql import Select

from tests.kit.deleting import delete_each
from wharfinger.blobs.store import BlobStore, Bytes
from wharfinger.errors import Refusal
from wharfinger.meta.db import Database, Prepared
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

Step = Callable[[str], Awaitable[None]]


class SteppingDatabase:
    """``db`` with a step around each transaction."""

    def __init__(self, db: Database, step: Step) -> None:
        self._db = db
        self._step = step

    async def read(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        await self._step("read")
        return await self._db.read(query, *args, **kwargs)

    async def write(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        await self._step("write")
        result = await self._db.write(query, *args, **kwargs)
        await self._step("written")
        return result

    def prepare(self, statement: Select[Any]) -> Prepared:
        return _SteppingPrepared(self._db.prepare(statement), self._step)

    @property
    def url(self) -> str:
        return self._db.url

    @property
    def engine(self) -> Engine:
        return self._db.engine

    async def close(self) -> None:
        await self._db.close()


class _SteppingPrepared:
    def __init__(self, prepared: Prepared, step: Step) -> None:
        self._prepared = prepared
        self._step = step

    async def first(self, **parameters: Any) -> tuple[Any, ...] | None:
        await self._step("look up")
        return await self._prepared.first(**parameters)


class SteppingStore:
    """``store`` with a step around each change."""

    def __init__(self, store: BlobStore, step: Step) -> None:
        self._store = store
        self._step = step

    def new_location(self) -> Location:
        return self._store.new_location()

    async def write(self, location: Location, body: Bytes) -> int:
        await self._step("store")
        size = await self._store.write(location, body)
        await self._step("stored")
        return size

    def sealed(self, location: Location, digest: Digest) -> Location:
        return self._store.sealed(location, digest)

    async def seal(self, location: Location, digest: Digest) -> Location:
        await self._step("seal")
        sealed = await self._store.seal(location, digest)
        await self._step("sealed")
        return sealed

    async def size(self, location: Location) -> int | None:
        return await self._store.size(location)

    def read(self, location: Location, start: int, stop: int) -> Bytes:
        return self._store.read(location, start, stop)

    async def delete(self, location: Location, digest: Digest | None = None) -> None:
        await self._step("delete")
        await self._store.delete(location, digest)
        await self._step("deleted")

    async def delete_many(self, sealed: Mapping[Location, Digest]) -> dict[Location, Refusal]:
        # One after the other: between any two of them a process may end.
        return await delete_each(self, sealed)

    async def url(self, location: Location, seconds: int) -> str | None:
        return await self._store.url(location, seconds)

    async def probe(self) -> None:
        await self._store.probe()

    async def close(self) -> None:
        await self._store.close()
