"""The sealed part of the audit trail: records in the order of their numbers, and the signed checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from wharfinger.meta.audit import COLUMNS, Record
from wharfinger.meta.schema_access import audit_checkpoints, audit_records

HEAD, START = "head", "start"
REMOVED = "removed"
GO_EARLIER = ("pull", "token.issue")
"""What has a shorter retention of its own: pulls, and the access tokens that are as many as pulls."""
"""The outcome of a record of which only its place in the chain was kept; ``detail`` has the hash of its body."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A number, and the hash of the record that has it, signed. ``key`` is the public one, ``kind`` head or start.

    Of a ``start`` the record itself is gone with all before it: the chain begins after it.
    """

    number: int
    kind: str
    hash: str
    signed_at: float
    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Unsealed:
    """How many records have no number yet, and of the one that was made first its id and the time it tells of."""

    count: int
    oldest: int | None
    oldest_at: float | None


_BLANK = {
    "count": 0,
    "outcome": REMOVED,
    "account": "",
    "repository": None,
    "tag": None,
    "digest": None,
    "address": "",
    "client": "",
    "rule": "",
    "request": "",
}


def unsealed(tx: Connection, limit: int) -> list[Record]:
    """Records without a number, in the order in which they were begun."""
    query = select(*COLUMNS).where(audit_records.c.number.is_(None)).order_by(audit_records.c.id).limit(limit)
    return [Record(*row) for row in tx.execute(query)]


def count_unsealed(tx: Connection) -> Unsealed:
    """What still waits for its number."""
    waiting = audit_records.c.number.is_(None)
    count, oldest = tx.execute(select(func.count(), func.min(audit_records.c.id)).where(waiting)).one()
    at = tx.execute(select(audit_records.c.last_at).where(audit_records.c.id == oldest)).scalar()
    return Unsealed(count, oldest, at)


def head(tx: Connection) -> Record | Checkpoint | None:
    """The last sealed record; the start, where all others are gone; None where nothing was ever sealed."""
    sealed = select(*COLUMNS).where(audit_records.c.number.is_not(None)).order_by(audit_records.c.number.desc())
    row = tx.execute(sealed.limit(1)).first()
    return Record(*row) if row else start(tx)


def seal(tx: Connection, sealed: Sequence[tuple[int, int, str]]) -> None:
    """Give records (id) their number and hash."""
    waiting = (audit_records.c.id == bindparam("of")) & audit_records.c.number.is_(None)
    change = update(audit_records).where(waiting).values(number=bindparam("no"), hash=bindparam("sum"))
    tx.execute(change, [{"of": id, "no": number, "sum": hash} for id, number, hash in sealed])


def after(tx: Connection, number: int, limit: int) -> list[Record]:
    """Up to ``limit`` sealed records after ``number``, in their order."""
    query = select(*COLUMNS).where(audit_records.c.number > number).order_by(audit_records.c.number).limit(limit)
    return [Record(*row) for row in tx.execute(query)]


def blank(tx: Connection, stubs: Sequence[tuple[int, str]]) -> None:
    """Of these records (number) keep the place in the chain, the time, the action and the hash of the body alone."""
    values = {**_BLANK, "last_at": audit_records.c.at, "detail": bindparam("body")}
    change = update(audit_records).where(audit_records.c.number == bindparam("no")).values(values)
    tx.execute(change, [{"no": number, "body": body} for number, body in stubs])


def pulls_between(tx: Connection, since: float, until: float, limit: int) -> list[tuple[int, float]]:
    """(number, time) of sealed pulls and tokens of that time, ``until`` not included, that are still whole."""
    row = audit_records.c
    there = row.action.in_(GO_EARLIER) & (row.outcome != REMOVED) & row.number.is_not(None)
    query = select(row.number, row.at).where(row.at >= since, row.at < until, there)
    return [(number, at) for number, at in tx.execute(query.order_by(row.at, row.id).limit(limit))]


def remove_up_to(tx: Connection, number: int) -> None:
    """Remove the sealed records up to this number."""
    tx.execute(delete(audit_records).where(audit_records.c.number <= number))


# --- checkpoints


def add_checkpoint(tx: Connection, made: Checkpoint) -> None:
    """Store it in the place of one of the same number and kind; of starts there is one."""
    same = audit_checkpoints.c.kind == made.kind
    if made.kind == HEAD:
        same &= audit_checkpoints.c.number == made.number
    tx.execute(delete(audit_checkpoints).where(same))
    tx.execute(insert(audit_checkpoints).values({name: getattr(made, name) for name in Checkpoint.__slots__}))


def remove_heads(tx: Connection, *, signed_before: float, below: int) -> None:
    """Remove signed heads that are old, and those of numbers up to ``below``, of which no record is left."""
    old = (audit_checkpoints.c.signed_at < signed_before) | (audit_checkpoints.c.number <= below)
    tx.execute(delete(audit_checkpoints).where(audit_checkpoints.c.kind == HEAD, old))


def latest_head(tx: Connection) -> Checkpoint | None:
    """The signed head of the highest number."""
    query = _checkpoints(HEAD).order_by(audit_checkpoints.c.number.desc()).limit(1)
    row = tx.execute(query).first()
    return Checkpoint(*row) if row else None


def start(tx: Connection) -> Checkpoint | None:
    """Where the chain begins; None for at the first record."""
    row = tx.execute(_checkpoints(START)).first()
    return Checkpoint(*row) if row else None


def heads(tx: Connection, last: int, limit: int) -> list[Checkpoint]:
    """Up to ``limit`` signed heads after number ``last``."""
    query = _checkpoints(HEAD).where(audit_checkpoints.c.number > last)
    return [Checkpoint(*row) for row in tx.execute(query.order_by(audit_checkpoints.c.number).limit(limit))]


def _checkpoints(kind: str) -> Select[Any]:
    columns = [audit_checkpoints.c[name] for name in Checkpoint.__slots__]
    return select(*columns).where(audit_checkpoints.c.kind == kind)
