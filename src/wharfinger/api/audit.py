"""The audit trail: who did what, and whether that is what was recorded."""

from typing import Annotated

from fastapi import Query

from wharfinger.access.actions import Action
from wharfinger.access.audit import PAGE_AT_MOST, Audit
from wharfinger.api.audit_models import AuditPage, AuditStatus, ChainPage, Heads, RecordView
from wharfinger.api.routes import Anyone, By, Route
from wharfinger.meta.audit import Filter

PAGE = 100
MOST_AGO = 0.0
FARTHEST = 253402300799.0  # the last second of the year 9999

Text = Annotated[str | None, Query(max_length=512)]
Moment = Annotated[float | None, Query(ge=MOST_AGO, le=FARTHEST, description="in seconds since the epoch")]
Limit = Annotated[int, Query(ge=1, le=PAGE_AT_MOST, description="how many entries")]
Last = Annotated[str, Query(max_length=60, description="`next` of the page before")]
Number = Annotated[int, Query(ge=0, le=2**63 - 1, description="the number after which the page begins")]


class AuditHandlers:
    """Reading the trail; nothing here changes it."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/audit", self.search, Anyone.WITH_AN_ACCOUNT),
            Route("GET", "/audit/status", self.status, Action.AUDIT),
            Route("GET", "/audit/chain", self.chain, Action.AUDIT),
            Route("GET", "/audit/heads", self.heads, Action.AUDIT),
        ]

    async def search(  # the parameters are those of the query
        self,
        by: By,
        account: Text = None,
        action: Text = None,
        repository: Text = None,
        digest: Text = None,
        outcome: Text = None,
        since: Moment = None,
        until: Moment = None,
        last: Last = "",
        n: Limit = PAGE,
    ) -> AuditPage:
        """Records, the newest first, that have all of what is asked for.

        Needs `audit` in the repository that is asked for, and on everything where none is.
        """
        wanted = Filter(account, action, repository, digest, outcome, since, until)
        found, after = await self._audit.search(by, wanted, last, n)
        return AuditPage(records=[RecordView.of(record) for record in found], next=after)

    async def status(self) -> AuditStatus:
        """The key that signs the trail, where the chain begins, the head that was signed last, and what is unsealed."""
        audit = self._audit
        return AuditStatus(
            key=await audit.key(), start=await audit.start(), head=await audit.head(), unsealed=await audit.unsealed()
        )

    async def chain(self, last: Number = 0, n: Limit = PAGE) -> ChainPage:
        """Sealed records by number, every field as it is hashed: for whoever verifies the chain."""
        return ChainPage(records=await self._audit.after(last, n))

    async def heads(self, last: Number = 0, n: Limit = PAGE) -> Heads:
        """Signed heads of the chain, by number."""
        return Heads(heads=await self._audit.heads(last, n))
