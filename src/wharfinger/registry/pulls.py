"""Pulling: what a repository holds, and nothing that it does not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wharfinger.blobs.store import BlobStore, Bytes
from wharfinger.errors import BlobUnknown, ManifestUnknown, NameUnknown, Refusal
from wharfinger.meta import blobs, manifests, repos, reviews, tags
from wharfinger.meta.blobs import Blob
from wharfinger.meta.db import Database
from wharfinger.meta.manifests import Referrer, Stored
from wharfinger.meta.reviews import Grace
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location
from wharfinger.spec.names import Reference, RepoName

URL_SECONDS = 600
"""How long a redirect's URL works: a client follows it at once, and a slow one has time to resume."""


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in byte order, and whether there are more after the last."""

    entries: list[str]
    more: bool


class Pulls:
    """The reading side of a registry."""

    def __init__(
        self, db: Database, store: BlobStore, now: Callable[[], float], *, grace: Grace, redirect: bool
    ) -> None:
        self._db = db
        self._store = store
        self._now = now
        self._grace = grace
        self._redirect = redirect
        self._blob = db.prepare(blobs.FIND)
        self._by_digest = db.prepare(manifests.BY_DIGEST)
        self._by_tag = db.prepare(manifests.BY_TAG)

    async def manifest(self, repository: RepoName, reference: Reference) -> Stored:
        """The manifest that a tag points at or a digest names. Raises ManifestUnknown or NameUnknown."""
        if names.is_digest(reference):
            row = await self._by_digest.first(repository=repository, digest=reference)
        else:
            row = await self._by_tag.first(repository=repository, tag=reference)
        if row is None:
            await self._require(repository)
            raise ManifestUnknown(f"manifest {reference} is not known in {repository}", reference=reference)
        return Stored(*row)

    async def blob(self, repository: RepoName, digest: Digest) -> Blob:
        """The blob, if this repository holds it. Raises BlobUnknown or NameUnknown."""
        row = await self._blob.first(repository=repository, digest=digest)
        if row is None:
            raise await self._unknown(repository, digest)
        return Blob(digest, row[0], Location(row[1]))

    async def promised(self, repository: RepoName, digest: Digest) -> Blob:
        """The same for a client that will rely on it: it stays for the grace, so that a push can be finished.

        Writes nothing for a blob that a manifest needs, nor where it stays for so long anyhow.
        """
        row = await self._blob.first(repository=repository, digest=digest)
        if row is None or not await self._stays(repository, digest, row[2]):
            raise await self._unknown(repository, digest)
        return Blob(digest, row[0], Location(row[1]))

    async def _stays(self, repository: RepoName, digest: Digest, due_at: float | None) -> bool:
        now = self._now()
        if due_at is None or self._grace.is_covered(due_at, now):
            return True
        return await self._db.write(reviews.put_off, repository, digest, self._grace.due(now))

    async def _unknown(self, repository: RepoName, digest: Digest) -> Refusal:
        await self._require(repository)
        return BlobUnknown(f"blob {digest} is not known in {repository}", digest=digest)

    async def _require(self, repository: RepoName) -> None:
        if await self._db.read(repos.find, repository) is None:
            raise NameUnknown(f"repository {repository} is not known: nothing was pushed to it", name=repository)

    def read(self, blob: Blob, start: int, stop: int) -> Bytes:
        """The blob's bytes from ``start`` up to ``stop``."""
        return self._store.read(blob.location, start, stop)

    async def url(self, blob: Blob) -> str | None:
        """Where the store itself hands the blob out, if it does and the setting says so."""
        return await self._store.url(blob.location, URL_SECONDS) if self._redirect else None

    async def tags(self, repository: RepoName, *, last: str, limit: int) -> Page:
        """Up to ``limit`` tags after ``last``. Raises NameUnknown."""
        return _page(await self._db.read(tags.page, repository, last, limit + 1), limit)

    async def catalog(
        self, *, last: str, limit: int, prefixes: Sequence[str], may_pull: Callable[[RepoName], bool]
    ) -> Page:
        """Up to ``limit`` repositories after ``last``, of those that ``may_pull`` allows.

        ``prefixes`` say where such can be at all, so that whoever may see little does not pay for what others have.
        """
        return _page(await self._db.read(repos.visible, last, limit + 1, prefixes, may_pull), limit)

    async def referrers(
        self, repository: RepoName, subject: Digest, *, artifact_type: str | None, last: str, limit: int
    ) -> list[Referrer]:
        """Up to ``limit`` manifests about ``subject``; none is no error, for the subject may be yet to come."""
        return await self._db.read(
            manifests.referrers, repository, subject, artifact_type=artifact_type, last=last, limit=limit
        )


def _page(entries: list[str], limit: int) -> Page:
    return Page(entries[:limit], more=len(entries) > limit)
