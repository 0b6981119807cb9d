"""Manifests with their edges, and what refers to them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Table, bindparam, select, update

from wharfinger.meta import journal, reviews
from wharfinger.meta.journal import Kind
from wharfinger.meta.schema import manifest_blobs, manifest_children, manifests, repositories, tags
from wharfinger.meta.sql import chunks, insert
from wharfinger.spec import needs
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import RepoName, Tag

_IN_REPOSITORY = manifests.join(repositories, manifests.c.repository_id == repositories.c.id)

BY_DIGEST = (
    select(manifests.c.digest, manifests.c.media_type, manifests.c.raw, manifests.c.brownout)
    .select_from(_IN_REPOSITORY)
    .where(repositories.c.name == bindparam("repository"), manifests.c.digest == bindparam("digest"))
)
"""(digest, media type, bytes, brown-out) of a manifest; the statement behind every pull by digest."""

BY_TAG = (
    select(manifests.c.digest, manifests.c.media_type, manifests.c.raw, manifests.c.brownout)
    .select_from(repositories)
    .join(tags, tags.c.repository_id == repositories.c.id)
    .join(manifests, (manifests.c.repository_id == tags.c.repository_id) & (manifests.c.digest == tags.c.digest))
    .where(repositories.c.name == bindparam("repository"), tags.c.name == bindparam("tag"))
)
"""The same by tag."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest as it was pushed. ``brownout`` is the number of the run in whose brown-out it is."""

    digest: Digest
    media_type: str
    raw: bytes
    brownout: int | None = None


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest as the referrers API describes it."""

    digest: Digest
    media_type: str
    size: int
    artifact_type: str | None
    annotations: dict[str, str]


def find(tx: Connection, repository: RepoName, digest: Digest) -> Stored | None:
    """The manifest, if the repository holds it."""
    row = tx.execute(BY_DIGEST, {"repository": repository, "digest": digest}).first()
    return Stored(Digest(row.digest), row.media_type, row.raw) if row else None


def find_tagged(tx: Connection, repository: RepoName, tag: Tag) -> Stored | None:
    """The manifest that the tag points at."""
    row = tx.execute(BY_TAG, {"repository": repository, "tag": tag}).first()
    return Stored(Digest(row.digest), row.media_type, row.raw) if row else None


def sizes_in(tx: Connection, repository_id: int, digests: set[Digest]) -> dict[Digest, int]:
    """Which of the manifests the repository holds, and their sizes."""
    found: dict[Digest, int] = {}
    query = select(manifests.c.digest, manifests.c.size).where(manifests.c.repository_id == repository_id)
    for chunk in chunks(sorted(digests)):
        rows = tx.execute(query.where(manifests.c.digest.in_(chunk)))
        found.update((Digest(row.digest), row.size) for row in rows)
    return found


def add(tx: Connection, repository_id: int, manifest: Manifest, present: set[Digest], now: float) -> None:
    """Store the manifest and its edges; ``present`` are the targets that the repository holds. Safe to repeat."""
    is_measured = all(blob.digest in present for blob in manifest.blobs)
    row = {
        "repository_id": repository_id,
        "digest": manifest.digest,
        "media_type": manifest.media_type,
        "artifact_type": manifest.artifact_type,
        "subject": manifest.subject,
        "annotations": json.dumps(manifest.annotations),
        "size": len(manifest.raw),
        "pushed_at": now,
        "raw": manifest.raw,
        "unmeasured": None if is_measured else True,
        "needs": needs.pack({blob.digest: blob.size for blob in manifest.blobs}) if is_measured else None,
    }
    again = {name: row[name] for name in ("media_type", "artifact_type", "pushed_at", "unmeasured", "needs")}
    put = insert(tx, manifests).values(row)
    tx.execute(put.on_conflict_do_update(index_elements=["repository_id", "digest"], set_=again))
    _add_edges(tx, manifest_blobs, repository_id, manifest.digest, manifest.blobs, present)
    _add_edges(tx, manifest_children, repository_id, manifest.digest, manifest.children, present)
    reviews.settle_links(tx, repository_id, (blob.digest for blob in manifest.blobs if blob.digest in present))
    # An index that was there first, and sparse, now has this child.
    edges = manifest_children.c
    waiting = (edges.repository_id == repository_id) & (edges.digest == manifest.digest) & edges.present.is_(None)
    wait = update(manifest_children).where(waiting).values(present=manifest.digest).returning(edges.manifest)
    parents = tx.execute(wait).scalars().all()
    for some in chunks(parents):  # what is known of them (``facts.py``) was known without this child
        these = (manifests.c.repository_id == repository_id) & manifests.c.digest.in_(some)
        tx.execute(update(manifests).where(these).values(labels=None))
    journal.note(tx, Kind.MANIFEST, repository_id, manifest.digest, *parents)


def _add_edges(
    tx: Connection,
    table: Table,
    repository_id: int,
    manifest: Digest,
    targets: Iterable[Descriptor],
    present: set[Digest],
) -> None:
    rows = [
        {
            "repository_id": repository_id,
            "manifest": manifest,
            "digest": digest,
            "present": digest if digest in present else None,
        }
        for digest in sorted({target.digest for target in targets})
    ]
    if rows:
        put = insert(tx, table)
        key = ["repository_id", "manifest", "digest"]
        tx.execute(put.on_conflict_do_update(index_elements=key, set_={"present": put.excluded.present}), rows)


def referrers(
    tx: Connection, repository: RepoName, subject: Digest, *, artifact_type: str | None, last: str, limit: int
) -> list[Referrer]:
    """Up to ``limit`` manifests about ``subject``, by digest and after ``last``; an unknown repository has none."""
    query = (
        select(
            manifests.c.digest,
            manifests.c.media_type,
            manifests.c.size,
            manifests.c.artifact_type,
            manifests.c.annotations,
        )
        .select_from(_IN_REPOSITORY)
        .where(repositories.c.name == repository, manifests.c.subject == subject, manifests.c.digest > last)
        .order_by(manifests.c.digest)
        .limit(limit)
    )
    if artifact_type is not None:
        query = query.where(manifests.c.artifact_type == artifact_type)
    return [
        Referrer(Digest(r.digest), r.media_type, r.size, r.artifact_type, json.loads(r.annotations))
        for r in tx.execute(query)
    ]
