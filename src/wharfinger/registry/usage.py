"""The figures of usage are kept: folded each minute, sampled each hour, and each night proved right or mended."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from wharfinger.meta import leases, usage_comparison
from wharfinger.meta import usage_figures as rows
from wharfinger.meta.db import Database
from wharfinger.meta.usage_comparison import Drift

LEASE, LEASE_SECONDS = "usage", 900.0
"""Longer than a comparison may take; who takes longer mends nothing."""
BATCH = 2000
HOUR, DAY = 3600.0, 86400.0
KEEP_DAYS = 400
NAMED = 100

_log = structlog.get_logger("wharfinger.usage")


class Usage:
    """Three sweeps, each safe to run twice and on two nodes at once."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now
        self._holder = str(uuid4())
        self._sampled = 0.0

    def sweeps(self) -> Mapping[str, Callable[[], Awaitable[int]]]:
        """All three, by what is swept."""
        return {
            "changes of usage": self.fold,
            "figures of the day": self.sample,
            "figures that were off": self.check,
        }

    async def fold(self) -> int:
        """Add what was noted to the figures, a batch of it; how many changes."""
        if not await self._db.read(rows.pending):
            return 0
        return await self._db.write(self._fold)

    def _fold(self, tx: Connection) -> int:
        return rows.fold(tx, BATCH) if self._take(tx) else 0

    async def sample(self) -> int:
        """Remember what the figures are today; 0 when that was done within the hour."""
        now = self._now()
        if now - self._sampled < HOUR:
            return 0
        count = await self._db.write(self._sample, int(now // DAY))
        self._sampled = now
        return count

    def _sample(self, tx: Connection, day: int) -> int:
        return rows.sample(tx, day, KEEP_DAYS) if self._take(tx) else 0

    async def check(self) -> int:
        """Once a day compare the figures with what is linked, and mend them; how many were off."""
        last = await self._db.read(rows.last_check)
        if last is not None and self._now() - last[0] < DAY:
            return 0
        if not await self._db.write(self._take):
            return 0
        return (await self.compare()).count

    async def compare(self) -> Drift:
        """Compare now. The figures are right afterwards, if nobody else took over meanwhile."""
        began = time.monotonic()
        found = await self._db.read(usage_comparison.drift)
        await self._db.write(self._settle, found, time.monotonic() - began)
        if found.count:
            _log.error("the figures of usage were off, and are right again", count=found.count)
        return found

    def _settle(self, tx: Connection, found: Drift, seconds: float) -> None:
        if self._take(tx):
            rows.mend(tx, found)
            rows.note_check(tx, self._now(), seconds, found.count, _said(found))

    def _take(self, tx: Connection) -> bool:
        now = self._now()
        return leases.take(tx, LEASE, self._holder, now, now + LEASE_SECONDS)


def _said(found: Drift) -> str:
    if not found.count:
        return ""
    few = sorted(found.repositories.items())[:NAMED]
    return json.dumps({"blobs": sorted(found.blobs)[:NAMED], "repositories": {key: asdict(d) for key, d in few}})
