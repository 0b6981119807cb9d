"""A database is filled from what the journal and the store say: in bulk, and from the beginning if it was interrupted.

Only ever an empty database, but for accounts and grants; nobody else uses it meanwhile.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from wharfinger.errors import JournalForeign
from wharfinger.meta import journal, usage
from wharfinger.meta.journal_states import Record
from wharfinger.meta.schema import (
    blob_links,
    blobs,
    manifest_blobs,
    manifest_children,
    manifests,
    repositories,
    segments,
    tags,
    uploads,
)
from wharfinger.meta.schema_collection import blob_reviews, doomed, link_reviews
from wharfinger.meta.schema_journal import journal_changes, journal_state
from wharfinger.meta.schema_tagging import tag_history
from wharfinger.meta.schema_trash import last_pulls, trash, trash_blobs, trash_children, trash_tags
from wharfinger.meta.schema_usage import fsck_state, usage_blobs, usage_changes, usage_repositories
from wharfinger.meta.sql import chunks
from wharfinger.meta.sql import insert as upsert
from wharfinger.spec import needs
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location
from wharfinger.spec.manifest import Manifest

_CATALOGUE: Sequence[Table] = (
    *(trash_tags, trash_blobs, trash_children, trash, tags, tag_history, manifest_blobs, manifest_children, manifests),
    *(link_reviews, blob_reviews, doomed, blob_links, blobs, segments, uploads, last_pulls, repositories),
    *(usage_changes, usage_blobs, usage_repositories, fsck_state, journal_changes),
)
"""What a rebuild fills, or what would be left over of it, in an order in which it can be emptied."""
_KEPT = ("pushed_at", "untagged_at", "created_at", "platform", "labels", "total_size")


@dataclass(frozen=True, slots=True)
class Found:
    """A manifest of the journal, understood, and which of its blobs are in the store for its repository."""

    repository_id: int
    manifest: Manifest
    record: Record
    present: Mapping[Digest, tuple[Location, int]]

    def has(self, blob: Descriptor) -> bool:
        """Whether the blob is in the store, as big as the manifest says."""
        return blob.digest in self.present and self.present[blob.digest][1] == blob.size


def begin(tx: Connection, identity: str) -> None:
    """Make the database one that is being rebuilt. Raises JournalForeign when there is something in it."""
    state = journal.state(tx)
    if state is None or not state.rebuilding:
        for table in (repositories, blobs, uploads):
            if tx.execute(select(table).limit(1)).first() is not None:
                raise JournalForeign(f"the database is not empty: it has {table.name}; only an empty one is rebuilt")
    tx.execute(delete(journal_state))
    journal.begin(tx, identity, rebuilding=True)


def clear(tx: Connection) -> None:
    """Begin at the beginning: what an interrupted rebuild has filled in goes."""
    for table in _CATALOGUE:
        tx.execute(delete(table))


def add_repositories(tx: Connection, made: Mapping[str, float]) -> dict[str, int]:
    """The repositories and their keys."""
    for some in chunks(sorted(made)):
        tx.execute(insert(repositories), [{"name": name, "created_at": made[name]} for name in some])
    return {row.name: row.id for row in tx.execute(select(repositories))}


def add_manifests(tx: Connection, found: Sequence[Found]) -> None:
    """Manifests with what they need; their children follow when all are there."""
    _add_blobs(tx, found)
    links = {(each.repository_id, digest): each.record["pushed_at"] for each in found for digest in each.present}
    linked = [
        {"repository_id": key, "digest": digest, "linked_at": links[key, digest]} for key, digest in sorted(links)
    ]
    if linked:
        put = upsert(tx, blob_links).on_conflict_do_nothing().returning(blob_links.c.repository_id, blob_links.c.digest)
        _note_links(tx, tx.execute(put, linked).all())
    tx.execute(insert(manifests), [_row(each) for each in found])
    _insert(tx, manifest_blobs, (row for each in found for row in _blob_edges(each)))


def add_trash(tx: Connection, found: Sequence[Found]) -> None:
    """Manifests that are in the trash, with all that comes back with them."""
    _add_blobs(tx, found)
    whose = ("trashed_at", "empties_at", "who", "why", "root")
    tx.execute(insert(trash), [_row(each) | {name: each.record[name] for name in whose} for each in found])
    _insert(tx, trash_blobs, (row for each in found for row in _blob_edges(each)))
    _insert(tx, trash_children, (_edge(each, digest) for each in found for digest in _children(each)))
    named = (
        {"repository_id": each.repository_id, "name": name, "manifest": each.manifest.digest, "moved_at": moved_at}
        for each in found
        for name, moved_at in each.record["tags"]
    )
    _insert(tx, trash_tags, named)


def add_children(tx: Connection, found: Sequence[Found]) -> None:
    """The edges of indexes, of which those are present whose repository has the child."""
    rows = []
    for each in found:
        wanted = _children(each)
        query = select(manifests.c.digest).where(manifests.c.repository_id == each.repository_id)
        here = {
            digest
            for some in chunks(sorted(wanted))
            for digest in tx.execute(query.where(manifests.c.digest.in_(some))).scalars()
        }
        rows += [_edge(each, digest) | {"present": digest if digest in here else None} for digest in wanted]
    _insert(tx, manifest_children, rows)


def add_tags(tx: Connection, rows: Sequence[tuple[int, Record]]) -> list[Record]:
    """Tags; those whose manifest is not there, which nothing should be, are given back."""
    there = []
    for key, record in rows:
        this = select(manifests.c.digest).where(
            manifests.c.repository_id == key, manifests.c.digest == record["digest"]
        )
        if tx.execute(this).first() is not None:
            moved_at, name = record["moved_at"], record["name"]
            there.append({"repository_id": key, "name": name, "digest": record["digest"], "moved_at": moved_at})
    _insert(tx, tags, there)
    kept = {(row["repository_id"], row["name"]) for row in there}
    return [record for key, record in rows if (key, record["name"]) not in kept]


def add_events(tx: Connection, rows: Sequence[tuple[int, Record]]) -> None:
    """The history of tags, in its order."""
    columns = ("tag", "digest", "at", "who", "how")
    _insert(tx, tag_history, ({"repository_id": key, **{c: record[c] for c in columns}} for key, record in rows))


def end(tx: Connection, number: int) -> None:
    """It is whole: the journal goes on after this number, with a snapshot of what is here now."""
    journal.rebuilt(tx, number)


def _add_blobs(tx: Connection, found: Sequence[Found]) -> None:
    held = {digest: (*where, each.record["pushed_at"]) for each in found for digest, where in each.present.items()}
    rows = [
        {"digest": digest, "size": size, "location": location, "created_at": at}
        for digest, (location, size, at) in sorted(held.items())
    ]
    if rows:
        put = upsert(tx, blobs).on_conflict_do_nothing(index_elements=["digest"]).returning(blobs.c.digest)
        usage.note(tx, usage.STORE, map(Digest, tx.execute(put, rows).scalars().all()), 1)


def _note_links(tx: Connection, made: Iterable[Any]) -> None:
    by_repository: dict[int, list[Digest]] = {}
    for key, digest in made:
        by_repository.setdefault(key, []).append(Digest(digest))
    for key, digests in by_repository.items():
        usage.note(tx, key, digests, 1)


def _row(found: Found) -> Record:
    manifest = found.manifest
    is_measured = all(map(found.has, manifest.blobs))
    return {
        "repository_id": found.repository_id,
        "digest": manifest.digest,
        "media_type": manifest.media_type,
        "artifact_type": manifest.artifact_type,
        "subject": manifest.subject,
        "annotations": json.dumps(manifest.annotations),
        "size": len(manifest.raw),
        "raw": manifest.raw,
        "unmeasured": None if is_measured else True,
        "needs": needs.pack({blob.digest: blob.size for blob in manifest.blobs}) if is_measured else None,
        **{name: found.record[name] for name in _KEPT},
    }


def _blob_edges(found: Found) -> Iterable[Record]:
    digests: Collection[Digest] = sorted({blob.digest for blob in found.manifest.blobs})
    return (_edge(found, digest) | {"present": digest if digest in found.present else None} for digest in digests)


def _children(found: Found) -> list[Digest]:
    return sorted({child.digest for child in found.manifest.children})


def _edge(found: Found, digest: Digest) -> Record:
    return {"repository_id": found.repository_id, "manifest": found.manifest.digest, "digest": digest}


def _insert(tx: Connection, table: Table, rows: Iterable[Record]) -> None:
    for some in chunks(rows):
        tx.execute(insert(table), some)
