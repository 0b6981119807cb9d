"""Blobs, and the links through which repositories hold them."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, literal, select, update

from wharfinger.errors import BlobUnknown, InUse
from wharfinger.meta import repos, reviews
from wharfinger.meta.schema import blob_links, blobs, manifest_blobs, repositories
from wharfinger.meta.sql import CHUNK, chunks, insert
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location
from wharfinger.spec.names import RepoName

NAMED_USERS = 5
"""How many manifests a refusal names before it says "and others"."""

FIND = (
    select(blobs.c.size, blobs.c.location)
    .select_from(repositories)
    .join(blob_links, blob_links.c.repository_id == repositories.c.id)
    .join(blobs, blobs.c.digest == blob_links.c.digest)
    .where(repositories.c.name == bindparam("repository"), blob_links.c.digest == bindparam("digest"))
)
"""(size, location) of a blob that a repository holds; the statement behind every blob pull."""


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
    """Make the bytes a blob; of several that stored the same content the first wins, and is returned to all."""
    row = {"digest": blob.digest, "size": blob.size, "location": blob.location, "created_at": now}
    tx.execute(insert(tx, blobs).values(row).on_conflict_do_nothing(index_elements=["digest"]))
    kept = find(tx, blob.digest)
    assert kept is not None, "inserted or found in this very transaction"
    return kept


def link(tx: Connection, repository: RepoName, digest: Digest, now: float) -> None:
    """Let the repository hold the blob, also for manifests that came before it."""
    repository_id = repos.ensure(tx, repository, now)
    row = {"repository_id": repository_id, "digest": digest, "linked_at": now}
    tx.execute(insert(tx, blob_links).values(row).on_conflict_do_nothing())
    edges = manifest_blobs.c
    waiting = (edges.repository_id == repository_id) & (edges.digest == digest) & edges.present.is_(None)
    tx.execute(update(manifest_blobs).where(waiting).values(present=digest))


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


def unlink(tx: Connection, repository: RepoName, digest: Digest, due_at: float) -> None:
    """The repository no longer holds the blob; its bytes stay for the collector, who looks at it at ``due_at``.

    Raises BlobUnknown, or InUse when a manifest of the repository needs it.
    """
    repository_id = repos.require(tx, repository)
    held = (blob_links.c.repository_id == repository_id) & (blob_links.c.digest == digest)
    if not tx.execute(select(literal(1)).where(held)).first():
        raise BlobUnknown(f"blob {digest} is not known in {repository}", digest=digest)
    users = _users(tx, repository_id, digest)
    if users:
        raise InUse(f"blob {digest} is used by {describe(users)}: delete that first", digest=digest, used_by=users)
    reviews.note_unlinking(tx, repository_id, digest, due_at)
    tx.execute(delete(blob_links).where(held))


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
