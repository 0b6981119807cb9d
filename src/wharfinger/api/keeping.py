"""The trash, holds, what is in use, and purging. The word comes first: see ``repositories.py``."""

from typing import Annotated

from fastapi import Query

from wharfinger.access.actions import Action
from wharfinger.api.keeping_models import (
    Emptied,
    Empty,
    HoldPage,
    HoldWanted,
    PurgedView,
    PurgeWanted,
    Report,
    ReportedView,
    Reporters,
    ReporterView,
    Restore,
    Restored,
    TrashPage,
)
from wharfinger.api.lifecycle_models import DoomedPage, DoomedView
from wharfinger.api.repositories import PAGE, Limit
from wharfinger.api.routes import Anyone, By, Route
from wharfinger.meta.holds import Hold
from wharfinger.registry.in_use import Running
from wharfinger.registry.keeping import Keeping
from wharfinger.spec import digest as digests
from wharfinger.spec import names
from wharfinger.spec.names import RepoName

REPORT_BODY = 16 * 1024 * 1024

Repository = Annotated[str | None, Query(max_length=255, description="of this one alone")]
Last = Annotated[str, Query(max_length=600, description="`next` of the page before")]
Number = Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before")]


class TrashHandlers:
    """For those who may delete: what they deleted, back or gone for good."""

    def __init__(self, keeping: Keeping) -> None:
        self._trash = keeping.trash
        self._brownouts = keeping.brownouts
        self._purges = keeping.purges

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/trash", self.page, Anyone.WITH_AN_ACCOUNT),
            Route("GET", "/doomed", self.doomed, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/trash/restore/{repository:path}", self.restore, Action.DELETE),
            Route("POST", "/trash/empty/{repository:path}", self.empty, Action.DELETE, body=512 * 1024),
            Route("POST", "/purge", self.purge, Action.PURGE),
        ]

    async def page(self, by: By, repository: Repository = None, last: Last = "", n: Limit = PAGE) -> TrashPage:
        """What is in the trash, by repository and digest, where the caller may delete."""
        name, _, digest = last.partition("@")
        found = await self._trash.page(by, _name(repository), (name, digest), n + 1)
        more = f"{found[n - 1].repository}@{found[n - 1].digest}" if len(found) > n else None
        return TrashPage(trash=found[:n], next=more)

    async def doomed(self, by: By, repository: Repository = None, last: Last = "", n: Limit = PAGE) -> DoomedPage:
        """What a lifecycle run will put in the trash when its brown-out ends, where the caller may pull."""
        name, _, digest = last.partition("@")
        found = await self._brownouts.page(by, _name(repository), (name, digest), n + 1)
        more = f"{found[n - 1].repository}@{found[n - 1].item.digest}" if len(found) > n else None
        return DoomedPage(doomed=list(map(DoomedView.of, found[:n])), next=more)

    async def restore(self, by: By, repository: str, wanted: Restore) -> Restored:
        """Bring a manifest back with what went with it, and its tags where they are free."""
        reference = names.reference(wanted.reference)
        return Restored.of(await self._trash.restore(by, names.repository(repository), reference))

    async def empty(self, by: By, repository: str, wanted: Empty) -> Emptied:
        """Take manifests out of the trash for good."""
        name = names.repository(repository)
        if wanted.digests is None:
            return Emptied(emptied=await self._trash.empty_all(by, name))
        return Emptied(emptied=len(await self._trash.empty(by, name, [digests.parse(d) for d in wanted.digests])))

    async def purge(self, by: By, wanted: PurgeWanted) -> PurgedView:
        """Take a manifest or a blob out of every repository and every trash, without grace."""
        return PurgedView.of(await self._purges.purge(by, digests.parse(wanted.digest), wanted.because))


class HoldHandlers:
    """Images that nobody deletes."""

    def __init__(self, keeping: Keeping) -> None:
        self._holds = keeping.holds

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/holds", self.page, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/holds/{repository:path}", self.add, Action.DELETE, 201),
            Route("DELETE", "/holds/{number}", self.remove, Anyone.WITH_AN_ACCOUNT, 204),
        ]

    async def page(self, by: By, repository: Repository = None, last: Number = 0, n: Limit = PAGE) -> HoldPage:
        """Holds in force, by number, in repositories that the caller may pull from."""
        found = await self._holds.page(by, _name(repository), last, n + 1)
        return HoldPage(holds=found[:n], next=found[n - 1].id if len(found) > n else None)

    async def add(self, by: By, repository: str, wanted: HoldWanted) -> Hold:
        """Hold an image; of a tag, the one that it is at."""
        reference = names.reference(wanted.reference)
        return await self._holds.add(by, names.repository(repository), reference, wanted.until, wanted.because)

    async def remove(self, by: By, number: int) -> None:
        """Take a hold away; needs `delete` in its repository."""
        await self._holds.remove(by, number)


class InUseHandlers:
    """What runs, as reporters say."""

    def __init__(self, keeping: Keeping) -> None:
        self._in_use = keeping.in_use

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/in-use", self.reporters, Anyone.WITH_AN_ACCOUNT),
            Route("PUT", "/in-use/{name}", self.report, Anyone.WITH_AN_ACCOUNT, body=REPORT_BODY),
            Route("DELETE", "/in-use/{name}", self.retire, Action.ADMIN, 204),
        ]

    async def reporters(self, by: By) -> Reporters:
        """The caller's reporters; for those who may read the audit trail, all."""
        return Reporters(reporters=[ReporterView.of(each, by.now) for each in await self._in_use.reporters(by)])

    async def report(self, by: By, name: str, wanted: Report) -> ReportedView:
        """Say what runs, instead of what this reporter said before."""
        running = [
            Running(names.repository(one.repository), names.reference(one.reference), [p[:300] for p in one.places])
            for one in wanted.images
        ]
        return ReportedView.of(await self._in_use.report(by, name, wanted.interval, running))

    async def retire(self, by: By, name: str) -> None:
        """Forget a reporter, which lets go of what it protects."""
        await self._in_use.retire(by, name)


def _name(repository: str | None) -> RepoName | None:
    return None if repository is None else names.repository(repository)
