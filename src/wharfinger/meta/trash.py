"""The trash: manifests that were deleted, with their edges and tags, until they come back or go for good.

A digest is among the manifests of a repository or in its trash, never both: whoever moves one takes it from the one
and puts it in the other in one transaction. Blobs are kept for the trash by their edges from it (``trash_blobs``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, Text, cast, delete, literal, select, update

from wharfinger.errors import InUse, ManifestUnknown
from wharfinger.meta import blobs, journal, repos, reviews
from wharfinger.meta.journal import Kind
from wharfinger.meta.schema import KEY, blob_links, manifest_blobs, manifest_children, manifests, tags
from wharfinger.meta.schema_trash import last_pulls, trash, trash_blobs, trash_children, trash_tags
from wharfinger.meta.sql import chunks
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Tag

_SAME = [column.name for column in manifests.columns if column.name in trash.columns]
"""What a row of the trash has that a manifest's has, too: everything but a brown-out, which ends with its image."""


@dataclass(frozen=True, slots=True)
class HadTag:
    """A tag of a manifest that is gone, and since when it had it."""

    tag: Tag
    digest: Digest
    moved_at: float


@dataclass(frozen=True, slots=True)
class Trashed:
    """What is in the trash now, and the tags that went with it."""

    digests: Sequence[Digest]
    tags: Sequence[HadTag]


@dataclass(frozen=True, slots=True)
class Restored:
    """What is back, what tags it had, and the children of it that are nowhere any more."""

    digests: Sequence[Digest]
    tags: Sequence[HadTag]
    missing: Sequence[Digest]


# --- into the trash


def put(
    tx: Connection,
    repository_id: int,
    digests: Iterable[Digest],
    *,
    root: Digest,
    who: str,
    why: str,
    run_id: int | None,
    now: float,
    empties_at: float,
    due_at: float,
) -> Trashed:
    """Move the manifests into the trash, all or none, with their edges and tags.

    They come back together with ``root``, the one that the deletion was about. What they refer to, and what refers
    to them as subject, stays unless it is named. Their blobs are looked at when ``due_at`` has come.

    Raises ManifestUnknown, and InUse when an index that stays lists one.
    """
    gone = sorted(set(digests))
    _hold(tx, repository_id, gone)
    _require_no_parents(tx, repository_id, gone)
    entry = {
        "trashed_at": literal(now, Double),
        "empties_at": literal(empties_at, Double),
        "who": literal(who, Text),
        "why": literal(why, Text),
        "root": literal(root, Text),
        "run_id": cast(literal(run_id), KEY),
    }
    named, needed = _move(tx, repository_id, gone, entry)
    reviews.note_links(tx, repository_id, needed, due_at)
    journal.note(tx, Kind.MANIFEST, repository_id, *gone)
    journal.note(tx, Kind.TAG, repository_id, *(had.tag for had in named))
    return Trashed(gone, sorted(named, key=lambda had: (had.tag, had.digest)))


def _move(
    tx: Connection, repository_id: int, gone: Sequence[Digest], entry: Mapping[str, ColumnElement[Any]]
) -> tuple[list[HadTag], set[Digest]]:
    """What tags they had, and the blobs that the repository held for them."""
    named: list[HadTag] = []
    needed: set[Digest | None] = set()
    for some in chunks(gone):
        _copy(tx, repository_id, some, entry)
        these = (tags.c.repository_id == repository_id) & tags.c.digest.in_(some)
        had = tx.execute(delete(tags).where(these).returning(tags.c.name, tags.c.digest, tags.c.moved_at))
        named += (HadTag(Tag(row.name), Digest(row.digest), row.moved_at) for row in had)
        edges = (manifest_blobs.c.repository_id == repository_id) & manifest_blobs.c.manifest.in_(some)
        needed |= set(tx.execute(delete(manifest_blobs).where(edges).returning(manifest_blobs.c.present)).scalars())
        edges = (manifest_children.c.repository_id == repository_id) & manifest_children.c.manifest.in_(some)
        tx.execute(delete(manifest_children).where(edges))
    for some in chunks(gone):  # after all edges: an index and its child may go together
        this = (manifests.c.repository_id == repository_id) & manifests.c.digest.in_(some)
        tx.execute(delete(manifests).where(this))
    return named, {digest for digest in needed if digest is not None}


def _hold(tx: Connection, repository_id: int, digests: Sequence[Digest]) -> None:
    """Nobody else gives or takes these manifests a tag; the tags first, as everywhere. Raises ManifestUnknown."""
    for some in chunks(digests):
        theirs = select(tags.c.name).where(tags.c.repository_id == repository_id, tags.c.digest.in_(some))
        tx.execute(theirs.order_by(tags.c.name).with_for_update())
    for some in chunks(digests):
        these = select(manifests.c.digest).where(
            manifests.c.repository_id == repository_id, manifests.c.digest.in_(some)
        )
        there = set(tx.execute(these.order_by(manifests.c.digest).with_for_update()).scalars())
        missing = next((digest for digest in some if digest not in there), None)
        if missing is not None:
            name = repos.name_of(tx, repository_id)
            raise ManifestUnknown(f"manifest {missing} is not known in {name}", digest=missing)


