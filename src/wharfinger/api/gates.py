"""Gates: which images are refused, and break-glass."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from wharfinger.access.actions import Action
from wharfinger.api.repositories import PAGE, Limit
from wharfinger.api.routes import Anyone, By, Route
from wharfinger.meta.gates import Refused
from wharfinger.meta.glass import Glass
from wharfinger.scanning.admission import telling
from wharfinger.scanning.admission.glass import BECAUSE_AT_MOST, LONGEST
from wharfinger.scanning.admission.service import GateService
from wharfinger.scanning.admission.standing import Why
from wharfinger.spec import names

Repository = Annotated[str | None, Query(max_length=255, description="of this one alone")]
Last = Annotated[str, Query(max_length=600, description="`next` of the page before")]
Number = Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before")]


class GlassWanted(BaseModel):
    """``reference`` is a tag or a digest; ``seconds`` is for how long."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    reference: str = Field(max_length=300)
    seconds: float = Field(gt=0, le=LONGEST)
    because: str = Field(max_length=BECAUSE_AT_MOST)


class GlassPage(BaseModel):
    breakglass: Sequence[Glass]
    next: int | None


class RefusedView(BaseModel):
    """An image that is refused since then; one that was running already may be pulled all the same."""

    repository: str
    digest: str
    since: float
    rule: str
    finding: str
    package: str
    fixed: str
    reason: str
    grandfathered: bool

    @classmethod
    def of(cls, refused: Refused) -> "RefusedView":
        """What may be told of it."""
        why = Why.of(refused.why)
        told: dict[str, Any] = {"rule": why.rule, "finding": why.id, "package": why.package, "fixed": why.fixed}
        return cls(
            repository=refused.repository,
            digest=refused.digest,
            since=refused.since,
            reason=telling.reason(why),
            grandfathered=refused.grandfathered,
            **told,
        )


class RefusedPage(BaseModel):
    refused: list[RefusedView]
    next: str | None


class GateHandlers:
    """What gates say, and letting an image pass all the same."""

    def __init__(self, gates: GateService) -> None:
        self._gates = gates
        self._glass = gates.glass

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/gates", self.refused, Anyone.WITH_AN_ACCOUNT),
            Route("GET", "/breakglass", self.page, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/breakglass/{repository:path}", self.add, Action.ADMIN, 201),
            Route("DELETE", "/breakglass/{number}", self.remove, Anyone.WITH_AN_ACCOUNT, 204),
        ]

    async def refused(self, by: By, repository: Repository = None, last: Last = "", n: Limit = PAGE) -> RefusedPage:
        """Images that are refused now, by repository and digest, where the caller may pull."""
        name, _, digest = last.partition("@")
        only = None if repository is None else names.repository(repository)
        found = await self._gates.refused(by, only, (name, digest), n + 1)
        more = f"{found[n - 1].repository}@{found[n - 1].digest}" if len(found) > n else None
        return RefusedPage(refused=[RefusedView.of(each) for each in found[:n]], next=more)

    async def page(self, by: By, last: Number = 0, n: Limit = PAGE) -> GlassPage:
        """What may be pulled by break-glass, where the caller may pull."""
        found = await self._glass.page(by, last, n + 1)
        return GlassPage(breakglass=found[:n], next=found[n - 1].id if len(found) > n else None)

    async def add(self, by: By, repository: str, wanted: GlassWanted) -> Glass:
        """Let an image be pulled for a while although it is refused."""
        reference = names.reference(wanted.reference)
        return await self._glass.add(by, names.repository(repository), reference, wanted.seconds, wanted.because)

    async def remove(self, by: By, number: int) -> None:
        """End a break-glass; needs `admin` in its repository."""
        await self._glass.remove(by, number)
