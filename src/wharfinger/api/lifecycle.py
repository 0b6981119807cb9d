"""Plans of what goes and what stays, applying them, and what came of it."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Body, Query
from starlette.responses import StreamingResponse

from wharfinger import select
from wharfinger.access.actions import Action
from wharfinger.api.lifecycle_models import (
    ExplainedView,
    PlanWanted,
    ReplayView,
    ReplayWanted,
    RunItemView,
    RunList,
    RunReport,
    RunView,
    UndoneView,
)
from wharfinger.api.policies import MAX_POLICY_BODY
from wharfinger.api.routes import Anyone, By, Route
from wharfinger.lifecycle import plan_file
from wharfinger.lifecycle.plans import Plan
from wharfinger.lifecycle.runs import Asked
from wharfinger.lifecycle.service import Lifecycle
from wharfinger.spec import names

LINES = "application/jsonl"
MAX_PLAN_BODY = 64 * 1024 * 1024
"""Of what goes, some 300,000 images; what stays needs not be sent."""
LAST = 2**62
PAGE = 50
ITEMS_AT_MOST = 1000

Plain = Annotated[bytes, Body(media_type=LINES)]
Before = Annotated[int, Query(ge=1, le=LAST, description="the page begins before this run: `next` of the one before")]
Limit = Annotated[int, Query(ge=1, le=1000, description="how many entries")]


class LifecycleHandlers:
    """Which images stay and which go, of what is stored here."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/lifecycle/plan", self.plan, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/lifecycle/apply", self.apply, Anyone.WITH_AN_ACCOUNT, status=202, body=MAX_PLAN_BODY),
            Route("GET", "/lifecycle/runs", self.runs, Anyone.WITH_AN_ACCOUNT),
            Route("GET", "/lifecycle/runs/{id}", self.run, Anyone.WITH_AN_ACCOUNT),
            Route("GET", "/explain/{repository:path}/{reference}", self.explain, Action.PULL),
            Route("POST", "/lifecycle/replay", self.replay, Action.AUDIT, body=MAX_POLICY_BODY),
            Route("POST", "/lifecycle/runs/{id}/undo", self.undo, Anyone.WITH_AN_ACCOUNT),
        ]

    async def plan(self, by: By, wanted: PlanWanted) -> StreamingResponse:
        """A plan, as lines of JSON: of each image in the repositories that the caller may pull whether it stays."""
        where = None
        if wanted.repositories is not None:
            where = select.parse(wanted.repositories, "repositories", of="repository")
        found = await self._lifecycle.plans.plan(by, where)
        return StreamingResponse(_lines(found), media_type=LINES)

    async def apply(
        self,
        by: By,
        plan: Plain,
        skip_changed: bool = False,
        over_ceiling: Annotated[str, Query(max_length=500)] = "",
    ) -> RunView:
        """Begin to delete what the plan lists, where all of it still goes; needs `delete` in each repository."""
        run = await self._lifecycle.runs.apply(by, plan, Asked(skip_changed, over_ceiling))
        return RunView.of(run)

    async def runs(self, by: By, before: Before = LAST, n: Limit = PAGE) -> RunList:
        """Runs, the newest first: those of the caller, and all for who may read the audit trail."""
        found = await self._lifecycle.runs.page(by, before, n)
        return RunList(runs=list(map(RunView.of, found)), next=found[-1].id if len(found) == n else None)

    async def run(self, by: By, id: int) -> RunReport:
        """What a run did, or does: for who began it, and for who may read the audit trail."""
        run, counts, items = await self._lifecycle.runs.report(by, id, ITEMS_AT_MOST)
        return RunReport(run=RunView.of(run), counts=counts, items=[RunItemView.of(*each) for each in items])

    async def undo(self, by: By, id: int) -> UndoneView:
        """Bring back what a run took; needs `delete` in each of its repositories, and `push` for each tag."""
        return UndoneView.of(await self._lifecycle.undoing.undo(by, id))

    async def explain(self, repository: str, reference: str) -> ExplainedView:
        """Why an image is there, what protects it, and when it will go."""
        name, at = names.repository(repository), names.reference(reference)
        return ExplainedView.of(await self._lifecycle.explaining.explain(name, at))

    async def replay(self, wanted: ReplayWanted) -> ReplayView:
        """Which recorded pulls would have failed, and whose, had the policy been in force."""
        return ReplayView.of(await self._lifecycle.replays.replay(wanted.days, wanted.policy))


async def _lines(plan: Plan) -> AsyncIterator[bytes]:
    yield plan_file.line(plan.head)
    async for line in plan.lines:
        yield line
