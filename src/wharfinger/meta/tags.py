"""Tags: names that point at manifests and may be moved."""

from sqlalchemy import Connection, delete, select

from wharfinger.errors import ManifestUnknown
from wharfinger.meta import journal, repos
from wharfinger.meta.journal import Kind
from wharfinger.meta.schema import tags
from wharfinger.meta.sql import insert
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName, Tag


def find(tx: Connection, repository_id: int, tag: Tag) -> Digest | None:
    """What the tag points at."""
    query = select(tags.c.digest).where(tags.c.repository_id == repository_id, tags.c.name == tag)
    digest = tx.execute(query).scalar()
    return Digest(digest) if digest else None


def find_for_update(tx: Connection, repository_id: int, tag: Tag) -> Digest | None:
    """What the tag points at, and it will not be moved by anybody else before this transaction ends."""
    query = select(tags.c.digest).where(tags.c.repository_id == repository_id, tags.c.name == tag)
    digest = tx.execute(query.with_for_update()).scalar()
    return Digest(digest) if digest else None


def point(tx: Connection, repository_id: int, tag: Tag, digest: Digest, now: float) -> None:
    """Make or move the tag."""
    put = insert(tx, tags).values(repository_id=repository_id, name=tag, digest=digest, moved_at=now)
    to = {"digest": digest, "moved_at": now}
    tx.execute(put.on_conflict_do_update(index_elements=["repository_id", "name"], set_=to))
    journal.note(tx, Kind.TAG, repository_id, tag)


def create(tx: Connection, repository_id: int, tag: Tag, digest: Digest, now: float) -> bool:
    """Make the tag, unless it is there: whether this made it."""
    put = insert(tx, tags).values(repository_id=repository_id, name=tag, digest=digest, moved_at=now)
    # Not rowcount: of an INSERT it is unknown on PostgreSQL.
    made = tx.execute(put.on_conflict_do_nothing().returning(tags.c.name)).first() is not None
    if made:
        journal.note(tx, Kind.TAG, repository_id, tag)
    return made


def remove(tx: Connection, repository: RepoName, tag: Tag) -> Digest:
    """Remove the tag and nothing else; what it pointed at. Raises ManifestUnknown: there is no other word for it."""
    repository_id = repos.require(tx, repository)
    this = delete(tags).where(tags.c.repository_id == repository_id, tags.c.name == tag)
    digest = tx.execute(this.returning(tags.c.digest)).scalar()
    if digest is None:
        raise ManifestUnknown(f"tag {tag} is not known in {repository}", tag=tag)
    journal.note(tx, Kind.TAG, repository_id, tag)
    return Digest(digest)


def page(tx: Connection, repository: RepoName, last: str, limit: int) -> list[str]:
    """Up to ``limit`` tags after ``last`` in byte order. Raises NameUnknown."""
    repository_id = repos.require(tx, repository)
    after = (tags.c.repository_id == repository_id) & (tags.c.name > last)
    return list(tx.execute(select(tags.c.name).where(after).order_by(tags.c.name).limit(limit)).scalars())
