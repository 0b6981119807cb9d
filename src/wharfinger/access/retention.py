"""Old records of the audit trail go, and what is left can still be verified. How: ``docs/internals/audit.md``.

Pulls, and the tokens given for them, go from the middle of the chain: a stub stays, with place, time, action and the
hash of what it said. The trail itself says from before which time pulls are removed, in a record that is sealed before
the first of them goes. All records go from the beginning of the chain: where it then starts is signed. Nothing is
removed that is not what was sealed, so that an altered time does not make a record old.
"""

import json
from collections.abc import Callable, Sequence
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from wharfinger.access import chain
from wharfinger.access.audit_keys import AuditKey
from wharfinger.access.caller import system
from wharfinger.meta import audit, leases
from wharfinger.meta import chain as rows
from wharfinger.meta.audit import Record
from wharfinger.meta.chain import START
from wharfinger.meta.db import Database

DAY = 86400.0
LEASE, LEASE_SECONDS = "audit-retention", 60.0
BATCH = 500
ACCOUNT, PULLS_GO, RECORDS_GO = "system:retention", "pulls.remove", "records.remove"

_log = structlog.get_logger("wharfinger.audit")


class Retention:
    """Two sweeps. ``keep`` and ``keep_pulls`` are in seconds; days are removed whole."""

    def __init__(
        self, db: Database, key: AuditKey, now: Callable[[], float], *, keep: float, keep_pulls: float
    ) -> None:
        self._db = db
        self._key = key
        self._now = now
        self._keep = keep
        self._keep_pulls = keep_pulls
        self._holder = str(uuid4())
        self._done = 0.0  # before this there is nothing left to do, so that old stubs are not looked at again

    async def sweep_pulls(self) -> int:
        """Leave stubs of pulls whose time is over, a batch of them; how many. Safe to run twice, and on two nodes."""
        moment = _day(self._now() - self._keep_pulls)
        if self._done >= moment or not await self._db.read(rows.pulls_between, self._done, moment, 1):
            return 0
        blanked, self._done = await self._db.write(self._blank, self._done, moment)
        return blanked

    def _blank(self, tx: Connection, done: float, moment: float) -> tuple[int, float]:
        """How many, and up to which time there is now nothing left to do."""
        if not self._take(tx):
            return 0, done
        said = next(iter(audit.latest(tx, ACCOUNT, PULLS_GO, 1)), None)
        if said is None or announced(said) < moment:
            audit.add(tx, system("retention", self._now()).entry(PULLS_GO, detail={"before": moment}))
            return 0, done
        if said.number is None:
            return 0, done  # the next sweep will find it sealed
        found = rows.pulls_between(tx, done, moment, BATCH)
        stubs = [stub for number, _ in found if (stub := _stub(tx, number))]
        if stubs:
            rows.blank(tx, stubs)
        return len(stubs), found[-1][1] if found else moment

    async def sweep(self) -> int:
        """Remove records from the beginning whose time is over, a batch of them; how many. As safe as the other one."""
        moment = _day(self._now() - self._keep)
        if not _old(await self._db.read(_first, 1), moment):
            return 0
        return await self._db.write(self._remove, moment)

    def _remove(self, tx: Connection, moment: float) -> int:
        if not self._take(tx):
            return 0
        start = rows.start(tx)
        number, hash = (start.number, start.hash) if start else (0, chain.BEGINNING)
        old = _old(_first(tx, BATCH), moment)
        for record in old:
            if record.number != number + 1 or chain.record_hash(hash, number + 1, record) != record.hash:
                _log.error("the audit trail was changed: nothing of it is removed", number=record.number)
                return 0
            number, hash = record.number, record.hash
        if not old:
            return 0
        rows.remove_up_to(tx, number)
        rows.remove_heads(tx, signed_before=0, below=number)
        rows.add_checkpoint(tx, self._key.sign(number, START, hash, self._now()))
        audit.add(tx, system("retention", self._now()).entry(RECORDS_GO, detail={"up_to": number, "before": moment}))
        return len(old)

    def _take(self, tx: Connection) -> bool:
        now = self._now()
        return leases.take(tx, LEASE, self._holder, now, now + LEASE_SECONDS)


def announced(record: Record) -> float:
    """Before which time the trail says that pulls are removed; 0 for a record that does not say it."""
    if record.action != PULLS_GO or record.account != ACCOUNT:
        return 0.0
    try:
        return float(json.loads(record.detail)["before"])
    except (ValueError, KeyError, TypeError):
        return 0.0


def _day(moment: float) -> float:
    return moment // DAY * DAY


def _first(tx: Connection, limit: int) -> list[Record]:
    return rows.after(tx, 0, limit)


def _old(records: Sequence[Record], moment: float) -> list[Record]:
    """Those at the beginning that are all from before that time."""
    young = next((place for place, record in enumerate(records) if record.at >= moment), len(records))
    return list(records[:young])


def _stub(tx: Connection, number: int) -> tuple[int, str] | None:
    """What is left of the record: None, and the record stays, when it is not the one that was sealed."""
    start = rows.start(tx)
    around = {record.number: record for record in rows.after(tx, number - 2, 2)}
    record, before = around[number], around.get(number - 1)
    previous = before.hash if before else start.hash if start else chain.BEGINNING
    if chain.record_hash(previous or "", number, record) != record.hash:
        _log.error("a record of the audit trail was changed: it is not removed", number=number)
        return None
    return number, chain.body_hash(record)
