"""Which images have a package, or a vulnerability: by the tables of judging, and where repositories have them."""

import heapq
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, or_, select

from wharfinger.meta.schema import blob_links, manifest_children, manifests, repositories, tags
from wharfinger.meta.schema_judging import finding_names, image_packages, judgements, package_versions
from wharfinger.meta.schema_scanning import scanned_images, verdicts
from wharfinger.meta.schema_trash import in_use
from wharfinger.meta.sql import Query, chunks
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

DEPTH_AT_MOST = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of a package that may be meant."""

    id: int
    name: str
    version: str
    source: tuple[str, str] | None
    distribution: str | None
    release: str | None


@dataclass(frozen=True, slots=True)
class Hit:
    """An image that has a version of a package; ``outcome`` is what is said of it, where that was asked for."""

    digest: Digest
    image: int
    package: int
    outcome: int | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """A repository that has an image."""

    repository_id: int
    repository: RepoName


@dataclass(frozen=True, slots=True)
class Known:
    """What is told of an image that was found."""

    id: int
    digest: Digest
    platform: str
    status: str
    judged_at: float
    set: int
    catalogue: bytes


@dataclass(frozen=True, slots=True)
class Version:
    """What is told of a version of a package."""

    purl: str
    name: str
    version: str
    covered: bool


Node = tuple[int, Digest]
"""A manifest: the key of its repository, and its digest."""


def candidates(tx: Connection, type: str, name: str, *, by_source: bool) -> list[Candidate]:
    """The versions of a package, as advisories spell its name; also of what was built from a source of this name."""
    c = package_versions.c
    named: ColumnElement[bool] = c.known_as == name
    query = select(c.id, c.name, c.version, c.source_name, c.source_version, c.distribution, c.release)
    rows = tx.execute(query.where(c.type == type, or_(named, c.source_name == name) if by_source else named))
    return [
        Candidate(id, name, version, None if source is None else (source, source_version), distribution, release)
        for id, name, version, source, source_version, distribution, release in rows
    ]


def having(tx: Connection, packages: Iterable[int], after: str) -> Iterator[Hit]:
    """The images that have one of these, by digest, after one."""
    query = (
        _images(select(scanned_images.c.digest, scanned_images.c.id, image_packages.c.package), after)
        .join(image_packages, image_packages.c.image == scanned_images.c.id)
        .order_by(scanned_images.c.digest, image_packages.c.package)
    )
    parts = [tx.execute(query.where(image_packages.c.package.in_(some))) for some in chunks(sorted(packages))]
    for digest, image, package in heapq.merge(*parts):
        yield Hit(Digest(digest), image, package)


def affected(tx: Connection, names: Collection[str], after: str) -> Iterator[Hit]:
    """The images of whose packages their verdicts say something by one of these names, by digest, after one."""
    query = (
        _images(
            select(scanned_images.c.digest, scanned_images.c.id, image_packages.c.package, judgements.c.outcome), after
        )
        .join(image_packages, image_packages.c.image == scanned_images.c.id)
        .join(judgements, judgements.c.package == image_packages.c.package)
        .join(finding_names, finding_names.c.outcome == judgements.c.outcome)
        .where(finding_names.c.name.in_(names), _by_its_set())
        .distinct()
        .order_by(scanned_images.c.digest, image_packages.c.package, judgements.c.outcome)
    )
    for digest, image, package, outcome in tx.execute(query):
        yield Hit(Digest(digest), image, package, outcome)


def _images(query: Query, after: str) -> Query:
    """The query over images that were judged, after one of them."""
    judged = query.join_from(scanned_images, verdicts, verdicts.c.image == scanned_images.c.id)
    return judged.where(scanned_images.c.report.is_(None), scanned_images.c.digest > after)


def _by_its_set() -> ColumnElement[bool]:
    """A verdict goes by its own set of advisories."""
    set_ = verdicts.c.advisory_set
    return (judgements.c.since <= set_) & (judgements.c.until.is_(None) | (judgements.c.until > set_))


def holders(tx: Connection, images: Iterable[int]) -> dict[int, list[Holder]]:
    """The repositories that have these images."""
    query = (
        select(scanned_images.c.id, repositories.c.id, repositories.c.name)
        .join(blob_links, blob_links.c.digest == scanned_images.c.config)  # a digest alone has no index
        .join(
            manifests,
            (manifests.c.repository_id == blob_links.c.repository_id) & (manifests.c.digest == scanned_images.c.digest),
        )
        .join(repositories, repositories.c.id == blob_links.c.repository_id)
        .order_by(repositories.c.name)
    )
    found: dict[int, list[Holder]] = defaultdict(list)
    for some in chunks(images):
        for image, key, name in tx.execute(query.where(scanned_images.c.id.in_(some))):
            found[image].append(Holder(key, RepoName(name)))
    return found


def known(tx: Connection, images: Iterable[int]) -> dict[int, Known]:
    """What is told of these images."""
    v, s = verdicts.c, scanned_images.c
    query = select(s.id, s.digest, s.platform, v.status, v.judged_at, v.advisory_set, s.catalogue)
    query = query.join_from(scanned_images, verdicts, v.image == s.id)
    rows = (row for some in chunks(images) for row in tx.execute(query.where(s.id.in_(some))))
    return {row[0]: Known(*row) for row in rows}


def versions(tx: Connection, packages: Iterable[int]) -> dict[int, Version]:
    """What is told of these versions of packages."""
    c = package_versions.c
    query = select(c.id, c.purl, c.name, c.version, c.covered)
    rows = (row for some in chunks(sorted(packages)) for row in tx.execute(query.where(c.id.in_(some))))
    return {id: Version(purl, name, version, covered) for id, purl, name, version, covered in rows}


def said(tx: Connection, packages: Iterable[int]) -> dict[int, list[tuple[int, int, int | None]]]:
    """Of each package version the outcomes, since which set, and until before which."""
    c = judgements.c
    found: dict[int, list[tuple[int, int, int | None]]] = defaultdict(list)
    for some in chunks(sorted(packages)):
        for package, *rest in tx.execute(select(c.package, c.outcome, c.since, c.until).where(c.package.in_(some))):
            found[package].append((rest[0], rest[1], rest[2]))
    return found


def above(tx: Connection, nodes: Collection[Node]) -> dict[Node, set[Node]]:
    """For each manifest itself and the indexes that it is in, however far above."""
    found = {node: {node} for node in nodes}
    front = {node: {node} for node in nodes}
    for _ in range(DEPTH_AT_MOST):
        parents = _parents(tx, front)
        following: dict[Node, set[Node]] = defaultdict(set)
        for node, roots in front.items():
            for parent in parents.get(node, ()):
                following[parent] |= {root for root in roots if parent not in found[root]}
        for parent, roots in following.items():
            for root in roots:
                found[root].add(parent)
        front = {node: roots for node, roots in following.items() if roots}
        if not front:
            break
    return found


def _parents(tx: Connection, nodes: Iterable[Node]) -> dict[Node, list[Node]]:
    c = manifest_children.c
    found: dict[Node, list[Node]] = defaultdict(list)
    for key, digests in _by_repository(nodes).items():
        for some in chunks(sorted(digests)):
            query = select(c.digest, c.manifest).where(c.repository_id == key, c.digest.in_(some))
            for digest, parent in tx.execute(query):
                found[key, Digest(digest)].append((key, Digest(parent)))
    return found


def used(tx: Connection) -> set[Node]:
    """The manifests that run somewhere, with all that is below them."""
    every = {(key, Digest(digest)) for key, digest in tx.execute(select(in_use.c.repository_id, in_use.c.digest))}
    front, c = set(every), manifest_children.c
    for _ in range(DEPTH_AT_MOST):
        below: set[Node] = set()
        for key, digests in _by_repository(front).items():
            for some in chunks(sorted(digests)):
                query = select(c.digest).where(c.repository_id == key, c.manifest.in_(some))
                below |= {(key, Digest(digest)) for digest in tx.execute(query).scalars()}
        front = below - every
        every |= front
        if not front:
            break
    return every


def tags_of(tx: Connection, nodes: Iterable[Node]) -> dict[Node, list[str]]:
    """The tags of manifests, by name."""
    found: dict[Node, list[str]] = defaultdict(list)
    for key, digests in _by_repository(nodes).items():
        for some in chunks(sorted(digests)):
            query = select(tags.c.digest, tags.c.name).where(tags.c.repository_id == key, tags.c.digest.in_(some))
            for digest, name in tx.execute(query.order_by(tags.c.name)):
                found[key, Digest(digest)].append(name)
    return found


def uses_of(tx: Connection, nodes: Iterable[Node]) -> dict[Node, list[tuple[str, Sequence[str]]]]:
    """Who says that manifests run, and where."""
    c = in_use.c
    found: dict[Node, list[tuple[str, Sequence[str]]]] = defaultdict(list)
    for key, digests in _by_repository(nodes).items():
        for some in chunks(sorted(digests)):
            query = select(c.digest, c.reporter, c.places).where(c.repository_id == key, c.digest.in_(some))
            for digest, reporter, places in tx.execute(query.order_by(c.reporter)):
                found[key, Digest(digest)].append((reporter, json.loads(places)))
    return found


def images(tx: Connection, kinds: Collection[str]) -> Iterator[tuple[RepoName, int, Digest, str | None]]:
    """Every image of every repository, those with such a configuration, and the status of the verdict on it, if any.

    What an earlier version judged without keeping its packages has none.
    """
    is_kept = scanned_images.c.report.is_(None)
    query = (
        select(repositories.c.name, repositories.c.id, manifests.c.digest, verdicts.c.status)
        .join_from(manifests, repositories, repositories.c.id == manifests.c.repository_id)
        .outerjoin(scanned_images, (scanned_images.c.digest == manifests.c.digest) & is_kept)
        .outerjoin(verdicts, verdicts.c.image == scanned_images.c.id)
        .where(manifests.c.artifact_type.in_(kinds) | scanned_images.c.id.is_not(None))
    )
    for name, key, digest, status in tx.execute(query):
        yield RepoName(name), key, Digest(digest), status


def _by_repository(nodes: Iterable[Node]) -> dict[int, set[Digest]]:
    found: dict[int, set[Digest]] = defaultdict(set)
    for key, digest in nodes:
        found[key].add(digest)
    return found
