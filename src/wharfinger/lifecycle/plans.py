"""Plans: of each image whether it stays or goes, by which rule and why, and what that gives back. Changes nothing."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.lifecycle import crews, plan_file, surveying
from wharfinger.lifecycle.book import PolicyBook
from wharfinger.lifecycle.crews import Batch
from wharfinger.lifecycle.freeing import Across
from wharfinger.lifecycle.plan_file import DAYS_VALID, FORMAT, Head, Total
from wharfinger.lifecycle.rules import Policies
from wharfinger.lifecycle.surveying import Survey, UndeletableIn
from wharfinger.lifecycle.units import SECOND, written
from wharfinger.meta import lifecycle_facts, lifecycle_runs
from wharfinger.meta.db import Database
from wharfinger.meta.lifecycle_facts import Repository
from wharfinger.select import Selector

DAY = 86400
PAGE = 1000
NAMED_AT_MOST = 100
MANY = 20_000
"""Images from which on other processes judge: it takes a second until they have begun."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The first line, and all the others as they come, the sum last."""

    head: Head
    lines: AsyncIterator[bytes]


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
        server, policies = await self._db.read(self._begin)
        expires = clock + DAYS_VALID * DAY * SECOND
        head = Head(FORMAT, server, by.name, clock, made=written(round(now * SECOND)), expires=written(expires))
        return Plan(head, self._lines(by, where, Survey(policies, self._undeletable, clock, now)))

    def _begin(self, tx: Connection) -> tuple[str, Policies]:
        return lifecycle_runs.server_id(tx), self._book.policies(tx)

    async def _lines(self, by: Caller, where: Selector | None, survey: Survey) -> AsyncIterator[bytes]:
        batches = self._batches(by, where)
        first = await _some(batches, self._many)
        judges = crews.others if survey.policies and _images(first) >= self._many else crews.here
        async with judges(self._db, survey) as those, aclosing(those.lines(_chained(first, batches))) as found:
            sum, across = Sum(), Across()
            async for each in found:
                sum.add(each.counts)
                across.add(each.waiting)
                yield each.line
            yield plan_file.line(sum.total(across.bytes(those.shared)))

    async def _batches(self, by: Caller, where: Selector | None) -> AsyncIterator[Batch]:
        last = ""
        while page := await self._db.read(lifecycle_facts.repositories_after, last, PAGE):
            last = page[-1].name
            for batch in surveying.batches(_wanted(by, where, page)):
                yield batch


async def _some(batches: AsyncIterator[Batch], images: int) -> Sequence[Batch]:
    """The first of them with so many images, or all where they have fewer."""
    found: list[Batch] = []
    while _images(found) < images and (batch := await anext(batches, None)) is not None:
        found.append(batch)
    return found


def _images(batches: Iterable[Batch]) -> int:
    return sum(each.images for batch in batches for each in batch)


async def _chained(first: Iterable[Batch], others: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
    for batch in first:
        yield batch
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

    def add(self, part: Total) -> None:
        """Count one more repository."""
        for name in self._counts:
            self._counts[name] += getattr(part, name)
        self._over += part.over_ceiling[: NAMED_AT_MOST - len(self._over)]

    def total(self, across: int) -> Total:
        """The last line; ``across`` is what goes of several repositories at once."""
        counts = {**self._counts, "frees": self._counts["frees"] + across}
        return Total(**counts, over_ceiling=tuple(self._over))
