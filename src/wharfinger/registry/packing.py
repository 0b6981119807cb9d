"""After an upgrade: what older manifests need is packed beside their bytes, so that plans of them are quick, too.

The migration asks for it as a job. Each page asks for the next one in its own transaction, so that it goes on where it
was, whoever dies; and nobody waits for more than a page.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import jobs, packing
from wharfinger.meta.db import Database
from wharfinger.meta.jobs import Job

KIND = "pack"
BEFORE = "before"
"""The key of the job."""
PAGE = 500


class Packing:
    """Packs them, a page at a time."""

    def __init__(self, db: Database, now: Callable[[], float], page: int = PAGE) -> None:
        self._db = db
        self._now = now
        self._page = page

    async def work(self, job: Job) -> None:
        """One page. Safe to repeat. Raises Unavailable, to be tried again."""
        await self._db.write(self._pack, job.payload)

    def _pack(self, tx: Connection, payload: Mapping[str, Any]) -> None:
        last = packing.pack_some(tx, payload.get("after", ()), self._page)
        if last is not None:
            jobs.enqueue(tx, KIND, BEFORE, {"after": list(last)}, self._now())
