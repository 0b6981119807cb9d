"""What fsck asks of the database: blobs page by page, what nobody knows of, and what contradicts itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, select, update

from wharfinger.meta import journal
from wharfinger.meta.blobs import Blob
from wharfinger.meta.journal import Kind
from wharfinger.meta.schema import (
    blob_links,
    blobs,
    manifest_blobs,
    manifest_children,
    manifests,
    repositories,
    segments,
    tags,
)
from wharfinger.meta.schema_collection import doomed
from wharfinger.meta.schema_trash import trash
from wharfinger.meta.schema_usage import fsck_state
from wharfinger.meta.sql import insert
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

PAGE = 500
NAMED = 3


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Something that the database says and that it also says otherwise."""

    what: str
    repository: str
    repository_id: int
    digest: Digest
    other: str = ""


def blobs_after(tx: Connection, digest: str, limit: int = PAGE) -> list[Blob]:
    """Blobs in the order of their digests."""
    query = select(blobs).where(blobs.c.digest > digest).order_by(blobs.c.digest).limit(limit)
    return [Blob(Digest(row.digest), row.size, Location(row.location)) for row in tx.execute(query)]


def still(tx: Connection, blob: Blob) -> bool:
    """Whether the blob is still there, and where it was."""
    this = (blobs.c.digest == blob.digest) & (blobs.c.location == blob.location)
    return tx.execute(select(blobs.c.digest).where(this)).first() is not None


def holders(tx: Connection, digest: Digest) -> list[str]:
    """A few of the repositories that hold the blob."""
    query = select(repositories.c.name).join(blob_links).where(blob_links.c.digest == digest)
    return list(tx.execute(query.order_by(repositories.c.name).limit(NAMED)).scalars())


def unknown(tx: Connection, locations: Sequence[tuple[Location, Location]]) -> list[Location]:
    """Of bytes at a location (and where they were staged) those that no blob, upload or collection knows of."""
    everywhere = sorted({each for pair in locations for each in pair})
    known: set[str] = set()
    for column in (blobs.c.location, segments.c.location, doomed.c.location):
        known |= set(tx.execute(select(column).where(column.in_(everywhere))).scalars())
    return [location for location, staged in locations if location not in known and staged not in known]


def move(tx: Connection, blob: Blob, location: Location) -> bool:
    """The blob's bytes are at ``location`` now; False when somebody else has done something about it."""
    this = (blobs.c.digest == blob.digest) & (blobs.c.location == blob.location)
    return tx.execute(update(blobs).where(this).values(location=location)).rowcount == 1


def contradictions(tx: Connection, limit: int) -> list[Contradiction]:
    """What is so that no code of ours leaves it: edges, tags, and the trash."""
    found = []
    for what, query in _QUERIES.items():
        rows = tx.execute(query.limit(limit))
        found += [Contradiction(what, row[0], row[1], Digest(row[2]), row[3]) for row in rows]
    return found


_blob_edge, _child_edge = manifest_blobs.c, manifest_children.c
_child = manifests.alias("child")
_QUERIES = {
    "an edge does not say that its blob is here": select(
        repositories.c.name, _blob_edge.repository_id, _blob_edge.manifest, _blob_edge.digest
    )
    .join_from(manifest_blobs, repositories, repositories.c.id == _blob_edge.repository_id)
    .join(
        blob_links,
        (blob_links.c.repository_id == _blob_edge.repository_id) & (blob_links.c.digest == _blob_edge.digest),
    )
    .where(_blob_edge.present.is_(None)),
    "an edge does not say that its child is here": select(
        repositories.c.name, _child_edge.repository_id, _child_edge.manifest, _child_edge.digest
    )
    .join_from(manifest_children, repositories, repositories.c.id == _child_edge.repository_id)
    .join(_child, (_child.c.repository_id == _child_edge.repository_id) & (_child.c.digest == _child_edge.digest))
    .where(_child_edge.present.is_(None)),
    "a manifest has a tag and a time since when it has none": select(
        repositories.c.name, manifests.c.repository_id, manifests.c.digest, tags.c.name
    )
    .join_from(manifests, repositories, repositories.c.id == manifests.c.repository_id)
    .join(tags, (tags.c.repository_id == manifests.c.repository_id) & (tags.c.digest == manifests.c.digest))
    .where(manifests.c.untagged_at.is_not(None)),
    "a manifest is there and in the trash": select(
        repositories.c.name, manifests.c.repository_id, manifests.c.digest, trash.c.root
    )
    .join_from(manifests, repositories, repositories.c.id == manifests.c.repository_id)
    .join(trash, (trash.c.repository_id == manifests.c.repository_id) & (trash.c.digest == manifests.c.digest)),
}


def mend(tx: Connection, found: Contradiction) -> bool:
    """Make the edges and times right; False for what a person has to decide."""
    key, digest = found.repository_id, found.digest
    for table in (manifest_blobs, manifest_children):
        this = (table.c.repository_id == key) & (table.c.manifest == digest) & table.c.present.is_(None)
        held = blob_links if table is manifest_blobs else manifests
        here = exists().where(held.c.repository_id == table.c.repository_id, held.c.digest == table.c.digest)
        tx.execute(update(table).where(this, here).values(present=table.c.digest))
    tagged = exists().where(tags.c.repository_id == key, tags.c.digest == digest)
    this = (manifests.c.repository_id == key) & (manifests.c.digest == digest)
    tx.execute(update(manifests).where(this, tagged).values(untagged_at=None))
    journal.note(tx, Kind.MANIFEST, key, digest)
    return "trash" not in found.what


def manifests_after(tx: Connection, key: int, digest: str, limit: int) -> list[tuple[int, str, Digest, bytes]]:
    """Manifests with their bytes in the order of their keys."""
    later = (manifests.c.repository_id > key) | ((manifests.c.repository_id == key) & (manifests.c.digest > digest))
    query = (
        select(manifests.c.repository_id, repositories.c.name, manifests.c.digest, manifests.c.raw)
        .join_from(manifests, repositories, repositories.c.id == manifests.c.repository_id)
        .where(manifests.c.repository_id >= key, later)
        .order_by(manifests.c.repository_id, manifests.c.digest)
    )
    return [(row[0], row[1], Digest(row[2]), row[3]) for row in tx.execute(query.limit(limit))]


def verified(tx: Connection) -> str:
    """Up to which digest the pass that is under way has read; empty at its beginning."""
    return str(tx.execute(select(fsck_state.c.verified)).scalar() or "")


def note_verified(tx: Connection, digest: str, now: float) -> None:
    """It has come so far; empty: it is over."""
    tx.execute(delete(fsck_state))
    if digest:
        tx.execute(insert(tx, fsck_state).values(id=1, verified=digest, at=now))
