"""Is the audit trail what was sealed? Asked of the database, or of a server from afar: the same questions, one answer.

What can be known without anything beside the trail: that no sealed record was altered, removed, put in or moved, as
far as the hashes were not all made anew; and by the signed heads, made with a key that the database does not have, that
they were not. What cannot: that the end was not cut off together with the heads that were signed there. For that a
checkpoint is exported now and then, and kept elsewhere.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from wharfinger.access import audit_keys, chain
from wharfinger.access.retention import announced
from wharfinger.errors import Refusal
from wharfinger.meta.audit import Record
from wharfinger.meta.chain import GO_EARLIER, REMOVED, Checkpoint, Unsealed

PAGE = 1000
UNSEALED_SECONDS = 10.0
UNSIGNED_SECONDS = 300.0
"""The head is signed each minute; a record may tell of up to a minute before it was written, and clocks differ."""
LOOK_AGAIN_SECONDS = 3.0
FINDINGS_AT_MOST = 50
ATTEMPTS = 3


class Source(Protocol):
    """Where the trail is read from."""

    async def key(self) -> str | None:
        """The public key that should have signed; None where it is not to be had."""
        ...

    async def start(self) -> Checkpoint | None:
        """Where the chain begins."""
        ...

    async def heads(self, last: int, limit: int) -> list[Checkpoint]:
        """Signed heads after number ``last``."""
        ...

    async def after(self, number: int, limit: int) -> list[Record]:
        """Sealed records after ``number``, in their order."""
        ...

    async def unsealed(self) -> Unsealed:
        """What waits to be sealed."""
        ...


@dataclass
class Report:
    """What was found. No findings: the trail is what was sealed, except for what the notes say cannot be known."""

    records: int = 0
    removed: int = 0
    first: int | None = None
    last: int = 0
    unsealed: int = 0
    unsealed_seconds: float = 0.0
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def find(self, what: str) -> None:
        """Note something that is wrong; of very many the first are enough."""
        if len(self.findings) < FINDINGS_AT_MOST:
            self.findings.append(what)
        elif len(self.findings) == FINDINGS_AT_MOST:
            self.findings.append("and more")


async def verify(
    source: Source,
    exported: Checkpoint | None,
    now: Callable[[], float],
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Report:
    """Read the whole trail and say what is wrong with it."""
    for _ in range(ATTEMPTS):
        start = await source.start()
        check = _Check(start, await source.key(), exported, now())
        await check.heads(source)
        await check.records(source)
        if await source.start() == start:
            break  # else old records were removed while we read
    await _count_unsealed(check.report, source, now, pause)
    check.conclude()
    return check.report


async def _count_unsealed(
    report: Report, source: Source, now: Callable[[], float], pause: Callable[[float], Awaitable[object]]
) -> None:
    waiting = await source.unsealed()
    if waiting.oldest_at is not None and now() - waiting.oldest_at > UNSEALED_SECONDS:
        # Its time may be long before it was written: it is late if it is still waiting when it should be sealed.
        first = waiting.oldest
        await pause(LOOK_AGAIN_SECONDS)
        waiting = await source.unsealed()
        if waiting.oldest is not None and waiting.oldest == first:
            report.find(
                f"{waiting.count} records are not sealed, the oldest for {_age(now(), waiting)}: is the sealer running?"
            )
    report.unsealed = waiting.count
    report.unsealed_seconds = max(0.0, now() - waiting.oldest_at) if waiting.oldest_at is not None else 0.0


def _age(now: float, waiting: Unsealed) -> str:
    return f"{now - (waiting.oldest_at or now):.0f} s"


class _Check:
    """One pass over the trail."""

    def __init__(self, start: Checkpoint | None, key: str | None, exported: Checkpoint | None, now: float) -> None:
        self.report = Report()
        self._now = now
        self._exported = exported
        self._trusted = {each for each in (key, exported.key if exported else None) if each}
        self._at: dict[int, list[Checkpoint]] = {}
        self._strangers: set[str] = set()
        self._signed = 0
        self._unsigned_since: float | None = None
        self._newest_stub = self._announced = float("-inf")
        self._number, self._hash = (start.number, start.hash) if start else (0, chain.BEGINNING)
        self._begins_at = self._number
        if not self._trusted:
            self.report.find("the key of the audit trail is not to be had, so that no signature can be checked")
        self._look_at_start(start)
        self._look_at_exported()

    def _look_at_start(self, start: Checkpoint | None) -> None:
        if start is not None and not self._is_ours(start):
            self.report.find(f"the chain begins after record {start.number}, which the registry's key has not signed")

    def _look_at_exported(self) -> None:
        exported = self._exported
        if exported is None:
            return
        if not audit_keys.is_signed(exported):
            self.report.find("the exported checkpoint has a wrong signature")
        if exported.number < self._begins_at:
            self.report.notes.append(f"The exported checkpoint is of record {exported.number}, which is gone by age.")
        elif exported.number == self._begins_at and exported.hash != self._hash:
            self.report.find(f"record {exported.number} is not the one of the exported checkpoint")
        elif exported.number > self._begins_at:
            self._at.setdefault(exported.number, []).append(exported)

    def _is_ours(self, checkpoint: Checkpoint) -> bool:
        return checkpoint.key in self._trusted and audit_keys.is_signed(checkpoint)

    async def heads(self, source: Source) -> None:
        """Look at every signed head, before the records: none of them is then of a record that came later."""
        last = 0
        while page := await source.heads(last, PAGE):
            for head in page:
                self._look_at_head(head)
            if page[-1].number <= last:
                raise Refusal("the heads do not come in their order: this is no audit trail")
            last = page[-1].number

    def _look_at_head(self, head: Checkpoint) -> None:
        if not audit_keys.is_signed(head):
            self.report.find(f"the signature of the head at record {head.number} is wrong")
            return
        if head.key in self._trusted:
            self._signed = max(self._signed, head.number)
        else:
            self._strangers.add(head.key)
        self._at.setdefault(head.number, []).append(head)

    async def records(self, source: Source) -> None:
        """Look at every sealed record."""
        last = self._begins_at
        while page := await source.after(last, PAGE):
            for record in page:
                self._look_at(record)
            if self._number <= last:
                raise Refusal("the records do not come in their order: this is no audit trail")
            last = self._number
        for number in sorted(number for number in self._at if number > self._number):
            self.report.find(f"record {number} was signed, but the trail ends at {self._number}: its end is missing")

    def _look_at(self, record: Record) -> None:
        number, hash = record.number or 0, record.hash or ""
        self._require_next(number)
        if chain.record_hash(self._hash, number, record) != hash:
            self.report.find(f"record {number} was altered, or it or the one before is not in its place")
        for checkpoint in self._at.get(number, ()):
            if checkpoint.hash != hash:
                what = "exported" if checkpoint is self._exported else "signed"
                self.report.find(f"record {number} is not the one whose hash was {what}: the chain was made anew")
        self._number, self._hash = number, hash
        self._count(record, number)

    def _require_next(self, number: int) -> None:
        wanted = self._number + 1
        if number == wanted + 1:
            self.report.find(f"record {wanted} is missing")
        elif number != wanted:
            self.report.find(f"records {wanted} to {number - 1} are missing")

    def _count(self, record: Record, number: int) -> None:
        report = self.report
        report.first = number if report.first is None else report.first
        report.last, report.records = number, report.records + 1
        if number > self._signed and self._unsigned_since is None:
            self._unsigned_since = record.last_at
        self._announced = max(self._announced, announced(record))
        if record.outcome == REMOVED:
            report.removed += 1
            self._newest_stub = max(self._newest_stub, record.at)
            if record.action not in GO_EARLIER or not chain.is_whole_stub(record):
                report.find(f"record {number} is marked as removed by age, which only pulls and tokens are")

    def conclude(self) -> None:
        """What only shows in the end."""
        report = self.report
        if report.removed and self._newest_stub >= self._announced:
            report.find("pulls are marked as removed by age that the trail itself does not say are")
        if self._unsigned_since is not None and self._now - self._unsigned_since > UNSIGNED_SECONDS:
            report.find(f"nothing after record {self._signed} is signed, for {self._now - self._unsigned_since:.0f} s")
        if report.removed:
            until = datetime.fromtimestamp(max(0.0, self._announced), UTC)
            report.notes.append(
                f"Pulls and tokens from before {until:%Y-%m-%d} are removed by age, says the trail itself."
            )
        report.notes += [f"Some heads are signed by another key: {key}." for key in sorted(self._strangers)]
        report.notes.append(self._unknowable())

    def _unknowable(self) -> str:
        exported = self._exported
        if exported is None or exported.number < self._begins_at:
            return (
                "Without an exported checkpoint it cannot be known whether the end of the trail was cut off, or "
                f"everything after record {self._signed} made anew, together with what was signed there."
            )
        return f"Up to record {exported.number} the trail is compared with the exported checkpoint; not what follows."
