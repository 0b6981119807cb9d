"""The journal's outbox and its state. What it is for and why it cannot lie: ``docs/internals/journal.md``.

Whoever changes the catalogue says in the same transaction *what* has changed. *How* it is now is read when it is
shipped, so that the last thing that the journal says of anything is never older than its last change.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update

from wharfinger.meta import leases
from wharfinger.meta.schema_journal import journal_changes, journal_state
from wharfinger.meta.sql import chunks
from wharfinger.meta.sql import insert as upsert

LEASE = "journal"


class Kind(StrEnum):
    """What the journal knows."""

    REPOSITORY = "repository"
    MANIFEST = "manifest"
    TAG = "tag"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not what the journal says of it."""

    id: int
    repository_id: int
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class State:
    """Which journal is this database's, and how far it is: see the table."""

    identity: str
    number: int = 0
    shipped: int = 0
    snapshot: int = 0
    begun: int = 0
    segments: int = 0
    parts: int = 0
    rebuilding: bool = False


def note(tx: Connection, kind: Kind, repository_id: int, *names: str) -> None:
    """These have changed in this transaction; to be called after what changes them."""
    if names:
        rows = [{"repository_id": repository_id, "kind": kind, "name": name} for name in names]
        tx.execute(insert(journal_changes), rows)


def waiting(tx: Connection, limit: int) -> list[Change]:
    """Up to ``limit`` changes that are not shipped, in the order in which they were noted."""
    query = select(journal_changes).order_by(journal_changes.c.id).limit(limit)
    return [Change(row.id, row.repository_id, Kind(row.kind), row.name) for row in tx.execute(query)]


def any_waiting(tx: Connection) -> bool:
    """Whether something is not shipped."""
    return tx.execute(select(journal_changes.c.id).limit(1)).first() is not None


def state(tx: Connection) -> State | None:
    """How far the journal is; None before it was begun."""
    row = tx.execute(select(journal_state)).first()
    if row is None:
        return None
    numbers = (row.number, row.shipped, row.snapshot, row.begun, row.segments, row.parts)
    return State(row.identity, *numbers, rebuilding=bool(row.rebuilding))


def begin(tx: Connection, identity: str, *, rebuilding: bool = False) -> State:
    """The state; where there is none, a new journal of this identity."""
    values = dict.fromkeys(("number", "shipped", "snapshot", "begun", "segments", "parts"), 0)
    row = upsert(tx, journal_state).values(id=1, identity=identity, rebuilding=int(rebuilding), **values)
    tx.execute(row.on_conflict_do_nothing())
    found = state(tx)
    assert found is not None, "inserted or found in this very transaction"
    return found


def take_number(tx: Connection, holder: str, now: float, until: float) -> State | None:
    """A number that nobody else has or had, as the state's ``number``; None while another process writes the journal.

    Whoever takes one is alone until the lease ends; whoever is slower than that has a lower number than what comes
    after, which is how a reader tells what is newer.
    """
    if not leases.take(tx, LEASE, holder, now, until):
        return None
    tx.execute(update(journal_state).values(number=journal_state.c.number + 1))
    return state(tx)


def shipped(tx: Connection, holder: str, number: int, ids: Sequence[int], now: float, until: float) -> bool:
    """Forget these changes, which the segment of this number has: False, and nothing is, if another one took over."""
    current = state(tx) if leases.take(tx, LEASE, holder, now, until) else None
    if current is None or current.number != number:
        return False
    for chunk in chunks(ids):
        tx.execute(delete(journal_changes).where(journal_changes.c.id.in_(chunk)))
    tx.execute(update(journal_state).values(shipped=number, segments=journal_state.c.segments + 1))
    return True


def snapshot_begun(tx: Connection, number: int) -> None:
    """A snapshot of this number is being written; what was begun before counts no longer."""
    tx.execute(update(journal_state).values(begun=number, segments=0))


def snapshot_done(tx: Connection, number: int, parts: int) -> bool:
    """The snapshot is complete; False if another one was begun meanwhile."""
    mine = update(journal_state).where(journal_state.c.begun == number)
    return tx.execute(mine.values(snapshot=number, parts=parts)).rowcount == 1


def behind(tx: Connection, number: int) -> None:
    """The store has numbers up to this one that the database does not know: go on after them, with a new snapshot."""
    tx.execute(update(journal_state).values(number=number, shipped=number, snapshot=0))


def rebuilt(tx: Connection, number: int) -> None:
    """The database is what the journal said up to this number."""
    tx.execute(delete(journal_changes))
    tx.execute(update(journal_state).values(number=number, shipped=number, snapshot=0, rebuilding=0))


def notes_of(changes: Iterable[Change]) -> list[Change]:
    """Each thing once, in the order in which it changed last."""
    last = {(change.repository_id, change.kind, change.name): change for change in changes}
    return sorted(last.values(), key=lambda change: change.id)
