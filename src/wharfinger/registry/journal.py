"""The journal is written beside the blobs: what it promises, and how it survives a kill: ``docs/internals/journal.md``.

One process writes at a time, by a lease. What is slower than its lease has a lower number than what came after it, and
forgets no change; so whatever overtakes whatever, the highest number tells how a thing is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from wharfinger.blobs.notes import Notes
from wharfinger.errors import BlobUnknown, JournalForeign, Refusal
from wharfinger.meta import journal as rows
from wharfinger.meta import journal_states, leases
from wharfinger.meta.db import Database
from wharfinger.meta.journal import Change, State
from wharfinger.meta.journal_states import Place, Record
from wharfinger.registry import segments
from wharfinger.registry.segments import Header

EVERY = 0.25
"""How often it looks for changes: a change is in the store half a second later, and an idle look costs 0.1 ms."""
LEASE_SECONDS = 60.0
BATCH = 500
PATIENCE = 1000
"""So many segments may come before they are replaced by a new snapshot; ten for each of its parts, if that is more."""
LONGEST_PAUSE = 30.0
FOREIGN = (
    "the byte store has the journal of another database: 'wharf fsck --rebuild' fills an empty one from it; "
    "if that is not what you want, move the folder 'journal' of the store away"
)

_log = structlog.get_logger("wharfinger.journal")


class Shipped(Enum):
    """How much of what was waiting is in the store now."""

    NOTHING = auto()  # another process is at it
    SOME = auto()
    ALL = auto()


@dataclass(slots=True)
class _Snapshot:
    """A snapshot that this process is writing."""

    number: int
    place: Place | None
    parts: int = 0


class Journal:
    """Ships what was noted. ``seen`` is told the time up to which everything that was committed is in the store."""

    def __init__(
        self,
        db: Database,
        notes: Notes,
        now: Callable[[], float],
        seen: Callable[[float], object] = lambda _: None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._db = db
        self._notes = notes
        self._now = now
        self._seen = seen
        self._pause = pause
        self._holder = str(uuid4())
        self._joined = False
        self._snapshot: _Snapshot | None = None

    async def run(self) -> None:
        """Ship what there is and what comes, until cancelled."""
        wait = EVERY
        while True:
            try:
                busy = await self.step()
                wait = EVERY
            except Refusal as problem:
                _log.warning("journal not written", code=problem.code, reason=problem.message, again_in=wait)
                self._joined = False
                await self._pause(wait)
                wait = min(2 * wait, LONGEST_PAUSE)
                continue
            if not busy:
                await self._pause(wait)

    async def step(self) -> bool:
        """Ship a batch of changes, or a part of a snapshot that is due; whether there is more to do at once."""
        if not self._joined:
            self._joined = await self._join()
        began = self._now()
        shipped = await self._ship() if await self._db.read(rows.any_waiting) else Shipped.ALL
        if shipped is Shipped.ALL:
            self._seen(began)
        snapshot = await self._go_on()  # also while changes come without an end
        return snapshot or shipped is Shipped.SOME

    async def drain(self) -> None:
        """Ship everything, snapshots that are due included."""
        while await self.step() or await self._db.read(rows.any_waiting):
            pass

    # Beginning ------------------------------------------------------------------------------------------------------

    async def _join(self) -> bool:
        """Make sure that the store's journal is this database's. Raises JournalForeign when it is another one's."""
        state = await self._db.write(rows.begin, self._holder)
        try:
            identity = (await self._notes.read(segments.IDENTITY)).decode("ascii", "replace")
        except BlobUnknown:
            return await self._begin(state)
        if identity != state.identity:
            raise JournalForeign(FOREIGN)
        highest = max((name.number for name in segments.names(await self._notes.names())), default=0)
        if highest > state.number:
            _log.warning("the database is older than its journal, which goes on from here", number=highest)
            await self._db.write(rows.behind, highest)
        return True

    async def _begin(self, state: State) -> bool:
        """The first time here: everything that there is comes first, whatever was shipped to another place."""
        if await self._take() is None:
            return False
        await self._db.write(rows.behind, state.number + 1)
        await self._notes.keep(segments.IDENTITY, state.identity.encode())
        return True

    # Segments -------------------------------------------------------------------------------------------------------

    async def _ship(self) -> "Shipped":
        """Write one segment."""
        state = await self._take()
        if state is None:
            return Shipped.NOTHING
        changes, records, more = await self._db.read(_batch)
        header = Header(state.identity, state.number, state.shipped, self._now())
        await self._notes.keep(segments.segment(state.number), segments.encode(header, records))
        ids = [change.id for change in changes]
        now = self._now()
        done = await self._db.write(rows.shipped, self._holder, state.number, ids, now, now + LEASE_SECONDS)
        if not done:
            return Shipped.NOTHING
        return Shipped.SOME if more else Shipped.ALL

    async def _take(self) -> State | None:
        now = self._now()
        return await self._db.write(rows.take_number, self._holder, now, now + LEASE_SECONDS)

    async def _alone(self) -> bool:
        now = self._now()
        return await self._db.write(leases.take, rows.LEASE, self._holder, now, now + LEASE_SECONDS)

    # Snapshots ------------------------------------------------------------------------------------------------------

    async def _go_on(self) -> bool:
        """Do the next piece of a snapshot, or begin the one that is due; whether there was something to do."""
        if self._snapshot is None:
            state = await self._db.read(rows.state)
            if state is None or not due(state):
                return False
            self._snapshot = await self._begin_snapshot()
            return self._snapshot is not None
        if self._snapshot.place is not None:
            await self._write_part(self._snapshot, self._snapshot.place)
        else:
            await self._complete(self._snapshot)
            self._snapshot = None
        return True

    async def _begin_snapshot(self) -> _Snapshot | None:
        state = await self._take()
        if state is None:
            return None
        await self._db.write(rows.snapshot_begun, state.number)
        return _Snapshot(state.number, Place())

    async def _write_part(self, snapshot: _Snapshot, place: Place) -> None:
        if not await self._alone():
            self._snapshot = None  # or two would begin over and over again, each instead of the other
            return
        state, (records, following) = await self._db.read(_page, place)
        header = Header(state.identity, snapshot.number, snapshot.parts, self._now())
        await self._notes.keep(segments.part(snapshot.number, snapshot.parts), segments.encode(header, records))
        snapshot.parts += 1
        snapshot.place = following

    async def _complete(self, snapshot: _Snapshot) -> None:
        """Say that it is complete, and only then let go of what it replaces."""
        state = await self._db.read(_state)
        header = Header(state.identity, snapshot.number, snapshot.parts, self._now())
        await self._notes.keep(segments.complete(snapshot.number), segments.encode(header))
        if not await self._db.write(rows.snapshot_done, snapshot.number, snapshot.parts):
            return  # another process has begun a later one
        for name in segments.names(await self._notes.names()):
            if name.number < snapshot.number:
                await self._notes.remove(segments.text(name))
        _log.info("journal compacted", snapshot=snapshot.number, parts=snapshot.parts)


