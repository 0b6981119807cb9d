"""Upload sessions and the segments they are made of. How they move: ``docs/internals/upload.md``."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from wharfinger.errors import RangeInvalid, UploadUnknown
from wharfinger.meta.schema import segments, uploads
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location
from wharfinger.spec.names import RepoName

OPEN, FINISHED, CANCELLED = "open", "finished", "cancelled"


@dataclass(frozen=True, slots=True)
class Upload:
    """A session. ``digest`` is what it became, once finished."""

    id: str
    repository: RepoName
    algorithm: str
    size: int
    state: str
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class Segment:
    """Staged bytes that are complete. ``digest`` is known when somebody hashed them, in one piece from 0."""

    location: Location
    start: int
    size: int
    digest: Digest | None


def start(tx: Connection, upload: Upload, expires_at: float) -> None:
    """Remember a new session."""
    tx.execute(
        insert(uploads).values(
            id=upload.id,
            repository=upload.repository,
            algorithm=upload.algorithm,
            size=0,
            state=OPEN,
            expires_at=expires_at,
        )
    )


def find(tx: Connection, repository: RepoName, id: str) -> Upload:
    """The session, open or just finished, under the repository it was started in. Raises UploadUnknown."""
    held = (uploads.c.id == id) & (uploads.c.repository == repository) & (uploads.c.state != CANCELLED)
    row = tx.execute(select(uploads).where(held)).first()
    if row is None:
        raise unknown(id)
    digest = Digest(row.digest) if row.digest else None
    return Upload(row.id, RepoName(row.repository), row.algorithm, row.size, row.state, digest)


def unknown(id: str) -> UploadUnknown:
    """The refusal for a session that is not open here."""
    return UploadUnknown("the upload is not known: it never began, is finished, was cancelled or expired", upload=id)


def require_open(tx: Connection, repository: RepoName, id: str) -> Upload:
    """The session, if more may be added to it. Raises UploadUnknown."""
    upload = find(tx, repository, id)
    if upload.state != OPEN:
        raise unknown(id)
    return upload


def reserve(tx: Connection, upload: Upload, location: Location, digest: Digest | None, expires_at: float) -> None:
    """Note where bytes are about to be written, so that a crash leaves nothing that cannot be found again.

    Raises UploadUnknown when the session was just closed: the sweep may have been there for the last time.
    """
    open_one = (uploads.c.id == upload.id) & (uploads.c.state == OPEN)
    if tx.execute(update(uploads).where(open_one).values(expires_at=expires_at)).rowcount != 1:
        raise unknown(upload.id)
    tx.execute(insert(segments).values(location=location, upload_id=upload.id, start=upload.size, digest=digest))


def advance(tx: Connection, upload: Upload, segment: Segment, expires_at: float) -> Upload:
    """Add a written segment, if the session still ends where the segment starts; else RangeInvalid or UploadUnknown."""
    moved = tx.execute(
        update(uploads)
        .where(uploads.c.id == upload.id, uploads.c.state == OPEN, uploads.c.size == segment.start)
        .values(size=segment.start + segment.size, expires_at=expires_at)
    )
    if moved.rowcount != 1:
        current = require_open(tx, upload.repository, upload.id)
        raise offset_refused(segment.start, current.size)
    done = {"size": segment.size, "digest": segment.digest}
    tx.execute(update(segments).where(segments.c.location == segment.location).values(done))
    return find(tx, upload.repository, upload.id)


def offset_refused(start: int, size: int) -> RangeInvalid:
    """The refusal of bytes that do not start where the session ends."""
    return RangeInvalid(f"the next byte of this upload is {size}, not {start}: ask for its status", size=size)


def parts(tx: Connection, id: str) -> list[Segment]:
    """The complete segments in order."""
    query = select(segments).where(segments.c.upload_id == id, segments.c.size.is_not(None)).order_by(segments.c.start)
    return [
        Segment(Location(r.location), r.start, r.size, Digest(r.digest) if r.digest else None)
        for r in tx.execute(query)
    ]


def find_with_parts(tx: Connection, repository: RepoName, id: str) -> tuple[Upload, list[Segment]]:
    """The session, open or just finished, and its segments as of the same moment. Raises UploadUnknown."""
    return find(tx, repository, id), parts(tx, id)


def finish(tx: Connection, upload: Upload, digest: Digest, expires_at: float) -> bool:
    """Close the session as ``digest``: True. False if somebody else just did. Raises UploadUnknown or RangeInvalid."""
    closed = tx.execute(
        update(uploads)
        .where(uploads.c.id == upload.id, uploads.c.state == OPEN, uploads.c.size == upload.size)
        .values(state=FINISHED, digest=digest, expires_at=expires_at)
    )
    if closed.rowcount == 1:
        return True
    current = find(tx, upload.repository, upload.id)
    if current.state == FINISHED and current.digest == digest:
        return False
    raise unknown(upload.id) if current.state == FINISHED else offset_refused(upload.size, current.size)


def sealed_as(tx: Connection, location: Location, digest: Digest) -> None:
    """Note under which digest staged bytes are about to be sealed, so that the sealed ones are found too."""
    tx.execute(update(segments).where(segments.c.location == location).values(digest=digest))


def forget(tx: Connection, location: Location) -> None:
    """The bytes are a blob's now, or are gone."""
    tx.execute(delete(segments).where(segments.c.location == location))


def staged(tx: Connection, id: str) -> list[tuple[Location, Digest | None]]:
    """Every location the session ever had bytes at, complete or not, and what they may be sealed as."""
    query = select(segments.c.location, segments.c.digest).where(segments.c.upload_id == id)
    return [(Location(r.location), Digest(r.digest) if r.digest else None) for r in tx.execute(query)]


def cancel(tx: Connection, repository: RepoName, id: str, now: float) -> None:
    """Take the session back. Raises UploadUnknown when it is not open."""
    require_open(tx, repository, id)
    open_one = (uploads.c.id == id) & (uploads.c.state == OPEN)
    if tx.execute(update(uploads).where(open_one).values(state=CANCELLED, expires_at=now)).rowcount != 1:
        raise unknown(id)


def expire(tx: Connection, now: float, limit: int) -> list[str]:
    """Close up to ``limit`` sessions whose time is over against every later request, and return their ids."""
    due = list(tx.execute(select(uploads.c.id).where(uploads.c.expires_at <= now).limit(limit)).scalars())
    still = (uploads.c.id.in_(due)) & (uploads.c.expires_at <= now)
    tx.execute(update(uploads).where(still).values(state=CANCELLED))
    return list(tx.execute(select(uploads.c.id).where(uploads.c.id.in_(due), uploads.c.state == CANCELLED)).scalars())


def drop(tx: Connection, id: str) -> None:
    """Forget a session whose staged bytes are gone."""
    tx.execute(delete(segments).where(segments.c.upload_id == id))
    tx.execute(delete(uploads).where(uploads.c.id == id))
