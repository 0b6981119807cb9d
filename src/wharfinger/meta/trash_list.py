"""What is in the trash, for people who look."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, tuple_

from wharfinger.meta.schema import repositories
from wharfinger.meta.schema_trash import trash, trash_tags
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName, Tag

TAGS_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class InTrash:
    """A manifest in the trash. ``size`` is with all below it, where that is known; ``tags`` are the first hundred."""

    repository: RepoName
    digest: Digest
    media_type: str
    size: int
    trashed_at: float
    empties_at: float
    who: str
    why: str
    root: Digest
    run: int | None
    tags: Sequence[Tag]


def page(tx: Connection, repository: RepoName | None, after: tuple[str, str], limit: int) -> list[InTrash]:
    """Up to ``limit`` manifests of one repository's trash or of all, by repository and digest, after that pair."""
    query = (
        select(repositories.c.name, trash)
        .join(repositories, repositories.c.id == trash.c.repository_id)
        .where(tuple_(repositories.c.name, trash.c.digest) > after)
        .order_by(repositories.c.name, trash.c.digest)
        .limit(limit)
    )
    if repository is not None:
        query = query.where(repositories.c.name == repository)
    return [
        InTrash(
            RepoName(row.name),
            Digest(row.digest),
            row.media_type,
            row.size if row.total_size is None else row.total_size,
            row.trashed_at,
            row.empties_at,
            row.who,
            row.why,
            Digest(row.root),
            row.run_id,
            _tags(tx, row.repository_id, row.digest),
        )
        for row in tx.execute(query).all()
    ]


def _tags(tx: Connection, repository_id: int, digest: str) -> list[Tag]:
    this = (trash_tags.c.repository_id == repository_id) & (trash_tags.c.manifest == digest)
    query = select(trash_tags.c.name).where(this).order_by(trash_tags.c.name).limit(TAGS_AT_MOST)
    return [Tag(name) for name in tx.execute(query).scalars()]


def some(tx: Connection, repository_id: int, limit: int) -> list[Digest]:
    """Up to ``limit`` manifests of a repository's trash."""
    query = select(trash.c.digest).where(trash.c.repository_id == repository_id).order_by(trash.c.digest).limit(limit)
    return [Digest(digest) for digest in tx.execute(query).scalars()]
