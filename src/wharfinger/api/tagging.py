"""Tagging what is there, what tags were, and taking one back. The word comes first: see ``repositories.py``."""

from typing import Annotated

from fastapi import Query

from wharfinger.access.actions import Action
from wharfinger.api.repositories import PAGE, Limit
from wharfinger.api.routes import By, Route
from wharfinger.api.tagging_models import History, ImmutableView, MovedView, Rollback, TaggedView, TagWanted
from wharfinger.meta.history import FIRST
from wharfinger.spec import digest as digests
from wharfinger.spec import names
from wharfinger.tagging.tagging import Tagging, Wanted

Before = Annotated[int, Query(ge=1, le=FIRST, description="the page begins after this event: `next` of the one before")]


class TaggingHandlers:
    """Tags that are set without a push, and their history. Which tag may be moved is for the service to say."""

    def __init__(self, tagging: Tagging) -> None:
        self._tagging = tagging

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/tags/{repository:path}", self.tag, Action.PULL),
            Route("GET", "/history/{repository:path}", self.history, Action.PULL),
            Route("GET", "/immutable/{repository:path}/{tag}", self.immutable, Action.PULL),
            Route("POST", "/rollback/{repository:path}/{tag}", self.rollback, Action.PULL),
        ]

    async def tag(self, by: By, repository: str, wanted: TagWanted) -> TaggedView:
        """Give a manifest tags, all or none; with a version, let the floating tags follow that may."""
        asked = Wanted(
            version=None if wanted.version is None else names.tag(wanted.version),
            commit=None if wanted.commit is None else names.tag(wanted.commit),
            names=[names.tag(name) for name in wanted.names],
            floating=wanted.floating,
        )
        digest = digests.parse(wanted.digest)
        return TaggedView.of(await self._tagging.tag(by, names.repository(repository), digest, asked))

    async def history(
        self, repository: str, tag: str | None = None, before: Before = FIRST, n: Limit = PAGE
    ) -> History:
        """What the repository's tags, or one of them, pointed at since when, the newest first."""
        name = None if tag is None else names.tag(tag)
        found = await self._tagging.history(names.repository(repository), name, before, n + 1)
        return History(history=found[:n], next=str(found[n - 1].id) if len(found) > n else None)

    async def immutable(self, repository: str, tag: str) -> ImmutableView:
        """Whether a rule keeps the tag where it is, and which."""
        rule = await self._tagging.immutable_by(names.repository(repository), names.tag(tag))
        return ImmutableView(immutable=rule is not None, rule=rule.name if rule is not None else None)

    async def rollback(self, by: By, repository: str, tag: str, wanted: Rollback) -> MovedView:
        """Let a tag point where it did at a time, or at a digest where it once did. A dry run says what that is."""
        name, at = names.repository(repository), names.tag(tag)
        if wanted.dry_run:
            return MovedView.of(await self._tagging.before(name, at, wanted.to))
        return MovedView.of(await self._tagging.rollback(by, name, at, wanted.to, expected=wanted.expected))
