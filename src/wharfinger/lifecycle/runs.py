"""Runs: what a plan lists is done, repository by repository, each in one transaction, by one process at a time.

What a run is to do is written down before anything is done. So whoever comes after a killed server knows what is left:
a run of which not all was written down is taken back, any other is finished.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.errors import Denied, InUse, PlanChanged, Refusal, RequestInvalid, RunUnknown
from wharfinger.lifecycle import brownouts, comparing, plan_file
from wharfinger.lifecycle.doing import Doing
from wharfinger.lifecycle.plan_file import Plan, RepositoryPlan, going
from wharfinger.lifecycle.plans import DAY
from wharfinger.lifecycle.units import SECOND
from wharfinger.meta import audit, leases, lifecycle_runs, repos
from wharfinger.meta import brownouts as marks
from wharfinger.meta.accounts import PERSON
from wharfinger.meta.db import Database
from wharfinger.meta.lifecycle_runs import Done, Item, Run, State
from wharfinger.registry.tag_changes import Where
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

LEASE, LEASE_SECONDS = "lifecycle run", 20.0
RENEW_SECONDS = 5.0
"""After so many seconds who is at a run keeps the lease for longer. So a killed server is soon known to be gone."""
NAMED_AT_MOST = 100
WRITTEN_AT_ONCE = 5000

_log = structlog.get_logger("wharfinger.lifecycle")


Report = tuple[Run, dict[str, int], list[tuple[RepoName, Item]]]


@dataclass(frozen=True, slots=True)
class Asked:
    """How a plan is to be applied. ``over_ceiling`` is why a person wants more than the ceiling; empty for nobody."""

    skip_changed: bool = False
    over_ceiling: str = ""


class Runs:
    """Does what plans list."""

    def __init__(
        self, db: Database, now: Callable[[], float], doing: Doing, *, renew_seconds: float = RENEW_SECONDS
    ) -> None:
        self._db = db
        self._now = now
        self._doing = doing
        self._renew_seconds = renew_seconds
        self._holder = uuid4().hex
        self._tasks: set[asyncio.Task[Run]] = set()

    # --- a plan is applied

    async def apply(self, by: Caller, raw: bytes, asked: Asked) -> Run:
        """Begin to do what the plan lists; the run, which goes on.

        Raises RequestInvalid for what is no plan of this server, Denied for a repository where the caller may not
        delete, PlanChanged when an image would stay by now or a person has to agree, and InUse beside another run.
        """
        plan = await asyncio.to_thread(plan_file.parse, raw)
        _require_delete(by, plan)
        await self._db.read(self._require_valid, plan)
        if asked.over_ceiling:
            _require_person(by)
        else:
            await self._db.read(require_clock, self._now())
        await self._require_unchanged(plan, asked)
        run = await self._begin(by, plan, asked)
        return self._go(run)

    def _require_valid(self, tx: Connection, plan: Plan) -> None:
        if plan.head.server != lifecycle_runs.server_id(tx):
            raise RequestInvalid("line 1: this plan was made for another server")
        now = round(self._now() * SECOND)
        if plan.head.clock > now:
            raise RequestInvalid("line 1: this plan is of a time that has not come yet")
        if now - plan.head.clock > plan_file.DAYS_VALID * DAY * SECOND:
            raise RequestInvalid(f"line 1: this plan is older than {plan_file.DAYS_VALID} days: make a new one")

    async def _require_unchanged(self, plan: Plan, asked: Asked) -> None:
        changed: list[dict[str, str]] = []
        over: list[str] = []
        for part in plan.repositories:
            found, is_too_much = await self._db.read(self._foresee, part, plan.head.clock)
            changed += ({"repository": part.repository, "digest": one, "why": why} for one, why in found.items())
            over += [part.repository] if is_too_much else []
        if changed and not asked.skip_changed:
            told = ", ".join(f"{each['repository']}@{each['digest']}: {each['why']}" for each in changed[:3])
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            raise PlanChanged(
                f"{told}{more}. Nothing was deleted: plan again, or leave these out with --skip-changed",
                images=changed[:NAMED_AT_MOST],
            )
        if over and not asked.over_ceiling:
            raise PlanChanged(
                f"more goes than the ceiling allows, in {', '.join(over[:3])}{', …' if len(over) > 3 else ''}. "
                "Nothing was deleted: look at the plan, and if it is right, apply it with --over-ceiling REASON",
                repositories=over[:NAMED_AT_MOST],
            )

    def _foresee(self, tx: Connection, part: RepositoryPlan, clock: int) -> tuple[dict[Digest, str], bool]:
        id = repos.find(tx, names.repository(part.repository))
        where = None if id is None else Where(RepoName(part.repository), id)
        seen = None if where is None else self._doing.look(tx, where, clock, self._now())
        if where is None or seen is None:
            return {}, False
        delete, untag = ({Digest(each.digest): each.tags for each in going(whys)} for whys in (part.delete, part.untag))
        found = comparing.agreed(seen.judged.images, seen.judged.verdicts, delete, untag)
        found = brownouts.apart(tx, where, found, clock / SECOND)
        return dict(found.changed), seen.judged.is_too_much(found.taken)

    async def _begin(self, by: Caller, plan: Plan, asked: Asked) -> Run:
        report = {"skip_changed": asked.skip_changed, "over_ceiling": asked.over_ceiling}
        run = await self._db.write(self.make, "plan", by, plan.head.clock / SECOND, report)
        return await self._write_all(run, plan.repositories)

    async def carry_out(self, run: Run, parts: Iterable[RepositoryPlan]) -> Run:
        """Do all that these parts list, in a run that is planning."""
        return await self.perform(await self._write_all(run, parts))

    async def _write_all(self, run: Run, parts: Iterable[RepositoryPlan]) -> Run:
        try:
            async with self.keeping():
                for items in _chunked(items_of(parts)):
                    await self._db.write(self._write_down, run, items)
                return await self._db.write(self._start, run)
        except Refusal:
            await self._db.write(self.take_back, run, "it could not be written down")
            raise

    def is_free(self, tx: Connection) -> bool:
        """Whether a run can begin: none goes on or waits to be finished. It is this process's to begin from then on."""
        now = self._now()
        taken = leases.take(tx, LEASE, self._holder, now, now + LEASE_SECONDS)
        return taken and not lifecycle_runs.open_runs(tx)

    def make(self, tx: Connection, kind: str, by: Caller, clock: float, report: dict[str, Any]) -> Run:
        """A run, which is planning. Raises InUse beside another one."""
        if not self.is_free(tx):
            raise InUse("another run is going on, or waits to be finished: see wharf lifecycle runs")
        now = self._now()
        id = lifecycle_runs.begin(tx, kind, by.name, clock, now, report)
        audit.add(tx, by.entry("lifecycle.apply", detail={"run": id, "clock": clock, **report}))
        return lifecycle_runs.find(tx, id)

    def _write_down(self, tx: Connection, run: Run, items: Sequence[tuple[str, Item]]) -> None:
        self._hold(tx, "another process has taken the run over")
        known = {name: repos.find(tx, names.repository(name)) for name in {name for name, _ in items}}
        found = (_placed(item, id) for name, item in items if (id := known[name]) is not None)
        lifecycle_runs.add_items(tx, run.id, found)

    def _start(self, tx: Connection, run: Run) -> Run:
        self._hold(tx, "another process has taken the run over")
        lifecycle_runs.note(tx, run, State.RUNNING, None, {})
        return lifecycle_runs.find(tx, run.id)

    def take_back(self, tx: Connection, run: Run, why: str) -> None:
        """Nothing of the run was done, and nothing will be."""
        lifecycle_runs.forget_items(tx, run.id)
        lifecycle_runs.note(tx, run, State.INTERRUPTED, self._now(), {"why": f"{why}: nothing was deleted"})
        leases.give_back(tx, LEASE, self._holder)

    def refuse(self, tx: Connection, run: Run, why: str) -> None:
        """A person has to look at it first."""
        lifecycle_runs.note(tx, run, State.REFUSED, self._now(), {"why": why})
        leases.give_back(tx, LEASE, self._holder)

    def tell(self, tx: Connection, run: Run, report: dict[str, Any]) -> None:
        """What the run says of itself while it is planning."""
        self._hold(tx, "another process has taken the run over")
        lifecycle_runs.note(tx, run, run.state, None, report)

    def _hold(self, tx: Connection, otherwise: str) -> None:
        """One run at a time, and one process at it. Raises InUse."""
        now = self._now()
        if not leases.take(tx, LEASE, self._holder, now, now + LEASE_SECONDS):
            raise InUse(otherwise)

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """However long the steps within take, the lease does not end before them."""
        task = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._renew_seconds)
            with suppress(Refusal):  # the database is away: so it is for whoever would take the run over
                await self._db.write(leases.renew, LEASE, self._holder, self._now() + LEASE_SECONDS)

    # --- a run is done

    def _go(self, run: Run) -> Run:
        """Do it beside whatever else this process does."""
        task = asyncio.create_task(self.perform(run))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return run

    def _ended(self, task: asyncio.Task[Run]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a run was not finished, and will be", error=str(error))

    async def perform(self, run: Run) -> Run:
        """Do all that is left of the run; the run as it is then."""
        async with self.keeping():
            for id, name in await self._db.read(lifecycle_runs.repositories_with, run.id, Done.WAITING):
                where = Where(name, id)
                seen = await self._db.read(self._doing.look, where, round(run.clock * SECOND), self._now())
                if not await self._db.write(self._do, run, where, seen):
                    return await self._db.write(self._finish, run, State.STOPPED)
            for id, name in await self._db.read(marks.over, run.id, self._now()):
                await self._db.write(self._end, run, Where(name, id))
            return await self._db.write(self._finish, run, State(run.report.get("then", State.FINISHED)))

    def _do(self, tx: Connection, run: Run, where: Where, seen: Any) -> bool:
        self._hold(tx, "another process has taken the run over")
        return self._doing.do(tx, run, where, seen, self._now())

    def _end(self, tx: Connection, run: Run, where: Where) -> None:
        self._hold(tx, "another process has taken the run over")
        self._doing.end(tx, run, where, self._now())

    def _finish(self, tx: Connection, run: Run, state: State) -> Run:
        """It has come to its end, or to its brown-out, after which it comes to this one."""
        self._hold(tx, "another process has taken the run over")
        report: dict[str, Any] = {"images": lifecycle_runs.counts(tx, run.id)}
        goes_at = marks.ends_at(tx, run.id)
        if goes_at is None:
            lifecycle_runs.note(tx, run, state, self._now(), report)
        else:
            lifecycle_runs.note(tx, run, State.BROWNOUT, None, report | {"goes_at": goes_at, "then": state})
        leases.give_back(tx, LEASE, self._holder)
        return lifecycle_runs.find(tx, run.id)

    async def stop(self) -> None:
        """End what this process does of runs; whoever comes next finishes them."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            await self._db.write(leases.give_back, LEASE, self._holder)

    # --- what was done

    async def page(self, by: Caller, before: int, limit: int) -> list[Run]:
        """Up to ``limit`` runs before this one, the newest first: the caller's own, and all for who may audit."""
        who = None if by.may(Action.AUDIT) else by.name
        return await self._db.read(lifecycle_runs.page, who, before, limit)

    async def report(self, by: Caller, id: int, limit: int) -> Report:
        """The run, how many images are in which state, and up to ``limit`` of them. Raises RunUnknown."""
        return await self._db.read(self._report, by, id, limit)

    def _report(self, tx: Connection, by: Caller, id: int, limit: int) -> Report:
        run = lifecycle_runs.find(tx, id)
        if run.who != by.name and not by.may(Action.AUDIT):
            raise RunUnknown(f"there is no lifecycle run {id} of {by.name}")
        return run, lifecycle_runs.counts(tx, id), lifecycle_runs.items(tx, id, limit)

    # --- what an ended server left

    async def resume(self) -> int:
        """Finish, or take back, the oldest run that its server did not finish; how many that were, none or one."""
        if not await self._db.read(lifecycle_runs.open_runs):
            return 0
        run = await self._db.write(self._take_over)
        if run is None:
            return 0
        await self.perform(run)
        return 1

    async def end_brownouts(self) -> int:
        """Go on with the oldest run whose brown-out has ended, or ended in some repository; how many, none or one.

        While the clock is more than a day ahead of the newest record it may be wrong, and nothing ends.
        """
        if await self._db.read(self._over) is None:
            return 0
        run = await self._db.write(self._go_on)
        if run is None:
            return 0
        await self.perform(run)
        return 1

    def _over(self, tx: Connection) -> Run | None:
        now = self._now()
        waiting = lifecycle_runs.within(tx, State.BROWNOUT)
        run = next((each for each in waiting if each.report["goes_at"] <= now), None)
        return run if run is not None and is_clock_right(tx, now) else None

    def _go_on(self, tx: Connection) -> Run | None:
        run = self._over(tx) if self.is_free(tx) else None
        if run is None or not lifecycle_runs.move(tx, run, State.RUNNING):
            leases.give_back(tx, LEASE, self._holder)
            return None
        return lifecycle_runs.find(tx, run.id)

    def _take_over(self, tx: Connection) -> Run | None:
        now = self._now()
        if not leases.take(tx, LEASE, self._holder, now, now + LEASE_SECONDS):
            return None
        for run in lifecycle_runs.open_runs(tx):
            if run.state is State.RUNNING:
                resumed = {"resumed": run.report.get("resumed", 0) + 1}
                lifecycle_runs.note(tx, run, State.RUNNING, None, resumed)
                return lifecycle_runs.find(tx, run.id)
            self.take_back(tx, run, "the server ended before all was written down")
        leases.give_back(tx, LEASE, self._holder)
        return None


def require_clock(tx: Connection, now: float) -> None:
    """Raise PlanChanged when the clock is more than a day ahead of whatever was last noted: then it may be wrong."""
    if not is_clock_right(tx, now):
        raise PlanChanged(
            "the clock is more than a day ahead of the newest record in the audit trail. Nothing was deleted: if the "
            "clock is right, a person applies the plan with --over-ceiling REASON"
        )


def is_clock_right(tx: Connection, now: float) -> bool:
    """Whether somebody did something in the day before."""
    return now - lifecycle_runs.newest_record(tx) <= DAY


def _require_delete(by: Caller, plan: Plan) -> None:
    for part in plan.repositories:
        by.require(Action.DELETE, names.repository(part.repository))


def _require_person(by: Caller) -> None:
    known = by.snapshot.accounts.get(by.name)
    if known is None or known.account.kind != PERSON:
        raise Denied("only a person may let a run take more than the ceiling")


def items_of(parts: Iterable[RepositoryPlan]) -> Iterable[tuple[str, Item]]:
    """(repository, item) of all that the parts list, without the repository's number."""
    for part in parts:
        for verdict, whys in (("delete", part.delete), ("untag", part.untag)):
            for why in whys:
                for each in why.images:
                    item = Item(0, Digest(each.digest), verdict, why.rule, why.reason, each.tags)
                    yield part.repository, item


def _placed(item: Item, repository_id: int) -> Item:
    return Item(repository_id, item.digest, item.verdict, item.rule, item.reason, item.tags, item.state)


def _chunked(items: Iterable[tuple[str, Item]]) -> Iterable[list[tuple[str, Item]]]:
    chunk: list[tuple[str, Item]] = []
    for each in items:
        chunk.append(each)
        if len(chunk) == WRITTEN_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
