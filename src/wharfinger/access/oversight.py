"""Looking at access without changing it: why, who may do what where, and the regular review."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from wharfinger.access import asking, explaining, review, snapshot
from wharfinger.access.account_names import account_name
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.explaining import Explanation, Question
from wharfinger.access.grants import ANONYMOUS, GROUP, NOBODY, Grant
from wharfinger.access.matrix import Matrix, Row, Where
from wharfinger.access.patterns import Pattern
from wharfinger.access.review import Review
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import AccountUnknown, Denied
from wharfinger.meta import policies
from wharfinger.meta import review as review_rows
from wharfinger.meta.db import Database
from wharfinger.meta.policies import Stored

ROWS_AT_MOST = 1000
"""Rows of a page of the matrix, about: an account's rows stay together."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of the matrix; ``next`` is the last account in them, None when these are the last rows."""

    rows: tuple[Row, ...]
    next: str | None


class Oversight:
    """Answers questions about access as it is stored now."""

    def __init__(self, db: Database, now: Callable[[], float], rows_at_most: int = ROWS_AT_MOST) -> None:
        self._db = db
        self._now = now
        self._rows_at_most = rows_at_most

    async def explain(self, by: Caller, who: str, question: Question) -> Explanation:
        """Why ``who`` may or may not. Raises Denied unless the caller may look there, or asks about itself.

        Raises AccountUnknown for a group or an account that is not there: a mistyped name proves nothing.

        Of grants elsewhere the caller learns only what it may look at.
        """
        if who != by.name and not _may_look(by, question):
            raise Denied("this account may ask about itself, and about others where it has audit or admin")
        stored, known = await self._stored()
        if who.startswith(GROUP) and who.removeprefix(GROUP) not in stored.groups:
            raise AccountUnknown(f"{who[:80]} is not known", name=who[:80])
        if not who.startswith(GROUP) and who != ANONYMOUS and account_name(who) not in known.accounts:
            raise AccountUnknown(f"there is no account {who}", name=who)
        world = asking.world(known, tuple(stored.groups))
        found = await asyncio.to_thread(explaining.explain, world, asking.subject(known, who), question)
        seen = tuple(near for near in found.near if near.grant is None or _sees(by, near.grant))
        return Explanation(found.allowed, found.grant, found.reason, seen, found.commands)

    async def matrix(self, where: Where, only: str | None = None, after: str = "") -> Page:
        """Who may do what: the rows of the accounts after ``after``, by name; ``only`` of one, if it is given.

        Raises AccountUnknown when that one is not there: no rows would say that it may do nothing.
        """
        stored, known = await self._stored()
        if only is not None and only not in {ANONYMOUS, *known.accounts, *(f"{GROUP}{name}" for name in stored.groups)}:
            raise AccountUnknown(f"{only[:80]} is not known", name=only[:80])
        return await asyncio.to_thread(_page, known, where, only, after, self._now(), self._rows_at_most)

    async def review(self, days: int) -> Review:
        """What should be looked at, by what was done in so many days."""
        now = self._now()
        stored, known = await self._stored()
        use = await self._db.read(review_rows.use, now - asking.parsed_days(days) * review.DAY)
        return await asyncio.to_thread(lambda: review.review(stored, known, use, days=days, now=now))

    async def _stored(self) -> tuple[Stored, Snapshot]:
        stored = await self._db.read(policies.stored)
        return stored, await asyncio.to_thread(snapshot.build, stored.everything)


def _page(known: Snapshot, where: Where, only: str | None, after: str, now: float, rows_at_most: int) -> Page:
    matrix = Matrix(known.policy, now)
    rows: list[Row] = []
    names = sorted(({ANONYMOUS, *known.accounts}) if only is None else {only})
    for name in (name for name in names if name > after):
        subject = asking.subject(known, name)
        if not subject.barred:
            rows += matrix.rows(NOBODY if name == ANONYMOUS else subject.identity, where)
        if len(rows) >= rows_at_most and name != names[-1]:
            return Page(tuple(rows), name)
    return Page(tuple(rows), None)


def _may_look(by: Caller, question: Question) -> bool:
    return by.may(Action.AUDIT, question.repository) or by.may(Action.ADMIN, question.repository)


def _sees(by: Caller, grant: Grant) -> bool:
    """Whether the grant is the caller's own or everybody's, or all of its pattern is the caller's to look at."""
    if grant.principal == ANONYMOUS or grant.principal in by.identity.principals:
        return True
    return any(_holds(by, action, grant.pattern) for action in (Action.AUDIT, Action.ADMIN))


def _holds(by: Caller, action: Action, pattern: Pattern) -> bool:
    if by.identity.limits is not None and not by.identity.limits.contain(action, pattern):
        return False
    return any(
        held.pattern.contains(pattern)
        for held in by.snapshot.policy.grants
        if held.principal in by.identity.principals
        and not held.deny
        and not held.tags
        and action in held.actions
        and held.is_in_force(by.now)
        and held.covers_address(by.origin.address)
    )
