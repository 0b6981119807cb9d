"""What a worker notes for the audit trail without waiting: pulls, refusals, tokens. Written each second.

A change is not noted here: its record is made in its own transaction.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from wharfinger.access.caller import Caller, system
from wharfinger.access.noted import Noted, Slot
from wharfinger.access.throttle import network_of
from wharfinger.errors import Refusal
from wharfinger.meta import audit
from wharfinger.meta.audit import FAILED, Entry
from wharfinger.meta.db import Database
from wharfinger.spec.digest import Digest

EVERY = 1.0
MINUTE = 60
SINGLE_AT_MOST = 10
"""Refusals of one account, or to one address, in a minute that have a record each."""
KEYS_AT_MOST = 10_000
WAITING_AT_MOST = 50_000
"""Records kept while the database is away; beyond that the oldest are lost, which is recorded."""
BATCH = 1000

_log = structlog.get_logger("wharfinger.audit")

_SAME = ("action", "account", "repository", "tag", "digest", "address", "client", "rule")


@dataclass(slots=True)
class _Seen:
    """An entry, how often, and when last."""

    entry: Entry
    last: float
    count: int = 1
    slot: Slot | None = None

    def again(self, count: int, last: float) -> None:
        """Once more; and in what outlives us at once."""
        self.count += count
        self.last = max(self.last, last)
        if self.slot is not None:
            self.slot.tell(self.count, self.last)

    def told(self) -> Entry:
        return replace(self.entry, last_at=self.last, count=self.count)


class Trail:
    """The buffer of one process. Noting is synchronous and costs a look-up in a dict; what is kept is bounded."""

    def __init__(
        self,
        db: Database,
        now: Callable[[], float],
        lost: Callable[[int], object] = lambda _count: None,
        noted: Noted | None = None,
    ) -> None:
        self._db = db
        self._now = now
        self._tell_lost = lost
        self._seen: dict[tuple[object, ...], _Seen] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._many: dict[tuple[str, str], _Seen] = {}
        self._minute = 0
        self._waiting: deque[_Seen] = deque()
        self._noted = noted
        self._has_adopted = noted is None
        self._lost = 0
        self._flushing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def pull(self, by: Caller, repository: str, tag: str | None, digest: Digest) -> None:
        """Content was handed out. Pulls that agree in all but the request's id, in one second, become one record."""
        now, origin = by.now, by.origin
        key = (int(now), by.identity.name, repository, tag, digest, origin.address, origin.agent, by.rule)
        seen = self._seen.get(key)
        if seen is None:
            self._keep(key, by.entry("pull", repository=repository, tag=tag, digest=digest))
        else:
            seen.again(1, now)

    def note(self, entry: Entry) -> None:
        """Something else that is not a change; coalesced in the same way."""
        detail = repr(sorted(entry.detail.items()))
        key = (int(entry.at), entry.outcome, detail, *(getattr(entry, name) for name in _SAME))
        seen = self._seen.get(key)
        if seen is None:
            self._keep(key, entry)
        else:
            seen.again(entry.count, entry.at)

    def refuse(self, entry: Entry) -> None:
        """A denial or a failed log-in: the first ten a minute for one account or address, the others as one record."""
        minute = int(entry.at // MINUTE)
        if minute != self._minute:
            self._close_minute(minute)
        of_one = self._too_many(entry)
        if of_one is None:
            self.note(entry)
            return
        seen = self._many.get(of_one)
        if seen is None:
            detail = {"more_than": SINGLE_AT_MOST, "for_one": of_one[1].partition(":")[0]}
            self._many[of_one] = self._first(replace(entry, detail=detail))
        else:
            self._agree(seen, entry)
            seen.again(1, entry.at)

    def _first(self, entry: Entry) -> _Seen:
        return _Seen(entry, entry.at, slot=self._noted.put(entry, 1, entry.at) if self._noted else None)

    def _agree(self, seen: _Seen, entry: Entry) -> None:
        agreed = _agreed(seen.entry, entry)
        if agreed is not seen.entry and self._noted is not None:
            old, seen.slot = seen.slot, self._noted.put(agreed, seen.count, seen.last)
            self._noted.release(old)
        seen.entry = agreed

    def _too_many(self, entry: Entry) -> tuple[str, str] | None:
        """Of what there were too many: of this address, this account, or anything at all."""
        ones = [f"address:{network_of(entry.address)}", *([f"account:{entry.account}"] if entry.account else [])]
        keys = [(entry.outcome, one) for one in ones]
        if len(self._counts) >= KEYS_AT_MOST and not all(key in self._counts for key in keys):
            return entry.outcome, "registry:"
        for key in keys:
            self._counts[key] = self._counts.get(key, 0) + 1
        return next((key for key in keys if self._counts[key] > SINGLE_AT_MOST), None)

    def _close_minute(self, minute: int) -> None:
        self._minute = minute
        self._counts.clear()
        self._wait(self._many.values())
        self._many.clear()

    def _keep(self, key: tuple[object, ...], entry: Entry) -> None:
        self._seen[key] = self._first(entry)
        if len(self._seen) >= KEYS_AT_MOST:
            self._collect(float("inf"))
            self._wake.set()

    def _collect(self, until: float) -> None:
        """Let all that was seen before the second ``until`` wait to be written."""
        due = [key for key in self._seen if key[0] < until]  # type: ignore[operator]  # the second comes first
        self._wait(self._seen.pop(key) for key in due)

    def _wait(self, entries: Iterable[_Seen]) -> None:
        self._waiting.extend(entries)
        self._drop(len(self._waiting) - WAITING_AT_MOST)

    def _drop(self, excess: int) -> None:
        for _ in range(excess):
            seen = self._waiting.popleft()
            self._count_lost(seen.count)
            self._release([seen])

    def _count_lost(self, count: int) -> None:
        self._lost += count
        self._tell_lost(count)

    def _release(self, batch: Iterable[_Seen]) -> None:
        if self._noted is not None:
            for seen in batch:
                self._noted.release(seen.slot)

    async def flush(self, *, everything: bool = False) -> None:
        """Write what is complete, or all there is. What the database does not take now is kept for the next time."""
        async with self._flushing:
            self._collect(float("inf") if everything else int(self._now()))
            if everything or int(self._now() // MINUTE) != self._minute:
                self._close_minute(int(self._now() // MINUTE))
            while self._waiting or self._lost:
                if not await self._write():
                    return

    async def _write(self) -> bool:
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        lost = self._lost
        told = [system("trail", self._now()).entry("audit.lost", outcome=FAILED, count=lost)] if lost else []
        try:
            await self._db.write(audit.add_many, [*told, *(seen.told() for seen in batch)])
        except Refusal as refusal:
            _log.warning("the audit trail waits", records=len(batch) + len(self._waiting), reason=refusal.message)
            self._waiting.extendleft(reversed(batch))
            self._drop(len(self._waiting) - WAITING_AT_MOST)
            return False
        except Exception:  # noqa: BLE001  whatever it is, the next records are written
            # A mistake of ours; kept, it would hold up all that comes after it.
            _log.exception("records of the audit trail could not be written", records=len(batch))
            self._count_lost(sum(seen.count for seen in batch))
            self._release(batch)
            return False
        self._lost -= lost
        self._release(batch)
        return True

    def start(self) -> None:
        """Begin to write each second; first what others left who were killed."""
        if self._noted is not None:
            self._noted.open()
        self._task = asyncio.create_task(self._write_forever())

    async def stop(self) -> None:
        """Write all there is, and end."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self.flush(everything=True)
        if self._noted is not None and not self._waiting:
            self._noted.close()

    async def adopt(self) -> None:
        """Write what processes noted that were killed before they had written it, nothing of it twice."""
        if self._noted is None:
            return
        for orphan in self._noted.orphans():
            with orphan:
                try:
                    added = await self._db.write(audit.add_missing, await asyncio.to_thread(orphan.entries))
                except Refusal as refusal:
                    _log.warning("the notes of a process that was killed wait", reason=refusal.message)
                    return
                except Exception:  # noqa: BLE001  whatever it is, our own records are written
                    _log.exception("the notes of a process that was killed could not be written")
                    continue
                orphan.remove()
                _log.info("notes of a process that was killed were written", records=added)
        self._has_adopted = True

    async def _write_forever(self) -> None:
        while not self._stopping:
            if not self._has_adopted:
                await self.adopt()
            try:
                async with asyncio.timeout(EVERY):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self.flush()


def _agreed(one: Entry, other: Entry) -> Entry:
    """What both say; where they differ, nothing."""
    different = [name for name in _SAME if getattr(one, name) != getattr(other, name)]
    nothing: dict[str, Any] = {"action": "several", "repository": None, "tag": None, "digest": None}
    return replace(one, **{name: nothing.get(name, "") for name in different}) if different else one
