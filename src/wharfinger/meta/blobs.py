"""Blobs, and the links through which repositories hold them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, literal, select, update

from wharfinger.errors import BlobUnknown, InUse
from wharfinger.meta import journal, repos, reviews, usage
from wharfinger.meta.journal import Kind
from wharfinger.meta.schema import blob_links, blobs, manifest_blobs, repositories
from wharfinger.meta.schema_collection import link_reviews
from wharfinger.meta.sql import CHUNK, chunks, held, insert
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location
from wharfinger.spec.names import RepoName

NAMED_USERS = 5
"""How many manifests a refusal names before it says "and others"."""

FIND = (
    select(blobs.c.size, blobs.c.location, link_reviews.c.due_at)
    .select_from(repositories)
    .join(blob_links, blob_links.c.repository_id == repositories.c.id)
    .join(blobs, blobs.c.digest == blob_links.c.digest)
    .outerjoin(
        link_reviews,
        (link_reviews.c.repository_id == blob_links.c.repository_id) & (link_reviews.c.digest == blob_links.c.digest),
    )
    .where(repositories.c.name == bindparam("repository"), blob_links.c.digest == bindparam("digest"))
)
"""(size, location, when the link is looked at) of a blob that a repository holds; behind every blob pull."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that are stored for good."""

    digest: Digest
    size: int
    location: Location


def find(tx: Connection, digest: Digest) -> Blob | None:
    """The blob, whoever holds it."""
    row = tx.execute(select(blobs.c.size, blobs.c.location).where(blobs.c.digest == digest)).first()
    return Blob(digest, row.size, Location(row.location)) if row else None


def find_in(tx: Connection, repository: RepoName, digest: Digest) -> Blob | None:
    """The blob, if the repository holds it."""
    row = tx.execute(FIND, {"repository": repository, "digest": digest}).first()
    return Blob(digest, row.size, Location(row.location)) if row else None


def add(tx: Connection, blob: Blob, now: float) -> Blob:
    """Make the bytes a blob; of several that stored the same content the first wins, and is returned to all.

    The collector does not take it before this transaction ends.
    """
    row = {"digest": blob.digest, "size": blob.size, "location": blob.location, "created_at": now}
    put = insert(tx, blobs).values(row).on_conflict_do_nothing(index_elements=["digest"]).returning(blobs.c.digest)
    query = held(select(blobs.c.size, blobs.c.location).where(blobs.c.digest == blob.digest))
    while True:
        made = tx.execute(put).first() is not None
        kept = tx.execute(query).first()
        if kept is not None:  # or it was collected after we had found it: then it is ours to make
            break
    if made:
        usage.note(tx, usage.STORE, [blob.digest], 1)
    return Blob(blob.digest, kept.size, Location(kept.location))


def link(tx: Connection, repository: RepoName, digest: Digest, now: float, due_at: float) -> None:
    """Let the repository hold the blob, also for manifests that came before it.

    Unless one of them needs it, it is looked at when ``due_at`` has come.
    """
    repository_id = repos.ensure(tx, repository, now)
    made = _hold_link(tx, repository_id, digest, now)
    edges = manifest_blobs.c
    waiting = (edges.repository_id == repository_id) & (edges.digest == digest) & edges.present.is_(None)
    filled = update(manifest_blobs).where(waiting).values(present=digest).returning(edges.manifest)
    needed_by = list(tx.execute(filled).scalars())
    journal.note(tx, Kind.MANIFEST, repository_id, *needed_by)
    if made and not needed_by:
        reviews.note_links(tx, repository_id, [digest], due_at)
    elif not made:
        reviews.postpone(tx, repository_id, digest, due_at)


def hold_links(tx: Connection, repository_id: int, digests: Iterable[Digest], now: float) -> None:
    """The repository holds these blobs, as before or again, and the collector takes no link before the end of this."""
    for digest in sorted(set(digests)):
        _hold_link(tx, repository_id, digest, now)


def _hold_link(tx: Connection, repository_id: int, digest: Digest, now: float) -> bool:
    """Make the link, or find it: whether it was made. The collector does not take it before this transaction ends."""
    row = {"repository_id": repository_id, "digest": digest, "linked_at": now}
    this = (blob_links.c.repository_id == repository_id) & (blob_links.c.digest == digest)
    make = insert(tx, blob_links).values(row).on_conflict_do_nothing().returning(blob_links.c.digest)
    found = held(select(literal(1)).where(this))
    while True:
        if tx.execute(make).first() is not None:
            usage.note(tx, repository_id, [digest], 1)
            return True
        if tx.execute(found).first() is not None:
            return False


def holders(tx: Connection, digest: Digest) -> Iterator[RepoName]:
    """The repositories that hold the blob, by name, read as far as they are asked for."""
    last = ""
    while True:
        query = (
            select(repositories.c.name)
            .join(blob_links, blob_links.c.repository_id == repositories.c.id)
            .where(blob_links.c.digest == digest, repositories.c.name > last)
            .order_by(repositories.c.name)
            .limit(CHUNK)
        )
        found = list(tx.execute(query).scalars())
        yield from (RepoName(name) for name in found)
        if len(found) < CHUNK:
            return
        last = found[-1]


def unlink(tx: Connection, repository: RepoName, digest: Digest, now: float) -> None:
    """The repository no longer holds the blob; the collector looks at once whether anybody does.

    Raises BlobUnknown, or InUse when a manifest of the repository needs it.
    """
    repository_id = repos.require(tx, repository)
    this = (blob_links.c.repository_id == repository_id) & (blob_links.c.digest == digest)
    if not tx.execute(select(literal(1)).where(this).with_for_update()).first():
        raise BlobUnknown(f"blob {digest} is not known in {repository}", digest=digest)
    users = _users(tx, repository_id, digest)
    if users:
        raise InUse(f"blob {digest} is used by {describe(users)}: delete that first", digest=digest, used_by=users)
    reviews.note_unlinking(tx, repository_id, digest, now)
    tx.execute(delete(blob_links).where(this))
    usage.note(tx, repository_id, [digest], -1)


def _users(tx: Connection, repository_id: int, digest: Digest) -> list[str]:
    edges = manifest_blobs.c
    query = select(edges.manifest).where(edges.repository_id == repository_id, edges.present == digest)
    return list(tx.execute(query.order_by(edges.manifest).limit(NAMED_USERS + 1)).scalars())


def describe(users: list[str]) -> str:
    """The first few users in words."""
    named = ", ".join(f"manifest {user}" for user in users[:NAMED_USERS])
    return f"{named} and others" if len(users) > NAMED_USERS else named


def sizes_in(tx: Connection, repository_id: int, digests: set[Digest]) -> dict[Digest, int]:
    """Which of the blobs the repository holds, and their sizes."""
    found: dict[Digest, int] = {}
    query = select(blobs.c.digest, blobs.c.size).join(blob_links, blob_links.c.digest == blobs.c.digest)
    for chunk in chunks(sorted(digests)):
        rows = tx.execute(query.where(blob_links.c.repository_id == repository_id, blobs.c.digest.in_(chunk)))
        found.update((Digest(row.digest), row.size) for row in rows)
    return found