def _require_no_parents(tx: Connection, repository_id: int, digests: Sequence[Digest]) -> None:
    going, edges = set(digests), manifest_children.c
    for some in chunks(digests):
        query = select(edges.present, edges.manifest).where(
            edges.repository_id == repository_id, edges.present.in_(some)
        )
        users: dict[str, list[str]] = {}
        for child, parent in tx.execute(query.order_by(edges.present, edges.manifest)):
            if parent not in going:
                users.setdefault(child, []).append(parent)
        for child, parents in users.items():
            listed = blobs.describe(parents[: blobs.NAMED_USERS + 1])
            raise InUse(f"manifest {child} is listed by {listed}: delete that first", digest=child, used_by=parents)


def _copy(tx: Connection, repository_id: int, some: Sequence[Digest], entry: Mapping[str, ColumnElement[Any]]) -> None:
    rows = select(*(manifests.c[name] for name in _SAME), *entry.values())
    these = (manifests.c.repository_id == repository_id) & manifests.c.digest.in_(some)
    tx.execute(trash.insert().from_select([*_SAME, *entry], rows.where(these)))
    edges = manifest_blobs.c
    blob_rows = select(edges.repository_id, edges.manifest, edges.digest, edges.present).where(
        edges.repository_id == repository_id, edges.manifest.in_(some)
    )
    tx.execute(trash_blobs.insert().from_select(["repository_id", "manifest", "digest", "present"], blob_rows))
    children = manifest_children.c
    child_rows = select(children.repository_id, children.manifest, children.digest).where(
        children.repository_id == repository_id, children.manifest.in_(some)
    )
    tx.execute(trash_children.insert().from_select(["repository_id", "manifest", "digest"], child_rows))
    tag_rows = select(tags.c.repository_id, tags.c.name, tags.c.digest, tags.c.moved_at).where(
        tags.c.repository_id == repository_id, tags.c.digest.in_(some)
    )
    tx.execute(trash_tags.insert().from_select(["repository_id", "name", "manifest", "moved_at"], tag_rows))


# --- out of the trash, back


def has(tx: Connection, repository_id: int, digest: Digest) -> bool:
    """Whether the manifest is in the trash."""
    this = (trash.c.repository_id == repository_id) & (trash.c.digest == digest)
    return tx.execute(select(trash.c.digest).where(this)).first() is not None


def holder_of(tx: Connection, repository_id: int, tag: Tag) -> Digest | None:
    """The manifest in the trash that had the tag; of several the one that had it last."""
    this = (trash_tags.c.repository_id == repository_id) & (trash_tags.c.name == tag)
    found = tx.execute(select(trash_tags.c.manifest).where(this).order_by(trash_tags.c.moved_at.desc())).scalar()
    return Digest(found) if found else None


def restore(tx: Connection, repository_id: int, digest: Digest, now: float) -> Restored:
    """Bring the manifest back, and what belongs to it: see :func:`_family`. Its tags are the caller's to put back.

    The caller holds the repository (``repos.hold``), so that nothing of it is pushed meanwhile. Those without a tag
    are untagged since ``now``. Raises ManifestUnknown when it is not in the trash.
    """
    family = _claim(tx, repository_id, _family(tx, repository_id, digest))
    if digest not in family:
        raise ManifestUnknown(f"manifest {digest} is not in the trash", digest=digest)
    _bring_back(tx, repository_id, family, now)
    return Restored(family, _take_out(tx, repository_id, family), _missing(tx, repository_id, family))


def revive(tx: Connection, repository_id: int, digest: Digest, now: float) -> Restored:
    """The manifest, which is in the trash, has just been pushed: what belongs to it comes back, too.

    The caller holds the repository, and says which of the tags are put back.
    """
    family = _claim(tx, repository_id, _family(tx, repository_id, digest))
    others = [one for one in family if one != digest]
    _bring_back(tx, repository_id, others, now)
    return Restored(others, _take_out(tx, repository_id, family), _missing(tx, repository_id, others))


def _claim(tx: Connection, repository_id: int, digests: Sequence[Digest]) -> list[Digest]:
    """Those that nobody takes out of the trash any more but us."""
    query = select(trash.c.digest).where(trash.c.repository_id == repository_id).order_by(trash.c.digest)
    rows = (tx.execute(query.where(trash.c.digest.in_(some)).with_for_update()) for some in chunks(digests))
    return [Digest(row.digest) for some in rows for row in some]


