"""Images that nobody has scanned, for they were pushed before that was done: a few at a time, when nothing waits."""

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy import Connection

from wharfinger.errors import Refusal
from wharfinger.meta import jobs, unscanned
from wharfinger.meta.db import Database
from wharfinger.scanning.pushed import KIND
from wharfinger.scanning.targets.images import CONFIGS

AT_ONCE = 4
"""So that an image that is pushed meanwhile waits for few others."""
LOOK_EVERY = 0.5
PASS_EVERY = 3600.0

_log = structlog.get_logger("wharfinger.backfill")


class Backfill:
    """Asks for what is missing to be scanned, whenever no scan is due."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now
        self._after = ""

    async def run(self) -> None:
        """Look through everything, and again every hour, until cancelled."""
        while True:
            try:
                is_done = not await self.step()
            except Refusal as refusal:  # the database is away
                _log.warning("not looked for", code=refusal.code, message=refusal.message)
                is_done = False
            await asyncio.sleep(PASS_EVERY if is_done else LOOK_EVERY)

    async def step(self) -> bool:
        """Ask for a few, unless others wait; whether there may be more. The next step after the last begins anew."""
        return await self._db.write(self._ask)

    def _ask(self, tx: Connection) -> bool:
        now = self._now()
        if jobs.is_due(tx, KIND, now):
            return True
        found = unscanned.page(tx, CONFIGS, KIND, self._after, AT_ONCE)
        for digest, repository in found:
            jobs.enqueue(tx, KIND, digest, {"repository": repository}, now)
        self._after = found[-1][0] if found else ""
        return bool(found)
