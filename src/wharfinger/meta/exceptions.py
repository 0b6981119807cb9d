"""Exceptions from what scanning finds: asked for, decided by somebody else, and over at their second."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update

from wharfinger.meta.schema import manifests, repositories
from wharfinger.meta.schema_exceptions import exceptions
from wharfinger.meta.schema_scanning import scanned_images
from wharfinger.spec.digest import Digest

REQUESTED, APPROVED, REFUSED, WITHDRAWN, EXPIRED = STATES = (
    *("requested", "approved", "refused", "withdrawn", "expired"),
)
_OPEN = (REQUESTED, APPROVED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for. ``repositories`` is a selector as plain data."""

    vulnerability: str
    package: str
    repositories: Any
    digest: Digest | None
    reason: str
    owner: str
    ticket: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Exemption:
    """An exception with its whole history: who asked, who decided and why, who ended it early."""

    id: int
    vulnerability: str
    package: str
    repositories: Any
    digest: Digest | None
    reason: str
    owner: str
    ticket: str
    state: str
    expires_at: float
    requested_by: str
    requested_at: float
    decided_by: str | None
    decided_at: float | None
    decided_because: str | None
    ended_by: str | None
    ended_at: float | None
    ended_because: str | None

    def state_at(self, now: float) -> str:
        """Its state: at the second of its end it has expired, whether or not anybody has noted that."""
        return EXPIRED if self.state in _OPEN and self.expires_at <= now else self.state


_COLUMNS = [exceptions.c[name] for name in Exemption.__slots__]


def add(tx: Connection, wanted: Wanted, who: str, now: float) -> Exemption:
    """Note what is asked for."""
    row = {
        "vulnerability": wanted.vulnerability,
        "package": wanted.package,
        "repositories": json.dumps(wanted.repositories),
        "digest": wanted.digest,
        "reason": wanted.reason,
        "owner": wanted.owner,
        "ticket": wanted.ticket,
        "state": REQUESTED,
        "expires_at": wanted.expires_at,
        "requested_by": who,
        "requested_at": now,
    }
    return _read(tx.execute(insert(exceptions).values(row).returning(*_COLUMNS)).one())


def find(tx: Connection, id: int) -> Exemption | None:
    """The exception with this number."""
    row = tx.execute(select(*_COLUMNS).where(exceptions.c.id == id)).first()
    return None if row is None else _read(row)


def decide(tx: Connection, id: int, state: str, who: str, because: str, now: float) -> Exemption | None:
    """Let a request that has not run out be approved or refused; None when it is no request any more."""
    open_now = (exceptions.c.state == REQUESTED) & (exceptions.c.expires_at > now)
    said = {"state": state, "decided_by": who, "decided_at": now, "decided_because": because}
    return _change(tx, (exceptions.c.id == id) & open_now, said)


def end(tx: Connection, id: int, who: str, because: str, now: float) -> Exemption | None:
    """Let one that was asked for or approved be withdrawn; None when it is neither any more."""
    open_now = exceptions.c.state.in_(_OPEN) & (exceptions.c.expires_at > now)
    said = {"state": WITHDRAWN, "ended_by": who, "ended_at": now, "ended_because": because}
    return _change(tx, (exceptions.c.id == id) & open_now, said)


def expire(tx: Connection, now: float) -> list[Exemption]:
    """Note which have come to their end; those that were in force or asked for until then."""
    over = exceptions.c.state.in_(_OPEN) & (exceptions.c.expires_at <= now)
    gone = update(exceptions).where(over).values(state=EXPIRED, ended_at=exceptions.c.expires_at)
    return sorted((_read(row) for row in tx.execute(gone.returning(*_COLUMNS))), key=lambda each: each.id)


def in_force(tx: Connection, now: float) -> list[Exemption]:
    """All that count now, by number."""
    return _page(tx, (exceptions.c.state == APPROVED) & (exceptions.c.expires_at > now), None)


def page(tx: Connection, state: str | None, until: float | None, last: int, limit: int, now: float) -> list[Exemption]:
    """Up to ``limit`` exceptions after number ``last``: of one state now, and of those in force what ends by then."""
    which = exceptions.c.id > last
    if state is not None:
        which &= _is(state, now)
    if until is not None:
        which &= _is(APPROVED, now) & (exceptions.c.expires_at <= until)
    return _page(tx, which, limit)


def ending(tx: Connection, until: float, warned_before: float, now: float) -> list[Exemption]:
    """Those in force that end by then, and of which it was not said since ``warned_before``; from now on it was."""
    due = or_(exceptions.c.warned_at.is_(None), exceptions.c.warned_at < warned_before)
    soon = _is(APPROVED, now) & (exceptions.c.expires_at <= until) & due
    told = tx.execute(update(exceptions).where(soon).values(warned_at=now).returning(*_COLUMNS))
    return sorted((_read(row) for row in told), key=lambda each: (each.expires_at, each.id))


def counts(tx: Connection, now: float, soon: float) -> tuple[dict[str, int], int]:
    """How many there are of each state, and how many of those in force end by ``soon``."""
    numbers = {state: _count(tx, _is(state, now)) for state in STATES}
    return numbers, _count(tx, _is(APPROVED, now) & (exceptions.c.expires_at <= soon))


def open_of(tx: Connection, who: str | None, now: float) -> int:
    """How many are asked for and not decided, by one account or by all; with those in force where it is all."""
    if who is None:
        return _count(tx, _is(REQUESTED, now) | _is(APPROVED, now))
    return _count(tx, _is(REQUESTED, now) & (exceptions.c.requested_by == who))


def judged_images(tx: Connection) -> list[tuple[str, Digest]]:
    """Every image that there is a verdict on, with the repositories that have it."""
    query = select(repositories.c.name, manifests.c.digest).join(
        repositories, repositories.c.id == manifests.c.repository_id
    )
    rows = tx.execute(query.where(manifests.c.digest.in_(select(scanned_images.c.digest))))
    return [(row.name, Digest(row.digest)) for row in rows]


def _is(state: str, now: float) -> ColumnElement[bool]:
    if state == EXPIRED:
        return (exceptions.c.state == EXPIRED) | (exceptions.c.state.in_(_OPEN) & (exceptions.c.expires_at <= now))
    is_so: ColumnElement[bool] = exceptions.c.state == state
    return is_so & (exceptions.c.expires_at > now) if state in _OPEN else is_so


def _count(tx: Connection, which: ColumnElement[bool]) -> int:
    return int(tx.execute(select(func.count()).select_from(exceptions).where(which)).scalar_one())


def _change(tx: Connection, which: ColumnElement[bool], said: dict[str, Any]) -> Exemption | None:
    row = tx.execute(update(exceptions).where(which).values(said).returning(*_COLUMNS)).first()
    return None if row is None else _read(row)


def _page(tx: Connection, which: ColumnElement[bool], limit: int | None) -> list[Exemption]:
    query: Any = select(*_COLUMNS).where(which).order_by(exceptions.c.id)
    rows: Sequence[Any] = tx.execute(query if limit is None else query.limit(limit)).all()
    return [_read(row) for row in rows]


def _read(row: Any) -> Exemption:
    fields = dict(row._mapping)  # noqa: SLF001  a row's documented way to its columns
    digest = None if fields["digest"] is None else Digest(fields["digest"])
    return Exemption(**fields | {"repositories": json.loads(fields["repositories"]), "digest": digest})