async def require_ours(db: Database, notes: Notes) -> None:
    """Return when the store's journal is this database's, or nobody's. Raises JournalForeign, also half-way through.

    An empty database in front of a full store is one that was lost: serving it would make a second history.
    """
    state = await db.read(rows.state)
    if state is not None and state.rebuilding:
        raise JournalForeign("the database is only half rebuilt: run 'wharf fsck --rebuild' again, which goes on")
    try:
        identity = await notes.read(segments.IDENTITY)
    except BlobUnknown:
        return
    if state is None or identity != state.identity.encode():
        raise JournalForeign(FOREIGN)


def due(state: State) -> bool:
    """Whether a new snapshot is worth what it costs."""
    return state.snapshot == 0 or state.segments >= max(PATIENCE, 10 * state.parts)


def _batch(tx: Connection) -> tuple[list[Change], list[Record], bool]:
    """The changes of one segment, how the things are now, and whether more is waiting."""
    found = rows.waiting(tx, BATCH)
    # Each thing once; those that do not fit in any more keep all their changes.
    things = rows.notes_of(found)
    records, taken = journal_states.states(tx, things)
    left = {(change.repository_id, change.kind, change.name) for change in things[taken:]}
    changes = [change for change in found if (change.repository_id, change.kind, change.name) not in left]
    return changes, records, bool(left) or len(found) == BATCH


def _page(tx: Connection, place: Place) -> tuple[State, tuple[list[Record], Place | None]]:
    return _state(tx), journal_states.page(tx, place)


def _state(tx: Connection) -> State:
    found = rows.state(tx)
    assert found is not None, "begun when this process joined"
    return found
