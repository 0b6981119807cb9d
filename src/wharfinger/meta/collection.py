"""Taking away what nothing needs any more: links first, then blobs, then their bytes.

Each function is one transaction over a batch of reviews that are due. It holds what it looks at, passes over what
somebody else has in hand, and is stopped by the foreign key of whatever refers to a row: all of that means "later".
The order, and what a crash leaves behind: ``docs/internals/gc.md``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Connection,
    Delete,
    Table,
    Text,
    delete,
    insert,
    literal,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import ColumnElement, Select

from wharfinger.meta import reviews, usage
from wharfinger.meta.blobs import Blob
from wharfinger.meta.schema import KEY, blob_links, blobs, manifest_blobs
from wharfinger.meta.schema_collection import blob_reviews, doomed, link_reviews
from wharfinger.meta.schema_trash import trash_blobs
from wharfinger.meta.sql import given, savepoint
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

T = TypeVar("T")

LATER = 60.0
"""So many seconds longer a review waits whose link or blob somebody had in hand."""

Link = tuple[int, Digest]
"""A repository's key, and a blob that it holds."""


_BATCHES = {"sqlite": 250, "postgresql": 500}


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of some reviews: how many there were, how much went, and how many wait for a while more."""

    reviewed: int = 0
    gone: int = 0
    bytes: int = 0
    later: int = 0


def has_work(tx: Connection, now: float) -> bool:
    """Whether a review is due, or bytes wait to be deleted."""
    places = (
        select(link_reviews.c.due_at).where(link_reviews.c.due_at <= now).limit(1),
        select(blob_reviews.c.due_at).where(blob_reviews.c.due_at <= now).limit(1),
        select(doomed.c.doomed_at).limit(1),
    )
    return any(tx.execute(place).first() is not None for place in places)


def batch(tx: Connection) -> int:
    """How many reviews are best looked at in one transaction.

    What does not depend on their number costs as much as some hundred of them. On SQLite nobody else writes meanwhile;
    on PostgreSQL only who wants the same blobs waits.
    """
    return _BATCHES[tx.dialect.name]


def collect_links(tx: Connection, now: float, limit: int) -> Batch:
    """Look at links that are due: those that no manifest of their repository needs go, and their blobs are next.

    A client that was told of one has moved its review, or waits for ours to end and is told that it is gone.
    """
    found = tx.execute(_due(link_reviews, now, limit))
    due: list[Link] = sorted((row.repository_id, Digest(row.digest)) for row in found)
    if not due:
        return Batch()
    sizes = {_link(row): row.size for row in tx.execute(_in_hand(_links(tx, due)))}
    free = set(sizes)
    # After the links are held: whoever makes an edge holds its link too, so from here on there are no new ones.
    edge = _pair(manifest_blobs.c.repository_id, manifest_blobs.c.present)
    needed = {_link(row) for row in tx.execute(select(*edge).where(tuple_(*edge).in_(_links(tx, due))).distinct())}
    settled = sorted((set(due) & needed) | free)
    theirs = tuple_(link_reviews.c.repository_id, link_reviews.c.digest).in_(_links(tx, settled))
    tx.execute(delete(link_reviews).where(theirs))
    gone = _remove(tx, sorted(free - needed), _delete_links)
    later = set(due) - needed - set(gone)
    usage.note_gone(tx, [(*link, sizes[link]) for link in gone])
    for repository_id, digests in _by_repository(sorted(later)):
        reviews.note_links(tx, repository_id, digests, now + LATER)
    reviews.note_blobs(tx, [digest for _, digest in gone], now)
    return Batch(len(due), len(gone), 0, len(later))


def collect_blobs(tx: Connection, now: float, limit: int) -> Batch:
    """Look at blobs that are due: the rows of those that neither a repository nor the trash holds go.

    Their bytes are doomed by the same transaction, and nobody can come by them any more once it is over.
    """
    due = sorted(Digest(row.digest) for row in tx.execute(_due(blob_reviews, now, limit)))
    if not due:
        return Batch()
    these = _digests(tx, due)
    columns = (blobs.c.digest, blobs.c.size, blobs.c.location)
    rows = tx.execute(select(*columns).where(blobs.c.digest.in_(these)).with_for_update(skip_locked=True))
    free = {Digest(row.digest): Blob(Digest(row.digest), row.size, Location(row.location)) for row in rows}
    # After the blobs are held: whoever links one, or moves it to the trash, holds it too.
    linked = select(blob_links.c.digest.label("digest")).where(blob_links.c.digest.in_(these))
    trashed = select(trash_blobs.c.present.label("digest")).where(trash_blobs.c.present.in_(these))
    needed = {Digest(row.digest) for row in tx.execute(union_all(linked, trashed))}
    known = {Digest(digest) for digest in tx.execute(select(blobs.c.digest).where(blobs.c.digest.in_(these))).scalars()}
    tx.execute(delete(blob_reviews).where(blob_reviews.c.digest.in_(these)))
    gone = _remove(tx, sorted(set(free) - needed), _delete_blobs)
    later = known - needed - set(gone)
    reviews.note_blobs(tx, later, now + LATER)
    condemned = [free[digest] for digest in gone]
    _doom(tx, condemned, now)
    usage.note_gone(tx, [(usage.STORE, blob.digest, blob.size) for blob in condemned])
    return Batch(len(due), len(gone), sum(blob.size for blob in condemned), len(later))


def next_doomed(tx: Connection, limit: int) -> list[Blob]:
    """Bytes to delete, those that have waited longest first."""
    rows = tx.execute(select(doomed).order_by(doomed.c.doomed_at, doomed.c.location).limit(limit))
    return [Blob(Digest(row.digest), row.size, Location(row.location)) for row in rows]


def settle_doomed(tx: Connection, gone: Sequence[Location], kept: Sequence[Location], now: float) -> None:
    """Forget the bytes that are ``gone``; those that are not go to the end of the queue."""
    tx.execute(delete(doomed).where(doomed.c.location.in_(_locations(tx, gone))))
    if kept:
        tx.execute(update(doomed).where(doomed.c.location.in_(_locations(tx, kept))).values(doomed_at=now))


def _due(table: Table, now: float, limit: int) -> Select[Any]:
    """The reviews that are due, held: whoever would move one waits; those that somebody is moving are passed over."""
    return (
        select(table)
        .where(table.c.due_at <= now)
        .order_by(table.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _in_hand(these: Select[Any]) -> Select[Any]:
    """Those of these links that nobody else has in hand, and how large their blobs are."""
    key = _pair(blob_links.c.repository_id, blob_links.c.digest)
    sized = select(*key, blobs.c.size).join_from(blob_links, blobs, blobs.c.digest == blob_links.c.digest)
    return sized.where(tuple_(*key).in_(these)).with_for_update(of=blob_links, skip_locked=True)


def _links(tx: Connection, links: Sequence[Link]) -> Select[Any]:
    return select(*given(tx, links, repository_id=KEY, digest=Text()).c)


def _locations(tx: Connection, locations: Sequence[Location]) -> Select[Any]:
    return select(*given(tx, [(location,) for location in locations], location=Text()).c)


def _digests(tx: Connection, digests: Sequence[Digest]) -> Select[Any]:
    return select(*given(tx, [(digest,) for digest in digests], digest=Text()).c)


def _pair(repository_id: ColumnElement[Any], digest: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    return repository_id.label("repository_id"), digest.label("digest")


def _link(row: Any) -> Link:
    return row[0], Digest(row[1])


def _by_repository(links: Sequence[Link]) -> Iterator[tuple[int, list[Digest]]]:
    for repository_id, theirs in groupby(links, key=itemgetter(0)):
        yield repository_id, [digest for _, digest in theirs]


def _delete_links(tx: Connection, links: Sequence[Link]) -> Delete:
    return delete(blob_links).where(tuple_(blob_links.c.repository_id, blob_links.c.digest).in_(_links(tx, links)))


def _delete_blobs(tx: Connection, digests: Sequence[Digest]) -> Delete:
    return delete(blobs).where(blobs.c.digest.in_(_digests(tx, digests)))


def _remove(tx: Connection, keys: Sequence[T], deleting: Callable[[Connection, Sequence[T]], Delete]) -> list[T]:
    """Delete the rows together, or each by itself where a foreign key holds one of them; those that went."""
    if not keys or _try(tx, deleting(tx, keys)):
        return list(keys)
    return [key for key in keys if _try(tx, deleting(tx, [key]))]


def _try(tx: Connection, statement: Delete) -> bool:
    try:
        with savepoint(tx):
            tx.execute(statement)
    except IntegrityError:
        return False
    return True


def _doom(tx: Connection, condemned: Sequence[Blob], now: float) -> None:
    rows = [(blob.location, blob.digest, blob.size) for blob in condemned]
    these = given(tx, rows, location=Text(), digest=Text(), size=BigInteger())
    tx.execute(insert(doomed).from_select([*these.c.keys(), "doomed_at"], select(*these.c, literal(now))))
