"""What usage is asked: figures by repository, and what deleting something would give back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from wharfinger.errors import ManifestUnknown
from wharfinger.meta import manifests as queries
from wharfinger.meta import repos
from wharfinger.meta.schema import blob_links, blobs, manifest_blobs, manifest_children, manifests, repositories, tags
from wharfinger.meta.schema_trash import trash_blobs
from wharfinger.meta.schema_usage import usage_repositories
from wharfinger.meta.sql import chunks
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Reference, RepoName, Tag, is_digest

MANIFESTS_AT_MOST = 10_000
"""What a deletion takes along and is added up; more than this no image has."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A repository: all its blobs, and those that no other repository holds."""

    name: RepoName
    blobs: int
    bytes: int
    exclusive: int


@dataclass(frozen=True, slots=True)
class Freed:
    """What is left of an image's blobs when it is gone: ``bytes`` nobody else needs, ``shared`` somebody does."""

    manifests: int
    blobs: int
    bytes: int
    shared: int


def figures(
    tx: Connection, last: str, limit: int, prefixes: Sequence[str], may_pull: Callable[[RepoName], bool]
) -> list[Figure]:
    """Up to ``limit`` repositories after ``last`` in byte order, of those that :func:`repos.visible` finds."""
    names = repos.visible(tx, last, limit, prefixes, may_pull)
    columns = (usage_repositories.c.blobs, usage_repositories.c.bytes, usage_repositories.c.exclusive)
    query = (
        select(repositories.c.name, *(func.coalesce(column, 0) for column in columns))
        .outerjoin(usage_repositories, usage_repositories.c.repository_id == repositories.c.id)
        .order_by(repositories.c.name)
    )
    rows = (row for some in chunks(names) for row in tx.execute(query.where(repositories.c.name.in_(some))))
    return [Figure(RepoName(row[0]), row[1], row[2], row[3]) for row in rows]


def freed(tx: Connection, repository: RepoName, reference: Reference) -> Freed:
    """The same of what a tag or digest stands for. Raises NameUnknown or ManifestUnknown."""
    key = repos.require(tx, repository)
    if is_digest(reference):
        found = queries.find(tx, repository, Digest(reference))
    else:
        found = queries.find_tagged(tx, repository, Tag(reference))
    if found is None:
        raise ManifestUnknown(f"{reference} is not known in {repository}", reference=reference)
    return without(tx, key, found.digest)


def without(tx: Connection, repository_id: int, digest: Digest) -> Freed:
    """What deleting the manifest would give back once the trash is empty.

    With it go its children that no other index lists and its referrers, unless they have tags of their own.
    """
    gone = _going(tx, repository_id, digest)
    needed = _blobs(tx, repository_id, gone)
    kept = _kept(tx, repository_id, gone, needed)
    sizes = {
        row.digest: row.size
        for some in chunks(sorted(needed))
        for row in tx.execute(select(blobs.c.digest, blobs.c.size).where(blobs.c.digest.in_(some)))
    }
    free = needed - kept
    return Freed(len(gone), len(free), sum(sizes[each] for each in free), sum(sizes[each] for each in needed & kept))


def _going(tx: Connection, repository_id: int, digest: Digest) -> set[str]:
    gone, waiting = {str(digest)}, [str(digest)]
    while waiting and len(gone) < MANIFESTS_AT_MOST:
        found: set[str] = set()
        for some in chunks(waiting):
            found |= _children(tx, repository_id, some, gone) | _referrers(tx, repository_id, some)
        waiting = sorted(found - gone)
        gone |= found
    return gone


def _children(tx: Connection, repository_id: int, parents: Sequence[str], gone: set[str]) -> set[str]:
    edges = manifest_children.c
    here = edges.repository_id == repository_id
    found = set(tx.execute(select(edges.present).where(here, edges.manifest.in_(parents))).scalars()) - {None}
    others = {
        child
        for some in chunks(sorted(found))
        for child, parent in tx.execute(select(edges.present, edges.manifest).where(here, edges.present.in_(some)))
        if parent not in gone
    }
    return found - others - _tagged(tx, repository_id, found)


def _referrers(tx: Connection, repository_id: int, subjects: Sequence[str]) -> set[str]:
    about = (manifests.c.repository_id == repository_id) & manifests.c.subject.in_(subjects)
    found = set(tx.execute(select(manifests.c.digest).where(about)).scalars())
    return found - _tagged(tx, repository_id, found)


def _tagged(tx: Connection, repository_id: int, digests: set[str]) -> set[str]:
    query = select(tags.c.digest).where(tags.c.repository_id == repository_id)
    rows = (tx.execute(query.where(tags.c.digest.in_(some))).scalars() for some in chunks(sorted(digests)))
    return {digest for some in rows for digest in some}


def _blobs(tx: Connection, repository_id: int, gone: set[str]) -> set[str]:
    edges = manifest_blobs.c
    query = select(edges.present).where(edges.repository_id == repository_id, edges.present.is_not(None))
    rows = (tx.execute(query.where(edges.manifest.in_(some))).scalars() for some in chunks(sorted(gone)))
    return {digest for some in rows for digest in some}


def _kept(tx: Connection, repository_id: int, gone: set[str], needed: set[str]) -> set[str]:
    """Those that another manifest, another repository or the trash needs."""
    edges, links = manifest_blobs.c, blob_links.c
    kept: set[str] = set()
    for some in chunks(sorted(needed)):
        users = select(edges.present, edges.manifest).where(
            edges.repository_id == repository_id, edges.present.in_(some)
        )
        kept |= {blob for blob, manifest in tx.execute(users) if manifest not in gone}
        elsewhere = select(links.digest).where(links.digest.in_(some), links.repository_id != repository_id)
        kept |= set(tx.execute(elsewhere.distinct()).scalars())
        trashed = select(trash_blobs.c.present).where(trash_blobs.c.present.in_(some))
        kept |= set(tx.execute(trashed.distinct()).scalars())
    return kept