def _family(tx: Connection, repository_id: int, digest: Digest) -> list[Digest]:
    """The manifest and what comes back with it from the trash.

    All that went with it, when the deletion was about it; children, however far, whenever they went; and manifests
    that are about one of these, by their subject or by the tag ``sha256-…``, if they went with that one.
    """
    root = select(trash.c.digest).where(trash.c.repository_id == repository_id, trash.c.root == digest)
    found = {digest, *(Digest(one) for one in tx.execute(root).scalars())}
    waiting = sorted(found)
    while waiting:
        seen = {one for some in chunks(waiting) for one in _belonging(tx, repository_id, some)}
        waiting = sorted(seen - found)
        found |= seen
    return sorted(found)


def _belonging(tx: Connection, repository_id: int, some: Sequence[Digest]) -> set[Digest]:
    edges, about = trash_children.c, trash.alias("about")
    there = (trash.c.repository_id == repository_id) & (trash.c.digest == edges.digest)
    children = select(trash.c.digest).join(trash_children, there)
    children = children.where(edges.repository_id == repository_id, edges.manifest.in_(some))
    together = (about.c.repository_id == trash.c.repository_id) & (about.c.root == trash.c.root)
    referrers = select(about.c.digest).join(trash, together & (about.c.subject == trash.c.digest))
    referrers = referrers.where(trash.c.repository_id == repository_id, trash.c.digest.in_(some))
    found = [*tx.execute(children).scalars(), *tx.execute(referrers).scalars()]
    return {*map(Digest, found), *_named_after(tx, repository_id, some)}


def _named_after(tx: Connection, repository_id: int, some: Sequence[Digest]) -> Iterable[Digest]:
    """Those with a tag that says that they are about one of ``some``, and that went with it."""
    subjects = {name: one for one in some for name in reference_tags(one)}
    edges = trash_tags.c
    query = select(edges.name, edges.manifest).where(edges.repository_id == repository_id)
    named = [
        (subjects[row.name], Digest(row.manifest))
        for names in chunks(subjects)
        for row in tx.execute(query.where(edges.name.in_(names)))
    ]
    roots = _roots(tx, repository_id, {one for pair in named for one in pair})
    return (manifest for subject, manifest in named if roots.get(subject) == roots[manifest])


def reference_tags(subject: Digest) -> tuple[str, ...]:
    """The tags under which a manifest is about ``subject`` where it does not say so itself."""
    name = subject.replace(":", "-")
    return (name, f"{name}.sig", f"{name}.att", f"{name}.sbom")


