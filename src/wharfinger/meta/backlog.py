"""What waits for the collector: how much, since when, and what would go if it were to run now."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, exists, func, select, union

from wharfinger.meta.schema import blob_links, blobs, manifest_blobs, repositories
from wharfinger.meta.schema_collection import blob_reviews, doomed, link_reviews
from wharfinger.meta.schema_trash import trash_blobs
from wharfinger.spec.digest import Digest

NAMED = 5
"""Repositories that are named of those that held a blob."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Reviews and bytes that wait. ``first_due`` is when the next or oldest review is due, None where there is none."""

    links: int
    blobs: int
    due: int
    first_due: float | None
    doomed: int
    doomed_bytes: int

    def lag(self, now: float) -> float:
        """For how many seconds the oldest review has been due."""
        return max(0.0, now - self.first_due) if self.first_due is not None else 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A blob that would go now. ``repositories`` are some of those that hold it and do not need it."""

    digest: Digest
    size: int
    repositories: Sequence[str]


def find(tx: Connection, now: float) -> Backlog:
    """What waits."""
    counted = [_reviews(tx, table, now) for table in (link_reviews, blob_reviews)]
    firsts = [first for _, _, first in counted if first is not None]
    waiting = tx.execute(select(func.count(), func.coalesce(func.sum(doomed.c.size), 0))).one()
    return Backlog(
        links=counted[0][0],
        blobs=counted[1][0],
        due=sum(due for _, due, _ in counted),
        first_due=min(firsts, default=None),
        doomed=waiting[0],
        doomed_bytes=int(waiting[1]),
    )


def candidates(tx: Connection, now: float, last: str, limit: int) -> list[Candidate]:
    """Up to ``limit`` blobs after ``last`` that a collector would take now, by digest."""
    due = union(
        select(link_reviews.c.digest).where(link_reviews.c.due_at <= now, link_reviews.c.digest > last),
        select(blob_reviews.c.digest).where(blob_reviews.c.due_at <= now, blob_reviews.c.digest > last),
    ).subquery()
    reviewed = exists().where(
        link_reviews.c.repository_id == blob_links.c.repository_id,
        link_reviews.c.digest == blob_links.c.digest,
        link_reviews.c.due_at <= now,
    )
    edge = exists().where(
        manifest_blobs.c.repository_id == blob_links.c.repository_id, manifest_blobs.c.present == blob_links.c.digest
    )
    needed = exists().where(blob_links.c.digest == blobs.c.digest, ~reviewed | edge)
    trashed = exists().where(trash_blobs.c.present == blobs.c.digest)
    query = (
        select(blobs.c.digest, blobs.c.size)
        .join(due, due.c.digest == blobs.c.digest)
        .where(~needed, ~trashed)
        .order_by(blobs.c.digest)
        .limit(limit)
    )
    return [Candidate(Digest(row.digest), row.size, _holders(tx, row.digest)) for row in tx.execute(query)]


def _holders(tx: Connection, digest: str) -> list[str]:
    query = (
        select(repositories.c.name)
        .join(blob_links, blob_links.c.repository_id == repositories.c.id)
        .where(blob_links.c.digest == digest)
        .order_by(repositories.c.name)
        .limit(NAMED)
    )
    return list(tx.execute(query).scalars())


def _reviews(tx: Connection, table: Table, now: float) -> tuple[int, int, float | None]:
    """How many there are, how many of them are due, and when the first one is."""
    row = tx.execute(select(func.count(), func.min(table.c.due_at))).one()
    due = tx.execute(select(func.count()).select_from(table).where(table.c.due_at <= now)).scalar_one()
    return row[0], due, row[1]
