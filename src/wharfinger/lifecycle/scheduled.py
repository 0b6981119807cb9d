"""Runs that begin by themselves: a policy's schedule is due, a plan is made and applied, a report says what came."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace
from sqlalchemy import Connection

from wharfinger.access.caller import system
from wharfinger.errors import PlanChanged
from wharfinger.lifecycle import plan_file, schedules
from wharfinger.lifecycle.book import PolicyBook
from wharfinger.lifecycle.plan_file import RepositoryPlan, Total
from wharfinger.lifecycle.plans import Plans
from wharfinger.lifecycle.reading import WORD
from wharfinger.lifecycle.rules import Policy
from wharfinger.lifecycle.runs import Runs, require_clock
from wharfinger.lifecycle.units import SECOND
from wharfinger.meta import leases, lifecycle_runs, policy_sections
from wharfinger.meta.db import Database
from wharfinger.meta.lifecycle_runs import Run

KIND = "schedule"


@dataclass(frozen=True, slots=True)
class Due:
    """A run that was made for a policy whose time has come."""

    policy: Policy
    run: Run


class Scheduled:
    """Begins what is due."""

    def __init__(self, db: Database, now: Callable[[], float], book: PolicyBook, plans: Plans, runs: Runs) -> None:
        self._db = db
        self._now = now
        self._book = book
        self._plans = plans
        self._runs = runs

    async def sweep(self) -> int:
        """Do one run that is due; how many that were, none or one. One node does it, whichever comes first."""
        if not await self._db.read(self._is_due):
            return 0
        due = await self._db.write(self._begin)
        if due is None:
            return 0
        async with self._runs.keeping():
            await self._plan(due)
        return 1

    def _is_due(self, tx: Connection) -> bool:
        return any(self._moment(tx, policy) is not None for policy in self._book.policies(tx))

    def _moment(self, tx: Connection, policy: Policy) -> float | None:
        """The last moment of the policy's schedule since it last ran, or since the policies were last changed."""
        if policy.schedule is None:
            return None
        after = max(float(leases.cursor(tx, _name(policy))), policy_sections.changed_at(tx, WORD))
        return schedules.due(policy.schedule, after, self._now())

    def _begin(self, tx: Connection) -> Due | None:
        """Note that the moment was seen and that there is a run for it: both or neither, so each has one run."""
        now = self._now()
        for policy in self._book.policies(tx):
            moment = self._moment(tx, policy)
            if moment is not None and self._runs.is_free(tx):
                leases.move_cursor(tx, _name(policy), int(moment), now)
                report = {"policy": policy.name, "due": moment, "skip_changed": True}
                return Due(policy, self._runs.make(tx, KIND, system("lifecycle", now), now, report))
        return None

    async def _plan(self, due: Due) -> None:
        run, by = due.run, system("lifecycle", self._now())
        try:
            await self._db.read(require_clock, self._now())
        except PlanChanged as refused:
            await self._db.write(self._runs.refuse, run, refused.message)
            return
        plan = await self._plans.plan(by, due.policy.repositories, clock=round(run.clock * SECOND))
        waiting: list[RepositoryPlan] = []
        last = b""
        async for line in plan.lines:
            waiting += _going(last) if last and due.policy.mode == "active" else ()
            last = line
        await self._db.write(self._runs.tell, run, {"plan": _told(plan_file.total(last))})
        await self._runs.carry_out(await self._db.read(lifecycle_runs.find, run.id), waiting)


def _going(line: bytes) -> Sequence[RepositoryPlan]:
    """What goes by a line of a plan, without what stays."""
    part = plan_file.part(line)
    return [replace(part, keep=())] if part.delete or part.untag else ()


def _told(total: Total) -> dict[str, object]:
    return {name: getattr(total, name) for name in total.__struct_fields__}


def _name(policy: Policy) -> str:
    return f"lifecycle schedule {policy.name}"
