"""What layers say, each read once: kept by digest and cataloguer, whatever images they come in.

A layer of some size is read when it has been pushed, before the manifest comes that says of which image it is.
"""

import asyncio
import zlib
from collections.abc import Callable, Collection, Sequence
from typing import BinaryIO, cast

from sqlalchemy import Connection

from wharfinger.blobs.store import BlobStore
from wharfinger.meta import blobs, jobs, verdicts
from wharfinger.meta.blobs import Blob
from wharfinger.meta.db import Database
from wharfinger.meta.jobs import Job
from wharfinger.scanning.cataloguing import CATALOGUER, LayerCatalogue, LayerSource
from wharfinger.scanning.confining import Readers
from wharfinger.scanning.following import AHEAD_FROM, Following
from wharfinger.scanning.targets.stored import Stored
from wharfinger.scanning.unpacking import HEAD, is_layer
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

KIND = "layer"


def on_blob(tx: Connection, repository: RepoName, blob: Blob, now: float) -> None:
    """Let a blob that came into a repository be read, if it is a layer."""
    if blob.size >= AHEAD_FROM:
        jobs.enqueue(tx, KIND, blob.digest, {"repository": repository}, now)


class KeptLayers:
    """The catalogues of layers, read where nobody has before."""

    def __init__(
        self,
        db: Database,
        store: BlobStore,
        now: Callable[[], float],
        readers: Readers,
        following: Following | None = None,
    ) -> None:
        self._db = db
        self._store = store
        self._now = now
        self._readers = readers
        self._following = following

    async def catalogues(self, layers: Sequence[LayerSource]) -> tuple[LayerCatalogue, ...]:
        """What each says. What cannot be read this time may be another, and is not kept."""
        known = await self._known({Digest(each.digest) for each in layers})
        unread = {each.digest: each for each in layers if each.digest not in known}
        read = await asyncio.to_thread(self._read, list(unread.values())) if unread else []
        for each in read:
            if not each.problems:
                await self._keep(each)
        whole = known | {Digest(each.layer): each for each in read}
        return tuple(whole[Digest(each.digest)] for each in layers)

    async def read_ahead(self, job: Job) -> None:
        """Read a blob that was pushed, if it begins like a layer. Done as well when its repository has it no more."""
        repository, digest = RepoName(str(job.payload["repository"])), Digest(job.key)
        blob = await self._db.read(blobs.find_in, repository, digest)
        if blob is None:
            return
        if (followed := await self._followed(blob)) is not None:
            await self._keep(followed)
            return
        if not await self._is_layer(blob):
            return
        place, described = Stored(self._db, self._store, repository), Descriptor("", digest, blob.size, {})
        await self.catalogues([LayerSource(digest, "", lambda: cast(BinaryIO, place.open(described)))])

    async def _followed(self, blob: Blob) -> LayerCatalogue | None:
        """What was read of it while it came."""
        if self._following is None:
            return None
        return await self._following.finish(blob.location, blob.digest, blob.size)

    async def _is_layer(self, blob: Blob) -> bool:
        return is_layer(b"".join([chunk async for chunk in self._store.read(blob.location, 0, min(HEAD, blob.size))]))

    async def _keep(self, read: LayerCatalogue) -> None:
        body = zlib.compress(read.to_json(), 1)
        await self._db.write(verdicts.keep_catalogue, Digest(read.layer), CATALOGUER, body, self._now())

    async def _known(self, layers: Collection[Digest]) -> dict[Digest, LayerCatalogue]:
        kept = await self._db.read(verdicts.catalogues, layers, CATALOGUER)
        return {digest: LayerCatalogue.from_json(zlib.decompress(body)) for digest, body in kept.items()}

    def _read(self, layers: Sequence[LayerSource]) -> list[LayerCatalogue]:
        with self._readers.reader() as reader:
            return [reader.read(layer) for layer in layers]
