"""What is there, for people who look: repositories, tags and single manifests with their sizes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, func, select

from wharfinger.errors import ManifestUnknown
from wharfinger.meta import manifests as queries
from wharfinger.meta import repos
from wharfinger.meta.manifests import Stored
from wharfinger.meta.schema import blob_links, blobs, manifest_blobs, manifest_children, manifests, repositories, tags
from wharfinger.meta.sql import chunks
from wharfinger.spec import manifest as manifest_spec
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Reference, RepoName, Tag, is_digest

NAMED_TAGS = 100


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository. ``size`` is that of its blobs, some of which other repositories may share."""

    name: RepoName
    created_at: float
    tags: int
    manifests: int
    size: int


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag and what it points at."""

    name: Tag
    digest: Digest
    media_type: str
    moved_at: float


@dataclass(frozen=True, slots=True)
class Part:
    """Something a manifest refers to. ``present`` is whether this repository holds it."""

    media_type: str
    digest: Digest
    size: int
    present: bool
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """All about a manifest. ``tags`` are the first hundred; ``total_size`` is of all below it, counted once."""

    digest: Digest
    media_type: str
    artifact_type: str | None
    subject: Digest | None
    annotations: dict[str, str]
    size: int
    total_size: int
    pushed_at: float
    tags: list[Tag]
    tag_count: int
    referrers: int
    config: Part | None
    layers: list[Part]
    children: list[Part]


def list_repositories(
    tx: Connection, last: str, limit: int, prefixes: Sequence[str], may_pull: Callable[[RepoName], bool]
) -> list[Repository]:
    """Up to ``limit`` repositories after ``last`` in byte order, of those that :func:`repos.visible` finds."""
    names = repos.visible(tx, last, limit, prefixes, may_pull)
    key = repositories.c.id
    held = select(func.coalesce(func.sum(blobs.c.size), 0)).join(blob_links, blob_links.c.digest == blobs.c.digest)
    query = select(
        repositories.c.name,
        repositories.c.created_at,
        _count(tags.c.repository_id == key).label("tags"),
        _count(manifests.c.repository_id == key).label("manifests"),
        held.where(blob_links.c.repository_id == key).scalar_subquery().label("size"),
    ).order_by(repositories.c.name)
    found = (row for some in chunks(names) for row in tx.execute(query.where(repositories.c.name.in_(some))))
    # A sum of big integers is a decimal number on PostgreSQL.
    return [Repository(RepoName(r.name), r.created_at, r.tags, r.manifests, int(r.size)) for r in found]


def list_tags(tx: Connection, repository: RepoName, last: str, limit: int) -> list[TagRow]:
    """Up to ``limit`` tags after ``last`` in byte order. Raises NameUnknown."""
    pointed = (manifests.c.repository_id == tags.c.repository_id) & (manifests.c.digest == tags.c.digest)
    query = (
        select(tags.c.name, tags.c.digest, manifests.c.media_type, tags.c.moved_at)
        .join(manifests, pointed)
        .where(tags.c.repository_id == repos.require(tx, repository), tags.c.name > last)
        .order_by(tags.c.name)
        .limit(limit)
    )
    return [TagRow(Tag(r.name), Digest(r.digest), r.media_type, r.moved_at) for r in tx.execute(query)]


def describe(tx: Connection, repository: RepoName, reference: Reference) -> Detail:
    """All about the manifest. Raises NameUnknown or ManifestUnknown."""
    repository_id = repos.require(tx, repository)
    stored = _stored(tx, repository, reference)
    manifest = manifest_spec.parse(stored.raw, stored.media_type, stored.digest)
    row = _row(tx, repository_id, stored.digest)
    here = _present(tx, repository_id, stored.digest)
    config, layers = _config_and_layers([_part(blob, here) for blob in manifest.blobs])
    platforms = _platforms(stored.raw) if manifest.children else []
    return Detail(
        digest=stored.digest,
        media_type=stored.media_type,
        artifact_type=manifest.artifact_type,
        subject=manifest.subject,
        annotations=manifest.annotations,
        size=row.size,
        total_size=total_size(tx, repository_id, stored.digest),
        pushed_at=row.pushed_at,
        tags=_tags_of(tx, repository_id, stored.digest),
        tag_count=row.tag_count,
        referrers=row.referrers,
        config=config,
        layers=layers,
        children=[_part(c, here, platform) for c, platform in zip(manifest.children, platforms, strict=True)],
    )


def _stored(tx: Connection, repository: RepoName, reference: Reference) -> Stored:
    if is_digest(reference):
        found = queries.find(tx, repository, Digest(reference))
    else:
        found = queries.find_tagged(tx, repository, Tag(reference))
    if found is None:
        raise ManifestUnknown(f"{reference} is not known in {repository}", reference=reference)
    return found


def _row(tx: Connection, repository_id: int, digest: Digest) -> Row[Any]:
    about = manifests.alias("about")
    query = select(
        manifests.c.size,
        manifests.c.pushed_at,
        _count((tags.c.repository_id == repository_id) & (tags.c.digest == digest)).label("tag_count"),
        _count((about.c.repository_id == repository_id) & (about.c.subject == digest)).label("referrers"),
    )
    return tx.execute(query.where(manifests.c.repository_id == repository_id, manifests.c.digest == digest)).one()


def _count(condition: Any) -> Any:
    return select(func.count()).where(condition).scalar_subquery()


def _tags_of(tx: Connection, repository_id: int, digest: Digest) -> list[Tag]:
    query = select(tags.c.name).where(tags.c.repository_id == repository_id, tags.c.digest == digest)
    return [Tag(name) for name in tx.execute(query.order_by(tags.c.name).limit(NAMED_TAGS)).scalars()]


def _present(tx: Connection, repository_id: int, digest: Digest) -> set[str]:
    found: set[str] = set()
    for edges in (manifest_blobs.c, manifest_children.c):
        held = (edges.repository_id == repository_id) & (edges.manifest == digest) & edges.present.is_not(None)
        found.update(tx.execute(select(edges.present).where(held)).scalars())
    return found


def total_size(tx: Connection, repository_id: int, digest: Digest) -> int:
    """The manifest, the manifests below it, and their blobs: what the repository holds of them, each counted once."""
    start = select(manifests.c.digest).where(manifests.c.repository_id == repository_id, manifests.c.digest == digest)
    below = start.cte("below", recursive=True)
    edges = manifest_children.c
    step = select(edges.present).join(below, edges.manifest == below.c.digest)
    below = below.union(step.where(edges.repository_id == repository_id, edges.present.is_not(None)))
    reached = select(below.c.digest)
    used = select(manifest_blobs.c.present).where(
        manifest_blobs.c.repository_id == repository_id, manifest_blobs.c.manifest.in_(reached)
    )
    in_reach = (manifests.c.repository_id == repository_id) & manifests.c.digest.in_(reached)
    return _sum(tx, select(func.sum(manifests.c.size)).where(in_reach)) + _sum(
        tx, select(func.sum(blobs.c.size)).where(blobs.c.digest.in_(used))
    )


def _sum(tx: Connection, query: Select[Any]) -> int:
    return int(tx.execute(query).scalar() or 0)


def _part(descriptor: Descriptor, here: set[str], platform: str | None = None) -> Part:
    present = descriptor.digest in here
    return Part(descriptor.media_type, descriptor.digest, descriptor.size, present, platform)


def _config_and_layers(parts: list[Part]) -> tuple[Part | None, list[Part]]:
    return (parts[0], parts[1:]) if parts else (None, [])


def _platforms(raw: bytes) -> list[str | None]:
    """``os/architecture/variant`` of each child; None where an index does not say or says nonsense."""
    return [_platform(child.get("platform")) for child in msgspec.json.decode(raw)["manifests"]]


def _platform(fields: Any) -> str | None:
    if not isinstance(fields, dict):
        return None
    words = [fields.get(word) for word in ("os", "architecture", "variant")]
    return "/".join(word for word in words if isinstance(word, str) and word) or None
