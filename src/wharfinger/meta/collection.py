"""Taking away what nothing needs any more: links first, then blobs, then their bytes.

Each function is one transaction over a batch of reviews that are due. It holds what it looks at, passes over what
somebody else has in hand, and is stopped by the foreign key of whatever refers to a row: all of that means "later".
The order, and what a crash leaves behind: ``docs/internals/gc.md``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from wharfinger.meta import reviews, usage
from wharfinger.meta.blobs import Blob
from wharfinger.meta.collection_batches import Blobs, Doomed, Links
from wharfinger.meta.schema_collection import blob_reviews, doomed, link_reviews
from wharfinger.meta.sql import plain_rows, savepoint
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

K = TypeVar("K", bound=tuple[str | int, ...])

LATER = 60.0
"""So many seconds longer a review waits whose link or blob somebody had in hand."""

Link = tuple[int, Digest]
"""A repository's key, and a blob that it holds."""


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


def collect_links(tx: Connection, now: float, limit: int) -> Batch:
    """Look at links that are due: those that no manifest of their repository needs go, and their blobs are next.

    A client that was told of one has moved its review, or waits for ours to end and is told that it is gone.
    """
    ask = _links(tx.dialect.name)
    due = [_link(row) for row in plain_rows(tx, ask.due, {"now": now, "most": limit})]
    if not due:
        return Batch()
    these = ask.given.values(sorted(due))
    sizes = {_link(row): row[2] for row in plain_rows(tx, ask.in_hand, these)}
    free = set(sizes)
    # After the links are held: whoever makes an edge holds its link too, so from here on there are no new ones.
    needed = {_link(row) for row in plain_rows(tx, ask.needed, these)}
    settled = sorted((set(due) & needed) | free)
    tx.execute(ask.settle, ask.given.values(settled))
    gone = _remove(tx, sorted(free - needed), ask)
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
    ask = _blobs(tx.dialect.name)
    due = sorted(Digest(digest) for digest, _ in plain_rows(tx, ask.due, {"now": now, "most": limit}))
    if not due:
        return Batch()
    these = ask.given.values([(digest,) for digest in due])
    free = {Digest(row[0]): _blob(row) for row in plain_rows(tx, ask.in_hand, these)}
    # After the blobs are held: whoever links one, or moves it to the trash, holds it too.
    needed = {Digest(digest) for (digest,) in plain_rows(tx, ask.needed, these)}
    known = set(free) if len(free) == len(due) else {Digest(digest) for (digest,) in plain_rows(tx, ask.known, these)}
    tx.execute(ask.settle, these)
    gone = [digest for (digest,) in _remove(tx, [(digest,) for digest in sorted(set(free) - needed)], ask)]
    later = known - needed - set(gone)
    reviews.note_blobs(tx, later, now + LATER)
    condemned = [free[digest] for digest in gone]
    _doom(tx, condemned, now)
    usage.note_gone(tx, [(usage.STORE, blob.digest, blob.size) for blob in condemned])
    return Batch(len(due), len(gone), sum(blob.size for blob in condemned), len(later))


def next_doomed(tx: Connection, limit: int) -> list[Blob]:
    """Bytes to delete, those that have waited longest first."""
    columns = (doomed.c.digest, doomed.c.size, doomed.c.location)
    query = select(*columns).order_by(doomed.c.doomed_at, doomed.c.location).limit(limit)
    return [_blob(row) for row in plain_rows(tx, query)]


def settle_doomed(tx: Connection, gone: Sequence[Location], kept: Sequence[Location], now: float) -> None:
    """Forget the bytes that are ``gone``; those that are not go to the end of the queue."""
    ask = _doomed(tx.dialect.name)
    tx.execute(ask.forget, ask.places.values([(location,) for location in gone]))
    if kept:
        tx.execute(ask.put_last, {**ask.places.values([(location,) for location in kept]), "now": now})


_links, _blobs, _doomed = cache(Links), cache(Blobs), cache(Doomed)


def _link(row: Sequence[Any]) -> Link:
    return row[0], Digest(row[1])


def _blob(row: Sequence[Any]) -> Blob:
    return Blob(Digest(row[0]), row[1], Location(row[2]))


def _by_repository(links: Sequence[Link]) -> Iterator[tuple[int, list[Digest]]]:
    for repository_id, theirs in groupby(links, key=itemgetter(0)):
        yield repository_id, [digest for _, digest in theirs]


def _remove(tx: Connection, keys: Sequence[K], ask: Links | Blobs) -> list[K]:
    """Delete the rows together, or each by itself where a foreign key holds one of them; those that went."""
    if not keys or _try(tx, keys, ask):
        return list(keys)
    return [key for key in keys if _try(tx, [key], ask)]


def _try(tx: Connection, keys: Sequence[K], ask: Links | Blobs) -> bool:
    try:
        with savepoint(tx):
            tx.execute(ask.delete, ask.given.values(keys))
    except IntegrityError:
        return False
    return True


def _doom(tx: Connection, condemned: Sequence[Blob], now: float) -> None:
    ask = _doomed(tx.dialect.name)
    rows = [(blob.location, blob.digest, blob.size) for blob in condemned]
    tx.execute(ask.doom, {**ask.given.values(rows), "now": now})
