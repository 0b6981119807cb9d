"""What the collector looks at when its time has come: links that may be needed no more, and blobs likewise.

Whoever takes away a live reference says so here, in the same transaction; whoever is told that something exists has
the review moved first. An entry too many costs one look; one too few would keep bytes for ever.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Double, Table, Text, bindparam, delete, literal, select, true, update
from sqlalchemy.types import TypeEngine

from wharfinger.meta import repos
from wharfinger.meta.schema import KEY, blob_links
from wharfinger.meta.schema_collection import blob_reviews, link_reviews
from wharfinger.meta.sql import Given, chunks, insert_for
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Grace:
    """How long a client has to finish a push that relies on what it was told exists."""

    seconds: float = DAY

    def due(self, now: float) -> float:
        """When to look at something that is needed or was spoken of just now.

        An eighth later than it must be: of those who ask for the same thing again and again only the first in every
        eighth writes, and neither the length of a request nor another node's clock takes anything from the grace.
        """
        return now + self.seconds * 1.125

    def is_covered(self, due_at: float, now: float) -> bool:
        """Whether a client that is told of it now can finish before anybody looks at it."""
        return due_at >= now + self.seconds


def note_links(tx: Connection, repository_id: int, digests: Iterable[Digest], due_at: float) -> None:
    """Look at these links of the repository not before ``due_at``; those it does not hold are passed over."""
    for chunk in chunks(sorted(set(digests))):
        held = select(blob_links.c.digest).where(
            blob_links.c.repository_id == repository_id, blob_links.c.digest.in_(chunk)
        )
        rows = [(repository_id, digest) for digest in sorted(tx.execute(held).scalars())]
        _put(tx, link_reviews, rows, due_at)


def note_blobs(tx: Connection, digests: Iterable[Digest], due_at: float) -> None:
    """Look at these blobs, whoever holds them, not before ``due_at``.

    To be said whenever a link goes, not only of the last one: of two that go at once, each sees the other still there.
    """
    for chunk in chunks(sorted(set(digests))):
        _put(tx, blob_reviews, [(digest,) for digest in chunk], due_at)


def settle_links(tx: Connection, repository_id: int, digests: Iterable[Digest]) -> None:
    """Nobody need look at these links: a manifest needs them, and its edges are made in this transaction."""
    for chunk in chunks(sorted(set(digests))):
        theirs = (link_reviews.c.repository_id == repository_id) & link_reviews.c.digest.in_(chunk)
        tx.execute(delete(link_reviews).where(theirs))


def put_off(tx: Connection, repository: RepoName, digest: Digest, due_at: float) -> bool:
    """Look at the link, if at all, not before ``due_at``: True. False when the collector was quicker and it is gone.

    On PostgreSQL the update waits for a collector that has the review in its hands, and the question after it sees
    what that one has done; once it is moved here, no collector takes it before ``due_at``.
    """
    repository_id = repos.find(tx, repository)
    if repository_id is None:
        return False
    postpone(tx, repository_id, digest, due_at)
    held = (blob_links.c.repository_id == repository_id) & (blob_links.c.digest == digest)
    return tx.execute(select(literal(1)).where(held)).first() is not None


def postpone(tx: Connection, repository_id: int, digest: Digest, due_at: float) -> None:
    """Look at the link, if at all, not before ``due_at``."""
    sooner = (link_reviews.c.repository_id == repository_id) & (link_reviews.c.digest == digest)
    tx.execute(update(link_reviews).where(sooner, link_reviews.c.due_at < due_at).values(due_at=due_at))


def note_unlinking(tx: Connection, repository_id: int, digest: Digest, due_at: float) -> None:
    """The repository is about to hold the blob no more: look at the blob instead of the link."""
    these = (link_reviews.c.repository_id == repository_id) & (link_reviews.c.digest == digest)
    tx.execute(delete(link_reviews).where(these))
    note_blobs(tx, [digest], due_at)


_KEYS: dict[Table, dict[str, TypeEngine[Any]]] = {
    link_reviews: {"repository_id": KEY, "digest": Text()},
    blob_reviews: {"digest": Text()},
}


def _put(tx: Connection, table: Table, keys: Sequence[Sequence[str | int]], due_at: float) -> None:
    given, put = _putting(tx.dialect.name, table)
    tx.execute(put, {**given.values(keys), "noted_for": due_at})


@cache
def _putting(kind: str, table: Table) -> tuple[Given, Any]:
    keys = Given(kind, **_KEYS[table])
    due_at: BindParameter[float] = bindparam("noted_for", type_=Double())
    # SQLite takes the ON of ON CONFLICT for a join's where nothing stands between.
    put = insert_for(kind, table).from_select([*keys.c.keys(), "due_at"], select(*keys.c, due_at).where(true()))
    later = {"due_at": put.excluded.due_at}
    sooner = table.c.due_at < put.excluded.due_at
    return keys, put.on_conflict_do_update(index_elements=keys.c.keys(), set_=later, where=sooner)
