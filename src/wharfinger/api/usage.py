"""How much is stored, by repository; over time; and what deleting an image would give back."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel
from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.repository_book import RepositoryBook, Rules
from wharfinger.access.repository_rules import owner_of
from wharfinger.api.repositories import PAGE, Last, Limit
from wharfinger.api.routes import Anyone, By, Route
from wharfinger.meta import usage_figures, usage_reading
from wharfinger.meta.db import Database
from wharfinger.meta.usage_reading import Figure as Kept
from wharfinger.meta.usage_reading import Freed
from wharfinger.registry.usage import DAY, KEEP_DAYS
from wharfinger.spec import names
from wharfinger.spec.names import RepoName

Days = Annotated[int, Query(ge=1, le=KEEP_DAYS, description="how many days back")]


class Figure(BaseModel):
    """A repository: all its blobs, those that no other repository holds, and whose it is, where a policy says it."""

    name: RepoName
    blobs: int
    bytes: int
    exclusive: int
    owner: str | None

    @classmethod
    def of(cls, kept: Kept, rules: Rules) -> "Figure":
        """The same, with the owner that the rules give it."""
        return cls(**asdict(kept), owner=owner_of(rules, kept.name))


class Figures(BaseModel):
    """Repositories by name, and where the next page begins."""

    usage: list[Figure]
    next: str | None


class Stored(BaseModel):
    """The whole store. ``held`` is what repositories hold of it; the rest waits in the trash or for the collector."""

    blobs: int
    bytes: int
    held: int
    checked_at: float | None
    drifted: int | None


class Sample(BaseModel):
    """A repository at the end of a day (the time of its beginning, UTC)."""

    day: float
    bytes: int
    exclusive: int


class Samples(BaseModel):
    """Days for which there are figures, the oldest first."""

    samples: list[Sample]


class UsageHandlers:
    """Reading figures that are kept, so that nothing is added up when somebody asks."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._book = RepositoryBook()

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/usage", self.list_usage, Anyone.WITH_AN_ACCOUNT),
            Route("GET", "/usage/store", self.store, Action.AUDIT),
            Route("GET", "/usage/days/{repository:path}", self.days, Action.PULL),
            Route("GET", "/usage/without/{repository:path}/{reference}", self.without, Action.PULL),
        ]

    async def list_usage(self, by: By, last: Last = "", n: Limit = PAGE) -> Figures:
        """Repositories by name, those that the caller may pull from, with what their blobs take."""
        after = names.repository(last) if last else ""
        may_pull = partial(by.may, Action.PULL)
        found = await self._db.read(self._figures, after, n + 1, by.prefixes(Action.PULL), may_pull)
        return Figures(usage=found[:n], next=found[n - 1].name if len(found) > n else None)

    def _figures(
        self, tx: Connection, after: str, limit: int, prefixes: Sequence[str], may_pull: Callable[[RepoName], bool]
    ) -> list[Figure]:
        rules = self._book.rules(tx)
        return [Figure.of(kept, rules) for kept in usage_reading.figures(tx, after, limit, prefixes, may_pull)]

    async def store(self) -> Stored:
        """What is stored in all, and when the figures were last compared with what is there."""
        figures = await self._db.read(usage_figures.store)
        check = await self._db.read(usage_figures.last_check)
        at, drifted = check if check is not None else (None, None)
        return Stored(blobs=figures.blobs, bytes=figures.bytes, held=figures.exclusive, checked_at=at, drifted=drifted)

    async def days(self, repository: str, days: Days = 90) -> Samples:
        """What a repository's figures were at the end of each day."""
        since = int(time.time() // DAY) - days
        found = await self._db.read(usage_figures.samples_of, names.repository(repository), since)
        return Samples(samples=[Sample(day=day * DAY, bytes=size, exclusive=own) for day, size, own in found])

    async def without(self, repository: str, reference: str) -> Freed:
        """What deleting the image would give back, once the trash is empty."""
        return await self._db.read(usage_reading.freed, names.repository(repository), names.reference(reference))
