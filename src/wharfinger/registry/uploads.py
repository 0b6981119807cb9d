"""Pushing blobs: the whole story on one page. Diagrams and crash points: ``docs/internals/upload.md``.

Every body is written to a location of its own, and the session's row is then moved by compare-and-set: of two
writers at one offset one wins, and bytes are never mixed. A blob becomes visible in one transaction, after its
bytes are durable.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.access.repository_book import RepositoryBook
from wharfinger.blobs.store import BlobStore, Bytes
from wharfinger.blobs.verify import Hashing
from wharfinger.errors import BlobUnknown, DigestInvalid, RangeInvalid, UploadUnknown
from wharfinger.meta import audit, blobs, reviews, uploads
from wharfinger.meta.blobs import Blob
from wharfinger.meta.db import Database
from wharfinger.meta.reviews import Grace
from wharfinger.meta.uploads import Segment, Upload
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location
from wharfinger.spec.names import RepoName

REPEAT_SECONDS = 600
"""For so long a closing PUT whose answer was lost may be repeated."""
SWEPT_AT_ONCE = 100


Reaction = Callable[[Connection, RepoName, Blob, float], None]


@dataclass(frozen=True, slots=True)
class _Staged:
    location: Location
    size: int
    digest: Digest


class Uploads:
    """Upload sessions, which any worker or node may continue."""

    def __init__(
        self,
        db: Database,
        store: BlobStore,
        now: Callable[[], float],
        *,
        expiry: float,
        grace: Grace,
        pushed: Reaction | None = None,
    ) -> None:
        """``pushed`` is told of what came, in the transaction that makes it a blob."""
        self._db = db
        self._store = store
        self._now = now
        self._expiry = expiry
        self._grace = grace
        self._pushed = pushed
        self._book = RepositoryBook()

    async def start(self, by: Caller, repository: RepoName, algorithm: str = digests.CANONICAL) -> Upload:
        """A new session, open until it is finished, cancelled, or left alone for the expiry time.

        Raises Denied where a rule does not let the caller make the repository, before any bytes are sent for it.
        """
        upload = Upload(str(uuid4()), repository, algorithm, 0, uploads.OPEN, None)
        await self._db.write(self._start, by, upload)
        return upload

    def _start(self, tx: Connection, by: Caller, upload: Upload) -> None:
        self._book.require_may_create(tx, by, upload.repository)
        uploads.start(tx, upload, self._now() + self._expiry)

    async def status(self, repository: RepoName, id: str) -> Upload:
        """Where the session stands. Raises UploadUnknown."""
        return await self._db.read(uploads.require_open, repository, id)

    async def cancel(self, repository: RepoName, id: str) -> None:
        """End the session and give its bytes back. Raises UploadUnknown."""
        await self._db.write(uploads.cancel, repository, id, self._now())
        await self._clear(id)

    async def append(self, repository: RepoName, id: str, body: Bytes, *, start: int | None) -> Upload:
        """Add ``body`` to the session. ``start`` is the offset that the client says it begins at.

        Raises RangeInvalid, and the session lives on, when that is not where the session ends, or when another
        request added to it meanwhile. Raises UploadUnknown.
        """
        upload, location = await self._reserve(repository, id, start, None)
        staged = await self._write(location, body, upload.algorithm)
        if staged.size == 0:
            await self._discard(location)
            return upload
        # A hash cannot be continued by another process, so it is only of use when it is of the whole.
        digest = staged.digest if upload.size == 0 else None
        segment = Segment(location, upload.size, staged.size, digest)
        try:
            return await self._db.write(uploads.advance, upload, segment, self._now() + self._expiry)
        except (RangeInvalid, UploadUnknown):
            await self._discard(location)
            raise

    async def finish(
        self, by: Caller, repository: RepoName, id: str, body: Bytes | None, expected: Digest, *, start: int | None
    ) -> Blob:
        """Make what was uploaded, and ``body`` after it, the blob ``expected``. Safe to repeat for ten minutes.

        Raises DigestInvalid, and the session is as it was before, when the content has another digest; RangeInvalid
        and UploadUnknown like :meth:`append`.
        """
        try:
            return await self._finish(by, repository, id, body, expected, start)
        except (BlobUnknown, UploadUnknown, RangeInvalid):
            # The same request, sent twice at once: the other one may have got ahead of us at any step.
            if (await self._db.read(uploads.find, repository, id)).state == uploads.FINISHED:
                return await self._repeated(repository, id, expected)
            raise

    async def _finish(
        self, by: Caller, repository: RepoName, id: str, body: Bytes | None, expected: Digest, start: int | None
    ) -> Blob:
        upload, parts = await self._db.read(uploads.find_with_parts, repository, id)
        if upload.state == uploads.FINISHED:
            return await self._repeated(repository, id, expected)
        staged = await self._assemble(upload, parts, body, expected, start)
        if staged.digest != expected:
            raise DigestInvalid(
                f"the content's digest is {staged.digest}, not {expected}", digest=expected, actual=staged.digest
            )
        sealed = await self._store.seal(staged.location, expected)
        blob = await self._db.write(self._commit, by, upload, Blob(expected, staged.size, sealed), staged.location)
        await self._clear(id)
        return blob

    async def mount(
        self,
        by: Caller,
        repository: RepoName,
        digest: Digest,
        source: RepoName | None,
        may_pull: Callable[[RepoName], bool],
    ) -> Blob | None:
        """Let the repository hold a blob that ``source`` holds, without its bytes; without source, that any does.

        None, for whatever reason, when no repository that ``may_pull`` allows holds it.
        """
        if source is not None and not may_pull(source):
            return None
        return await self._db.write(self._mount, by, repository, digest, source, may_pull)

    async def sweep(self) -> int:
        """Remove sessions whose time is over, with every byte they left anywhere; how many. Safe to run twice."""
        expired = await self._db.write(uploads.expire, self._now(), SWEPT_AT_ONCE)
        for id in expired:
            await self._clear(id)
            await self._db.write(uploads.drop, id)
        return len(expired)

    async def _reserve(
        self, repository: RepoName, id: str, start: int | None, digest: Digest | None
    ) -> tuple[Upload, Location]:
        location = self._store.new_location()

        def reserve(tx: Connection) -> Upload:
            upload = uploads.require_open(tx, repository, id)
            if start is not None and start != upload.size:
                raise uploads.offset_refused(start, upload.size)
            uploads.reserve(tx, upload, location, digest, self._now() + self._expiry)
            return upload

        return await self._db.write(reserve), location

    async def _write(self, location: Location, body: Bytes, algorithm: str) -> _Staged:
        hashing = Hashing(body, algorithm)
        try:
            size = await self._store.write(location, hashing)
        except BaseException:
            await self._db.write(uploads.forget, location)  # the store has kept nothing
            raise
        return _Staged(location, size, hashing.digest)

    async def _discard(self, location: Location, digest: Digest | None = None) -> None:
        await self._store.delete(location, digest)
        await self._db.write(uploads.forget, location)

    async def _assemble(
        self, upload: Upload, parts: list[Segment], body: Bytes | None, expected: Digest, start: int | None
    ) -> _Staged:
        """One object with the whole content, and its digest by the algorithm of ``expected``.

        One segment, the usual case, is it already; several, or more to come in ``body``, are written once more in
        the pass that hashes them.
        """
        algorithm = digests.algorithm(expected)
        if start is not None and start != upload.size:
            raise uploads.offset_refused(start, upload.size)
        if len(parts) == 1 and body is None:
            return await self._single(parts[0], algorithm, expected)
        upload, location = await self._reserve(upload.repository, upload.id, upload.size, expected)
        staged = await self._write(location, self._joined(parts, body), algorithm)
        if staged.digest != expected:
            await self._discard(location)
        return staged

    async def _single(self, part: Segment, algorithm: str, expected: Digest) -> _Staged:
        if part.digest is not None and digests.algorithm(part.digest) == algorithm:
            return _Staged(part.location, part.size, part.digest)
        hashing = Hashing(self._read(part), algorithm)
        async for _ in hashing:
            pass
        if hashing.digest == expected:
            await self._db.write(uploads.sealed_as, part.location, expected)
        return _Staged(part.location, part.size, hashing.digest)

    async def _joined(self, parts: list[Segment], body: Bytes | None) -> Bytes:
        for part in parts:
            async for chunk in self._read(part):
                yield chunk
        if body is not None:
            async for chunk in body:
                yield chunk

    async def _read(self, part: Segment) -> Bytes:
        """The segment's bytes, also where a closing has sealed them that was killed or overtaken by another chunk."""
        try:
            async for chunk in self._store.read(part.location, 0, part.size):
                yield chunk
        except BlobUnknown:
            if part.digest is None:
                raise
            async for chunk in self._store.read(self._store.sealed(part.location, part.digest), 0, part.size):
                yield chunk

    def _commit(self, tx: Connection, by: Caller, upload: Upload, blob: Blob, staged: Location) -> Blob:
        """The blob's row (the first wins), the repository's link to it, and the end of the session."""
        now = self._now()
        won = uploads.finish(tx, upload, blob.digest, now + REPEAT_SECONDS)
        kept = blobs.add(tx, blob, now) if won else blobs.find_in(tx, upload.repository, blob.digest)
        if kept is None:
            raise uploads.unknown(upload.id)
        self._book.require_may_create(tx, by, upload.repository)
        blobs.link(tx, upload.repository, kept.digest, now, self._grace.due(now))
        if kept.location == blob.location:
            uploads.forget(tx, staged)  # or the sweep would take the blob's bytes for leftovers
        if won:
            told = {"repository": upload.repository, "digest": kept.digest, "detail": {"size": kept.size}}
            audit.add(tx, by.entry("blob.push", at=now, **told))
            if self._pushed is not None:
                self._pushed(tx, upload.repository, kept, now)
        return kept

    async def _repeated(self, repository: RepoName, id: str, expected: Digest) -> Blob:
        upload = await self._db.read(uploads.find, repository, id)
        held = await self._db.write(reviews.put_off, repository, expected, self._grace.due(self._now()))
        blob = await self._db.read(blobs.find_in, repository, expected) if held else None
        if upload.digest != expected or blob is None:
            raise uploads.unknown(id)
        return blob

    def _mount(
        self,
        tx: Connection,
        by: Caller,
        repository: RepoName,
        digest: Digest,
        source: RepoName | None,
        may_pull: Callable[[RepoName], bool],
    ) -> Blob | None:
        holders = [source] if source else blobs.holders(tx, digest)
        readable = next((each for each in holders if may_pull(each)), None)
        blob = blobs.find_in(tx, readable, digest) if readable else None
        if blob is None:
            return None
        now = self._now()
        self._book.require_may_create(tx, by, repository)
        blobs.link(tx, repository, digest, now, self._grace.due(now))
        audit.add(tx, by.entry("blob.mount", repository=repository, digest=digest, detail={"from": readable}))
        return blob

    async def _clear(self, id: str) -> None:
        """Remove the bytes that a closed session does not need; its rows go when the sweep comes by."""
        for location, digest in await self._db.read(uploads.staged, id):
            await self._store.delete(location, digest)
