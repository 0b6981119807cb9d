"""Plans: of each image whether it stays or goes, by which rule and why, and what that gives back. Changes nothing."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.lifecycle import crews, plan_file, surveying
from wharfinger.lifecycle.book import Policies, PolicyBook
from wharfinger.lifecycle.crews import Batch
from wharfinger.lifecycle.freeing import Across, Shared
from wharfinger.lifecycle.plan_file import DAYS_VALID, FORMAT, Head, RepositoryPlan, Total
from wharfinger.lifecycle.surveying import Part, Survey, UndeletableIn
from wharfinger.lifecycle.units import SECOND, written
from wharfinger.meta import lifecycle_blobs, lifecycle_facts, lifecycle_runs
from wharfinger.meta.db import Database
from wharfinger.meta.lifecycle_facts import Repository
from wharfinger.select import Selector

DAY = 86400
PAGE = 1000
NAMED_AT_MOST = 100
MANY = 20_000
"""Images after which other processes go on, and the sizes of all blobs are read at once: it will be most of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The first line, and all the others as they come."""

    head: Head
    parts: AsyncIterator[RepositoryPlan | Total]


class Plans:
    """Makes plans. ``undeletable`` says which tags may not be removed, in any process that it is sent to."""

    def __init__(
        self,
        db: Database,
        now: Callable[[], float],
        book: PolicyBook,
        undeletable: UndeletableIn,
        *,
        many: int = MANY,
    ) -> None:
        self._many = many
        self._db = db
        self._now = now
        self._book = book
        self._undeletable = undeletable

    async def plan(self, by: Caller, where: Selector | None = None, *, clock: int | None = None) -> Plan:
        """A plan for the repositories that ``where`` selects, of those that the caller may pull from."""
        now = self._now()
        clock = round(now * SECOND) if clock is None else clock
        server, policies, shared = await self._db.read(self._begin)
        expires = clock + DAYS_VALID * DAY * SECOND
        head = Head(FORMAT, server, by.name, clock, made=written(round(now * SECOND)), expires=written(expires))
        return Plan(head, self._parts(by, where, Survey(policies, self._undeletable, clock, now, shared)))

    def _begin(self, tx: Connection) -> tuple[str, Policies, Shared]:
        policies = self._book.policies(tx)
        return lifecycle_runs.server_id(tx), policies, lifecycle_blobs.shared(tx) if policies else {}

    async def _parts(self, by: Caller, where: Selector | None, survey: Survey) -> AsyncIterator[RepositoryPlan | Total]:
        sum, across = Sum(), Across(survey.shared)
        async for part in self._judged(self._batches(by, where), survey):
            sum.add(part.plan)
            across.add(part.waiting)
            yield part.plan
        yield sum.total(across.bytes)

    async def _judged(self, batches: AsyncIterator[Batch], survey: Survey) -> AsyncIterator[Part]:
        """The first here, and whatever comes after :data:`MANY` in other processes."""
        images = 0
        async for batch in batches:
            if images >= self._many and survey.policies:
                async for part in crews.parts(self._db, survey, _with(batch, batches)):
                    yield part
                return
            for part in await self._db.read(surveying.parts, batch, survey):
                yield part
            images += sum(each.images for each in batch)

    async def _batches(self, by: Caller, where: Selector | None) -> AsyncIterator[Batch]:
        last = ""
        while page := await self._db.read(lifecycle_facts.repositories_after, last, PAGE):
            last = page[-1].name
            for batch in surveying.batches(_wanted(by, where, page)):
                yield batch


async def _with(first: Batch, others: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
    yield first
    async for batch in others:
        yield batch


def _wanted(by: Caller, where: Selector | None, page: Iterable[Repository]) -> Iterable[Repository]:
    for each in page:
        is_asked = each.images and (where is None or where.matches(each.name))
        if is_asked and (by.is_system or by.may(Action.PULL, each.name)):
            yield each


class Sum:
    """What all parts of a plan say together."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(("repositories", "images", "delete", "untag", "frees", "unnamed", "observed"), 0)
        self._over: list[str] = []

    def add(self, part: RepositoryPlan) -> None:
        """Count one more repository."""
        observed = (*part.observed_delete, *part.observed_untag)
        for name, count in (
            ("repositories", 1),
            ("images", part.images),
            ("delete", part.deleted),
            ("untag", part.untagged),
            ("frees", part.frees),
            ("unnamed", sum(why.unnamed for why in part.delete)),
            ("observed", len(plan_file.going(observed))),
        ):
            self._counts[name] += count
        if part.over_ceiling and len(self._over) < NAMED_AT_MOST:
            self._over.append(part.repository)

    @property
    def images(self) -> int:
        """How many were counted so far."""
        return self._counts["images"]

    def total(self, across: int) -> Total:
        """The last line; ``across`` is what goes of several repositories at once."""
        counts = {**self._counts, "frees": self._counts["frees"] + across}
        return Total(**counts, over_ceiling=tuple(self._over))
