"""What is in use, as reporters say: clusters and hosts that tell what they run."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, text

from wharfinger.meta.schema import manifest_blobs, manifests, tags
from wharfinger.meta.schema_trash import in_use, reporters
from wharfinger.meta.sql import chunks, insert
from wharfinger.spec.digest import Digest

SILENT_AFTER = 2
"""Of its own intervals."""
_LOCK = 0x75736564  # "used": an advisory lock's number on PostgreSQL


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who says what runs somewhere: by which account, how often it promised to, when it last did, and how much."""

    name: str
    account: str
    interval: int
    reported_at: float
    images: int

    def is_silent(self, now: float) -> bool:
        """Whether it has not been heard of for twice its interval; what it said is in use all the same."""
        return now - self.reported_at > SILENT_AFTER * self.interval


@dataclass(frozen=True, slots=True)
class Use:
    """An image that runs: the manifest, and where."""

    repository_id: int
    digest: Digest
    places: Sequence[str]


def hold_reporter(tx: Connection, name: str) -> Reporter | None:
    """The reporter, whose reports nobody else replaces before this transaction ends."""
    row = tx.execute(select(reporters).where(reporters.c.name == name).with_for_update()).first()
    return Reporter(row.name, row.account, row.interval, row.reported_at, 0) if row else None


def hold_reports(tx: Connection) -> None:
    """No report comes before this transaction ends; whoever reports waits, and then finds what is left.

    A lock beside the tables: an image that is about to be reported has no row yet that could be locked.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": _LOCK})


def begin_report(tx: Connection) -> None:
    """Nothing goes by a rule before this transaction ends: see :func:`hold_reports`."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def replace(tx: Connection, name: str, account: str, interval: int, uses: Iterable[Use], now: float) -> None:
    """What the reporter says now, instead of what it said before."""
    row = {"name": name, "account": account, "interval": interval, "reported_at": now}
    put = insert(tx, reporters).values(row)
    again = {"interval": interval, "reported_at": now}
    tx.execute(put.on_conflict_do_update(index_elements=["name"], set_=again))
    tx.execute(delete(in_use).where(in_use.c.reporter == name))
    rows = [
        {"reporter": name, "repository_id": u.repository_id, "digest": u.digest, "places": json.dumps(list(u.places))}
        for u in uses
    ]
    for some in chunks(rows):
        tx.execute(insert(tx, in_use), some)


def retire(tx: Connection, name: str) -> None:
    """Forget the reporter and what it said."""
    tx.execute(delete(in_use).where(in_use.c.reporter == name))
    tx.execute(delete(reporters).where(reporters.c.name == name))


def every(tx: Connection, account: str | None = None) -> list[Reporter]:
    """The reporters by name; those of one account, or all."""
    count = select(func.count()).where(in_use.c.reporter == reporters.c.name).scalar_subquery()
    query = select(
        reporters.c.name, reporters.c.account, reporters.c.interval, reporters.c.reported_at, count
    ).order_by(reporters.c.name)
    if account is not None:
        query = query.where(reporters.c.account == account)
    return [Reporter(*row) for row in tx.execute(query)]


def digests(tx: Connection, repository_id: int) -> dict[Digest, list[str]]:
    """What of the repository is in use, and by which reporters."""
    found: dict[Digest, list[str]] = {}
    query = select(in_use.c.digest, in_use.c.reporter).where(in_use.c.repository_id == repository_id)
    for digest, reporter in tx.execute(query.order_by(in_use.c.digest, in_use.c.reporter)):
        found.setdefault(Digest(digest), []).append(reporter)
    return found


def used_among(tx: Connection, repository_id: int, some: Collection[Digest]) -> set[Digest]:
    """Those that are in use."""
    query = select(in_use.c.digest).where(in_use.c.repository_id == repository_id).distinct()
    found = (row.digest for few in chunks(some) for row in tx.execute(query.where(in_use.c.digest.in_(few))))
    return set(map(Digest, found))


# --- what a report means


def tagged(tx: Connection, repository_id: int, names: Iterable[str]) -> dict[str, Digest]:
    """Where those tags are now that there are."""
    query = select(tags.c.name, tags.c.digest).where(tags.c.repository_id == repository_id)
    rows = (row for some in chunks(names) for row in tx.execute(query.where(tags.c.name.in_(some))))
    return {row.name: Digest(row.digest) for row in rows}


def having_config(tx: Connection, repository_id: int, some: Iterable[Digest]) -> Mapping[Digest, list[Digest]]:
    """For each of these blobs the manifests that have it as a part, of which a config is one.

    Docker calls an image by the digest of its config. That a layer would do as well keeps an image too many at worst.
    """
    edges = manifest_blobs.c
    query = select(edges.digest, edges.manifest).where(edges.repository_id == repository_id)
    found: dict[Digest, list[Digest]] = {}
    for few in chunks(some):
        for digest, manifest in tx.execute(query.where(edges.digest.in_(few)).order_by(edges.manifest)):
            found.setdefault(Digest(digest), []).append(Digest(manifest))
    return found


def present(tx: Connection, repository_id: int, some: Iterable[Digest]) -> set[Digest]:
    """Those that are manifests of the repository."""
    query = select(manifests.c.digest).where(manifests.c.repository_id == repository_id)
    found = (row.digest for few in chunks(some) for row in tx.execute(query.where(manifests.c.digest.in_(few))))
    return set(map(Digest, found))
