"""Reading what images say of themselves: before a push is stored, and later of those that were there before."""

from sqlalchemy import Connection

from wharfinger.blobs.store import BlobStore
from wharfinger.errors import BlobUnknown, DigestInvalid, ManifestInvalid, Refusal
from wharfinger.meta import blobs, facts
from wharfinger.meta.db import Database
from wharfinger.meta.facts import Unread
from wharfinger.spec import config as configs
from wharfinger.spec import manifest as manifests
from wharfinger.spec.config import Config
from wharfinger.spec.locations import Location
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import RepoName

SWEEP = 50


class ImageFacts:
    """Reads the configs of images."""

    def __init__(self, db: Database, store: BlobStore) -> None:
        self._db = db
        self._store = store
        self._blob = db.prepare(blobs.FIND)

    async def read(self, repository: RepoName, manifest: Manifest) -> Config | None:
        """What the image's config says, if it has one; None when that could not be read just now.

        Never a reason to refuse a push: what is missing is found by whoever stores it, or read by the sweep.
        """
        try:
            return await self._read(repository, manifest)
        except Refusal:
            return None

    async def _read(self, repository: RepoName, manifest: Manifest) -> Config:
        if not manifest.blobs or manifest.blobs[0].media_type not in configs.MEDIA_TYPES:
            return Config()
        row = await self._blob.first(repository=repository, digest=manifest.blobs[0].digest)
        if row is None:
            raise BlobUnknown("the config is not there", digest=manifest.blobs[0].digest)
        size, location = row[:2]
        if size > configs.MAX_BYTES:
            return Config()
        return configs.read(b"".join([chunk async for chunk in self._store.read(Location(location), 0, size)]))

    async def sweep(self) -> int:
        """Look at some of those that nobody has looked at; how many. Raises Unavailable, to be tried again."""
        found = await self._db.read(facts.unread, SWEEP)
        for one in found:
            await self._look_at(one)
        return len(found)

    async def _look_at(self, one: Unread) -> None:
        try:
            manifest = manifests.parse(one.raw, one.media_type, one.digest)
        except (ManifestInvalid, DigestInvalid):
            await self._db.write(facts.give_up, one)
            return
        await self._db.write(_note, one, manifest, await self._read_now(one.repository, manifest))

    async def _read_now(self, repository: RepoName, manifest: Manifest) -> Config:
        try:
            return await self._read(repository, manifest)
        except BlobUnknown:
            return Config()  # a sparse manifest, or one that is deleted meanwhile


def _note(tx: Connection, one: Unread, manifest: Manifest, config: Config) -> None:
    facts.note(tx, one.repository_id, manifest, config)
