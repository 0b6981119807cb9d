"""Images that were never scanned, and that nobody has asked to scan."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, exists, func, select

from wharfinger.meta.schema import manifests, repositories
from wharfinger.meta.schema_jobs import jobs
from wharfinger.meta.schema_scanning import scanned_images
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName


def page(tx: Connection, types: Collection[str], kind: str, after: str, limit: int) -> list[tuple[Digest, RepoName]]:
    """Up to ``limit`` of them in order of digests, after one, each with a repository that has it.

    ``types`` are those of an image's configuration, ``kind`` is that of the jobs that scan.
    """
    query = (
        select(manifests.c.digest, func.min(repositories.c.name))
        .join(repositories, repositories.c.id == manifests.c.repository_id)
        .where(_is_missing(types), ~_waits(kind), manifests.c.digest > after)
        .group_by(manifests.c.digest)
        .order_by(manifests.c.digest)
        .limit(limit)
    )
    return [(Digest(digest), RepoName(name)) for digest, name in tx.execute(query)]


def count(tx: Connection, types: Collection[str]) -> int:
    """How many images have no verdict, whether they wait or not."""
    found: int = tx.execute(select(func.count(manifests.c.digest.distinct())).where(_is_missing(types))).scalar_one()
    return found


def _is_missing(types: Collection[str]) -> ColumnElement[bool]:
    known = exists().where(scanned_images.c.digest == manifests.c.digest)
    return manifests.c.artifact_type.in_(sorted(types)) & ~known


def _waits(kind: str) -> ColumnElement[bool]:
    return exists().where(jobs.c.kind == kind, jobs.c.key == manifests.c.digest)
