"""The statements of the collector, about a batch of links, of blobs and of doomed bytes: ``meta/collection.py``.

Each is built once for a kind of database, and compiled when it is run for the first time. A batch then costs what the
database does with it, so that it can be small, and whoever else wants to write waits for a short time.

Whether something refers to a key is asked by EXISTS, key by key: a layer that all share has as many links and edges as
there are images, and a database that has not counted how many each key has would read all of them for a few keys.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Double,
    Integer,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    insert,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.sql import ColumnElement, Select

from wharfinger.meta.schema import KEY, blob_links, blobs, manifest_blobs
from wharfinger.meta.schema_collection import blob_reviews, doomed, link_reviews
from wharfinger.meta.schema_trash import trash_blobs
from wharfinger.meta.sql import Given


class Links:
    """What is asked of links that are up for review: ``given`` are their keys."""

    def __init__(self, kind: str) -> None:
        self.given = Given(kind, repository_id=KEY, digest=Text())
        these = select(*self.given.c)
        link = _pair(blob_links.c.repository_id, blob_links.c.digest)
        edge = (manifest_blobs.c.repository_id == self.given.c.repository_id) & (
            manifest_blobs.c.present == self.given.c.digest
        )
        review = _pair(link_reviews.c.repository_id, link_reviews.c.digest)
        sized = select(*link, blobs.c.size).join_from(blob_links, blobs, blobs.c.digest == blob_links.c.digest)
        self.due = _due(link_reviews)
        # Those that nobody else has in hand, and how large their blobs are.
        self.in_hand = sized.where(tuple_(*link).in_(these)).with_for_update(of=blob_links, skip_locked=True)
        self.needed = these.where(exists().where(edge))
        self.settle = delete(link_reviews).where(tuple_(*review).in_(these))
        self.delete = delete(blob_links).where(tuple_(*link).in_(these))


class Blobs:
    """What is asked of blobs that are up for review: ``given`` are their digests."""

    def __init__(self, kind: str) -> None:
        self.given = Given(kind, digest=Text())
        these = select(*self.given.c)
        row = select(blobs.c.digest, blobs.c.size, blobs.c.location).where(blobs.c.digest.in_(these))
        linked = exists().where(blob_links.c.digest == self.given.c.digest)
        trashed = exists().where(trash_blobs.c.present == self.given.c.digest)
        self.due = _due(blob_reviews)
        self.in_hand = row.with_for_update(skip_locked=True)
        self.needed = union_all(these.where(linked), these.where(trashed))
        self.known = select(blobs.c.digest).where(blobs.c.digest.in_(these))
        self.settle = delete(blob_reviews).where(blob_reviews.c.digest.in_(these))
        self.delete = delete(blobs).where(blobs.c.digest.in_(these))


class Doomed:
    """What is done about bytes that are doomed: ``given`` are to be, ``places`` are where some of them are."""

    def __init__(self, kind: str) -> None:
        now: BindParameter[float] = bindparam("now", type_=Double())
        self.given = Given(kind, location=Text(), digest=Text(), size=BigInteger())
        self.places = Given(kind, location=Text())
        there = doomed.c.location.in_(select(*self.places.c))
        self.doom = insert(doomed).from_select([*self.given.c.keys(), "doomed_at"], select(*self.given.c, now))
        self.forget = delete(doomed).where(there)
        self.put_last = update(doomed).where(there).values(doomed_at=now)


def _due(table: Table) -> Select[Any]:
    """The reviews that are due, held: whoever would move one waits; those that somebody is moving are passed over."""
    return (
        select(table)
        .where(table.c.due_at <= bindparam("now", type_=Double()))
        .order_by(table.c.due_at)
        .limit(bindparam("most", type_=Integer()))
        .with_for_update(skip_locked=True)
    )


def _pair(repository_id: ColumnElement[Any], digest: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    return repository_id.label("repository_id"), digest.label("digest")