def _roots(tx: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[str, str]:
    query = select(trash.c.digest, trash.c.root).where(trash.c.repository_id == repository_id)
    return {
        row.digest: row.root for some in chunks(digests) for row in tx.execute(query.where(trash.c.digest.in_(some)))
    }


def _bring_back(tx: Connection, repository_id: int, back: Sequence[Digest], now: float) -> None:
    for some in chunks(back):
        _link_blobs(tx, repository_id, some, now)
        rows = select(*(trash.c[name] for name in _SAME)).where(
            trash.c.repository_id == repository_id, trash.c.digest.in_(some)
        )
        tx.execute(manifests.insert().from_select(_SAME, rows))
        this = (manifests.c.repository_id == repository_id) & manifests.c.digest.in_(some)
        tx.execute(update(manifests).where(this).values(untagged_at=now))
        _copy_blobs_back(tx, repository_id, some)
    for some in chunks(back):  # when all are there: an index and its child may come back together
        _copy_children_back(tx, repository_id, some)
    for some in chunks(back):
        # Indexes that were there, and sparse, now have these children.
        edges = manifest_children.c
        waiting = (edges.repository_id == repository_id) & edges.digest.in_(some) & edges.present.is_(None)
        parents = update(manifest_children).where(waiting).values(present=edges.digest).returning(edges.manifest)
        found = tx.execute(parents).scalars().all()
        journal.note(tx, Kind.MANIFEST, repository_id, *found)
        for few in chunks(found):  # what is known of them (``facts.py``) was known without these children
            these = (manifests.c.repository_id == repository_id) & manifests.c.digest.in_(few)
            tx.execute(update(manifests).where(these).values(labels=None))


def _link_blobs(tx: Connection, repository_id: int, some: Sequence[Digest], now: float) -> None:
    """The repository holds again what they need; also for manifests that wait for it."""
    edges = trash_blobs.c
    theirs = (edges.repository_id == repository_id) & edges.manifest.in_(some) & edges.present.is_not(None)
    needed = sorted(set(tx.execute(select(edges.present).where(theirs)).scalars()))
    for few in chunks(needed):
        blobs.hold_links(tx, repository_id, map(Digest, few), now)
        reviews.settle_links(tx, repository_id, map(Digest, few))
        waits = manifest_blobs.c
        waiting = (waits.repository_id == repository_id) & waits.digest.in_(few) & waits.present.is_(None)
        filled = update(manifest_blobs).where(waiting).values(present=waits.digest).returning(waits.manifest)
        journal.note(tx, Kind.MANIFEST, repository_id, *tx.execute(filled).scalars())


def _copy_blobs_back(tx: Connection, repository_id: int, some: Sequence[Digest]) -> None:
    edges, held = trash_blobs.c, blob_links.c
    rows = (
        select(edges.repository_id, edges.manifest, edges.digest, held.digest)
        .outerjoin(blob_links, (held.repository_id == edges.repository_id) & (held.digest == edges.digest))
        .where(edges.repository_id == repository_id, edges.manifest.in_(some))
    )
    tx.execute(manifest_blobs.insert().from_select(["repository_id", "manifest", "digest", "present"], rows))


def _copy_children_back(tx: Connection, repository_id: int, some: Sequence[Digest]) -> None:
    edges, held = trash_children.c, manifests.c
    rows = (
        select(edges.repository_id, edges.manifest, edges.digest, held.digest)
        .outerjoin(manifests, (held.repository_id == edges.repository_id) & (held.digest == edges.digest))
        .where(edges.repository_id == repository_id, edges.manifest.in_(some))
    )
    tx.execute(manifest_children.insert().from_select(["repository_id", "manifest", "digest", "present"], rows))


def _missing(tx: Connection, repository_id: int, digests: Sequence[Digest]) -> list[Digest]:
    edges = manifest_children.c
    query = select(edges.digest).where(edges.repository_id == repository_id, edges.present.is_(None))
    found = {one for some in chunks(digests) for one in tx.execute(query.where(edges.manifest.in_(some))).scalars()}
    return sorted(map(Digest, found))


# --- out of the trash, for good


def empty(tx: Connection, repository_id: int, digests: Iterable[Digest], now: float, grace: float) -> list[Digest]:
    """Take the manifests out of the trash for good; those that were in it.

    Their blobs may go when nothing else needs them: at once, unless the grace since the deletion still runs.
    """
    emptied: list[Digest] = []
    for some in chunks(sorted(set(digests))):
        these = select(trash.c.digest, trash.c.trashed_at).where(
            trash.c.repository_id == repository_id, trash.c.digest.in_(some)
        )
        rows = tx.execute(these.order_by(trash.c.digest).with_for_update()).all()
        for row in rows:
            needed = select(trash_blobs.c.present).where(
                trash_blobs.c.repository_id == repository_id,
                trash_blobs.c.manifest == row.digest,
                trash_blobs.c.present.is_not(None),
            )
            due = max(now, row.trashed_at + grace)
            reviews.note_blobs(tx, map(Digest, tx.execute(needed).scalars().all()), due)
        gone = [Digest(row.digest) for row in rows]
        _take_out(tx, repository_id, gone)
        pulls = (last_pulls.c.repository_id == repository_id) & last_pulls.c.digest.in_(gone)
        tx.execute(delete(last_pulls).where(pulls))
        emptied += gone
    return emptied


def due(tx: Connection, now: float, limit: int) -> dict[int, list[Digest]]:
    """Up to ``limit`` manifests whose time in the trash is over, by repository; those another one empties left out."""
    query = select(trash.c.repository_id, trash.c.digest).where(trash.c.empties_at <= now)
    query = query.order_by(trash.c.empties_at).limit(limit).with_for_update(skip_locked=True)
    found: dict[int, list[Digest]] = {}
    for repository_id, digest in tx.execute(query):
        found.setdefault(repository_id, []).append(Digest(digest))
    return found


def _take_out(tx: Connection, repository_id: int, digests: Sequence[Digest]) -> list[HadTag]:
    """Delete their rows here; what tags they had."""
    named: list[HadTag] = []
    for some in chunks(digests):
        these = (trash_tags.c.repository_id == repository_id) & trash_tags.c.manifest.in_(some)
        columns = (trash_tags.c.name, trash_tags.c.manifest, trash_tags.c.moved_at)
        had = tx.execute(delete(trash_tags).where(these).returning(*columns))
        named += (HadTag(Tag(row.name), Digest(row.manifest), row.moved_at) for row in had)
        for table in (trash_blobs, trash_children):
            tx.execute(delete(table).where(table.c.repository_id == repository_id, table.c.manifest.in_(some)))
        tx.execute(delete(trash).where(trash.c.repository_id == repository_id, trash.c.digest.in_(some)))
        journal.note(tx, Kind.MANIFEST, repository_id, *some)
    return sorted(named, key=lambda had: (-had.moved_at, had.tag))
