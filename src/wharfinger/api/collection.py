"""Giving bytes back: what waits, what would go, and going on at once."""

from typing import Annotated

from fastapi import Query

from wharfinger.access.actions import Action
from wharfinger.api.collection_models import BacklogView, CandidatePage, CandidateView, CollectedView
from wharfinger.api.routes import By, Route
from wharfinger.registry.collect import Collector

PAGE_AT_MOST = 1000
PAGE = 100

Limit = Annotated[int, Query(ge=1, le=PAGE_AT_MOST, description="how many entries")]
Last = Annotated[str, Query(max_length=200, description="`next` of the page before")]


class CollectionHandlers:
    """The collector, for administrators."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/collection", self.status, Action.ADMIN),
            Route("GET", "/collection/candidates", self.candidates, Action.ADMIN),
            Route("POST", "/collection/runs", self.run, Action.ADMIN),
        ]

    async def status(self) -> BacklogView:
        """What waits to be looked at or to be deleted, and what went last."""
        return BacklogView.of(*await self._collector.backlog())

    async def candidates(self, last: Last = "", n: Limit = PAGE) -> CandidatePage:
        """The blobs that would go if the collector were to run now, by digest, and why."""
        found = await self._collector.candidates(last, n + 1)
        return CandidatePage(
            blobs=[CandidateView.of(each) for each in found[:n]], next=found[n - 1].digest if len(found) > n else None
        )

    async def run(self, by: By) -> CollectedView:
        """Collect what is due, for some seconds. Ask again where there is `more`."""
        return CollectedView.of(await self._collector.collect_for(by))
