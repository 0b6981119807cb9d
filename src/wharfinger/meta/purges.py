"""Content that must go at once, wherever it is: who has it, who needs it, and taking its rows away."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select

from wharfinger.meta import usage
from wharfinger.meta.blobs import Blob
from wharfinger.meta.schema import blob_links, blobs, manifest_blobs, manifests, repositories
from wharfinger.meta.schema_collection import blob_reviews, doomed, link_reviews
from wharfinger.meta.schema_trash import trash, trash_blobs
from wharfinger.meta.sql import chunks
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location
from wharfinger.spec.names import RepoName


@dataclass(frozen=True, slots=True)
class Place:
    """A manifest in a repository."""

    repository_id: int
    repository: RepoName
    digest: Digest


def live(tx: Connection, digest: Digest) -> list[Place]:
    """Where it is a manifest."""
    query = select(manifests.c.repository_id, repositories.c.name, manifests.c.digest)
    query = query.join(repositories, repositories.c.id == manifests.c.repository_id)
    return _places(tx, query.where(manifests.c.digest == digest))


def trashed(tx: Connection, digest: Digest) -> list[Place]:
    """In which trash it is as a manifest."""
    query = select(trash.c.repository_id, repositories.c.name, trash.c.digest)
    query = query.join(repositories, repositories.c.id == trash.c.repository_id)
    return _places(tx, query.where(trash.c.digest == digest))


def hold_blob(tx: Connection, digest: Digest) -> bool:
    """Whether it is a blob; no repository comes to hold it before this transaction ends."""
    return tx.execute(select(blobs.c.digest).where(blobs.c.digest == digest).with_for_update()).first() is not None


def users(tx: Connection, digest: Digest, limit: int) -> list[Place]:
    """Up to ``limit`` manifests that need the blob, anywhere."""
    edges = manifest_blobs.c
    query = select(edges.repository_id, repositories.c.name, edges.manifest)
    query = query.join(repositories, repositories.c.id == edges.repository_id).where(edges.present == digest)
    return _places(tx, query.limit(limit))


def trash_users(tx: Connection, digest: Digest) -> list[Place]:
    """The manifests in the trash that need the blob."""
    edges = trash_blobs.c
    query = select(edges.repository_id, repositories.c.name, edges.manifest)
    query = query.join(repositories, repositories.c.id == edges.repository_id)
    return _places(tx, query.where(edges.present == digest))


def _places(tx: Connection, query: Select[Any]) -> list[Place]:
    found = sorted(tuple(row) for row in tx.execute(query))
    return [Place(id, RepoName(name), Digest(digest)) for id, name, digest in found]


def needs(tx: Connection, place: Place) -> list[Digest]:
    """The blobs that a manifest in the trash needs."""
    edges = trash_blobs.c
    query = select(edges.present).where(
        edges.repository_id == place.repository_id, edges.manifest == place.digest, edges.present.is_not(None)
    )
    return [Digest(each) for each in tx.execute(query.order_by(edges.present)).scalars()]


def is_needed(tx: Connection, digest: Digest) -> bool:
    """Whether a manifest needs the blob, be it in a trash."""
    edges = select(manifest_blobs.c.present).where(manifest_blobs.c.present == digest).limit(1)
    kept = select(trash_blobs.c.present).where(trash_blobs.c.present == digest).limit(1)
    return tx.execute(edges).first() is not None or tx.execute(kept).first() is not None


def doom(tx: Connection, digests: Iterable[Digest], now: float) -> list[Blob]:
    """Nobody holds these blobs any more, and their bytes are to be deleted once this is committed.

    What somebody comes to need meanwhile is held by a foreign key, and then all of this is run again.
    """
    gone = []
    for some in chunks(digests):
        found = tx.execute(select(blobs.c.digest, blobs.c.size, blobs.c.location).where(blobs.c.digest.in_(some)))
        gone += [Blob(Digest(row.digest), row.size, Location(row.location)) for row in found]
        tx.execute(delete(link_reviews).where(link_reviews.c.digest.in_(some)))
        tx.execute(delete(blob_reviews).where(blob_reviews.c.digest.in_(some)))
        links = delete(blob_links).where(blob_links.c.digest.in_(some))
        for repository_id, digest in tx.execute(links.returning(blob_links.c.repository_id, blob_links.c.digest)).all():
            usage.note(tx, repository_id, [Digest(digest)], -1)
        usage.note(tx, usage.STORE, some, -1)
        tx.execute(delete(blobs).where(blobs.c.digest.in_(some)))
    if gone:
        rows = [{"location": b.location, "digest": b.digest, "size": b.size, "doomed_at": now} for b in gone]
        tx.execute(insert(doomed), rows)
    return gone
