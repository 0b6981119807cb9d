"""Does what changes have asked for: jobs of the table, each at least once.

A job is held for a while and held on to while it is being done. A worker that is killed does not come back to it, and
another takes it over when that while is over; so whatever does a job must be safe to repeat.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from uuid import uuid4

import structlog

from wharfinger.errors import Refusal
from wharfinger.meta import jobs
from wharfinger.meta.db import Database
from wharfinger.meta.jobs import Job

HELD_SECONDS = 30.0
"""So long a job of a worker that was killed waits for another one, at most."""
LOOK_EVERY = 0.1
"""Seconds, for so long somebody may wait for what nobody does yet. A look is one row of an index."""
FIRST_DELAY, LAST_DELAY = 5.0, 3600.0

_log = structlog.get_logger("wharfinger.jobs")

Duty = Callable[[Job], Awaitable[None]]
"""Does a job. Safe to repeat; raises what it cannot do, and is then tried again later, each time later."""


class Later(Exception):
    """Raised by a duty that is not done yet and has not failed: let it go on in so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"goes on in {seconds:g} seconds")
        self.seconds = seconds


class Queue:
    """Does the jobs of the kinds that ``duties`` names, one after the other."""

    def __init__(
        self,
        db: Database,
        duties: Mapping[str, Duty],
        now: Callable[[], float],
        *,
        held: float = HELD_SECONDS,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._db = db
        self._duties = duties
        self._now = now
        self._held = held
        self._look_every = look_every
        self._holder = uuid4().hex
        self._due = db.prepare(jobs.due(tuple(duties)))

    async def run(self) -> None:
        """Do what there is, and look for more, until cancelled."""
        while True:
            try:
                if await self._is_due() and await self.once():
                    continue
            except Refusal as refusal:
                _log.warning("no jobs", code=refusal.code, message=refusal.message)  # the database is away
            await asyncio.sleep(self._look_every)

    async def _is_due(self) -> bool:
        """Whether there seems to be a job; to claim one is a write, for which others wait."""
        return await self._due.first(now=self._now()) is not None

    async def once(self) -> bool:
        """Do one job: whether there was one."""
        now = self._now()
        job = await self._db.write(jobs.claim, tuple(self._duties), self._holder, now, now + self._held)
        if job is None:
            return False
        holding = asyncio.create_task(self._hold(job))
        try:
            await self._duties[job.kind](job)
        except asyncio.CancelledError:
            await self._db.write(jobs.postpone, job, self._holder, self._now(), "")  # nobody need wait until it is free
            raise
        except Later as later:
            await self._db.write(jobs.wait, job, self._holder, self._now() + max(later.seconds, 0.0))
        except Exception as error:  # noqa: BLE001  whatever it is, it must not end the others: it is kept and tried again
            await self._failed(job, error)
        else:
            await self._db.write(jobs.finish, job, self._holder)
        finally:
            holding.cancel()
            with suppress(asyncio.CancelledError):
                await holding
        return True

    async def _hold(self, job: Job) -> None:
        while True:
            await asyncio.sleep(self._held / 3)
            try:
                await self._db.write(jobs.keep, job, self._holder, self._now() + self._held)
            except Refusal as refusal:
                _log.warning("not held", kind=job.kind, key=job.key, message=refusal.message)

    async def _failed(self, job: Job, error: Exception) -> None:
        delay = min(FIRST_DELAY * 2 ** min(job.attempts - 1, 20), LAST_DELAY)
        problem = error.message if isinstance(error, Refusal) else f"{type(error).__name__}: {error}"
        _log.warning("job failed", kind=job.kind, key=job.key, attempt=job.attempts, problem=problem, again_in=delay)
        await self._db.write(jobs.postpone, job, self._holder, self._now() + delay, problem)
