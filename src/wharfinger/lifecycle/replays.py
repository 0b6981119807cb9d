"""Replays a policy against what is recorded of a server's past: see :mod:`replaying`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.lifecycle import gathering, judging, reading
from wharfinger.lifecycle.book import PolicyBook
from wharfinger.lifecycle.evaluate import Verdict, evaluate_repository
from wharfinger.lifecycle.images import Image
from wharfinger.lifecycle.plans import DAY
from wharfinger.lifecycle.replaying import Failed, Past, Pull, replay
from wharfinger.lifecycle.rules import Policies, active, joined
from wharfinger.lifecycle.surveying import UndeletableIn
from wharfinger.lifecycle.units import SECOND
from wharfinger.meta import lifecycle_facts, lifecycle_past, repos
from wharfinger.meta.db import Database
from wharfinger.spec.names import RepoName

FAILED_AT_MOST = 1000
WORK_AT_MOST = 1_000_000
"""Verdicts in one repository, all moments together: in a larger one the policy runs less often than every day."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many recorded pulls there are, how many would have failed, and the first thousand of those records."""

    pulls: int
    failing: int
    failed: Sequence[tuple[RepoName, Failed]]


class Replays:
    """Says which recorded pulls would have failed."""

    def __init__(self, db: Database, now: Callable[[], float], book: PolicyBook, undeletable: UndeletableIn) -> None:
        self._db = db
        self._now = now
        self._book = book
        self._undeletable = undeletable

    async def replay(self, days: int, text: str | None) -> Replayed:
        """Had this policy file been in force for so many days, or, without one, what is in force now.

        Raises RequestInvalid for what is no policy file.
        """
        now = self._now()
        proposed = None if text is None else reading.parse(text)
        pulls, failing, failed = 0, 0, list[tuple[RepoName, Failed]]()
        for name in await self._db.read(lifecycle_past.pulled_repositories, now - days * DAY):
            count, found = await self._db.read(self._one, name, days, now, proposed)
            pulls += count
            failing += sum(each.pull.count for each in found)
            failed += ((name, each) for each in found[: FAILED_AT_MOST - len(failed)])
        return Replayed(pulls, failing, failed)

    def _one(
        self, tx: Connection, name: RepoName, days: int, now: float, proposed: Policies | None
    ) -> tuple[int, list[Failed]]:
        policies = active(self._book.policies(tx) if proposed is None else proposed)
        since, id = now - days * DAY, repos.find(tx, name)
        pulls = [Pull(*row) for row in lifecycle_past.pulls(tx, name, since)]
        if id is None or not judging.is_concerned(policies, name):
            return sum(pull.count for pull in pulls), []
        past = Past(self._images(tx, name, id, policies, now), lifecycle_past.tag_events(tx, id), pulls)
        every = max(1, -(-days * len(past.images) // WORK_AT_MOST))
        moments = (round((since + day * DAY) * SECOND) for day in range(1, days + 1, every))
        rules = joined(policies, name)

        def decide(images: Sequence[Image], moment: int) -> Sequence[Verdict]:
            return evaluate_repository(rules, images, moment)

        return sum(pull.count for pull in pulls), list(replay(past, decide, moments))

    def _images(self, tx: Connection, name: RepoName, id: int, policies: Policies, now: float) -> list[Image]:
        """All that is there, and in the trash."""
        facts = lifecycle_facts.read_one(tx, id, gathering.asked(policies))
        found = [] if facts is None else gathering.images(name, facts, self._undeletable(tx, now)(name))
        rows, edges = lifecycle_past.trashed(tx, id)
        children: dict[str, list[str]] = {}
        for index, child in edges:
            children.setdefault(index, []).append(child)
        return found + [
            Image(digest, pushed, repository=name, subject=subject, children=tuple(children.get(digest, ())))
            for digest, pushed, subject in rows
        ]
