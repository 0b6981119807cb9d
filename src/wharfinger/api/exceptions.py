"""Exceptions from what scanning finds: asking for them, deciding about them, and what there are."""

from typing import Annotated, Literal

from fastapi import Query

from wharfinger.api.exceptions_models import Decision, ExceptionPage, ExceptionView, ExceptionWanted
from wharfinger.api.repositories import PAGE, Limit
from wharfinger.api.routes import Anyone, By, Route
from wharfinger.meta.exceptions import Wanted
from wharfinger.scanning.exceptions import Exceptions
from wharfinger.spec import digest as digests
from wharfinger.spec import names

State = Annotated[
    Literal["requested", "approved", "refused", "withdrawn", "expired"] | None, Query(description="of this state")
]
Within = Annotated[
    float | None, Query(ge=0, le=10 * 366 * 86_400, description="in force, and over within so many seconds")
]
Repository = Annotated[str | None, Query(max_length=255, description="about this repository")]
Last = Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before")]


class ExceptionHandlers:
    """Where one may ask for and decide about an exception follows from the repositories that it is about."""

    def __init__(self, exceptions: Exceptions) -> None:
        self._exceptions = exceptions

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/exceptions", self.page, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/exceptions", self.request, Anyone.WITH_AN_ACCOUNT, 201),
            Route("GET", "/exceptions/{number}", self.show, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/exceptions/{number}/approve", self.approve, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/exceptions/{number}/refuse", self.refuse, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/exceptions/{number}/withdraw", self.withdraw, Anyone.WITH_AN_ACCOUNT),
        ]

    async def page(
        self,
        by: By,
        state: State = None,
        expiring: Within = None,
        repository: Repository = None,
        last: Last = 0,
        n: Limit = PAGE,
    ) -> ExceptionPage:
        """By number, those that the caller may see."""
        name = None if repository is None else names.repository(repository)
        found = await self._exceptions.page(by, state, expiring, name, last, n + 1)
        more = found[n - 1].id if len(found) > n else None
        return ExceptionPage(exceptions=[ExceptionView.of(each, by.now) for each in found[:n]], next=more)

    async def request(self, by: By, wanted: ExceptionWanted) -> ExceptionView:
        """Ask for one; needs `push` in all the repositories that it is about."""
        digest = None if wanted.digest is None else digests.parse(wanted.digest)
        asked = Wanted(**wanted.model_dump(exclude={"digest"}), digest=digest)
        return ExceptionView.of(await self._exceptions.request(by, asked), by.now)

    async def show(self, by: By, number: int) -> ExceptionView:
        """One, with what became of it."""
        return ExceptionView.of(await self._exceptions.show(by, number), by.now)

    async def approve(self, by: By, number: int, decision: Decision) -> ExceptionView:
        """Let it count; needs `approve` in all the repositories that it is about, and not to have asked for it."""
        return ExceptionView.of(await self._exceptions.approve(by, number, decision.because), by.now)

    async def refuse(self, by: By, number: int, decision: Decision) -> ExceptionView:
        """Let it not count, and say why; needs the same."""
        return ExceptionView.of(await self._exceptions.refuse(by, number, decision.because), by.now)

    async def withdraw(self, by: By, number: int, decision: Decision) -> ExceptionView:
        """Take it back, whether or not it was approved: whoever asked for it, or may approve it."""
        return ExceptionView.of(await self._exceptions.withdraw(by, number, decision.because), by.now)
