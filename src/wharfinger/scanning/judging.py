"""Judging again, by other advisories: every version of a package once, then the verdicts on all images in a few steps.

matched   what the set says of every package version, beside what the last one says; no verdict shows it yet
current   images that are pushed are judged by it
rewritten verdicts go over to it, some thousands in a transaction
tidied    what no verdict goes by any more is forgotten

Whoever is killed leaves the last verdicts, and the next one goes on from where the rows say that it is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Connection

from wharfinger.errors import Unavailable
from wharfinger.meta import advisory_sets, jobs, judgements, leases, package_versions, verdicts
from wharfinger.meta.db import Database
from wharfinger.meta.judged import AdvisorySet, Outcome, PackageVersion, Release
from wharfinger.meta.verdicts import Rewritten
from wharfinger.scanning.advisories.building import old_of
from wharfinger.scanning.advisories.changes import Changes, between
from wharfinger.scanning.advisories.database import Damaged
from wharfinger.scanning.advisories.holding import Held
from wharfinger.scanning.advisories.known import Known
from wharfinger.scanning.garbage import without_collector
from wharfinger.scanning.outcomes import Judge
from wharfinger.scanning.pushed import KIND
from wharfinger.spec.digest import Digest

LEASE = "judging"
LEASE_SECONDS = 180.0
VERSIONS_AT_ONCE = 5_000
VERDICTS_AT_ONCE = {"sqlite": 2_500, "postgresql": 10_000}
"""In one transaction: on SQLite nobody else writes while it lasts."""
FORGOTTEN_AT_ONCE = 2_000

Changed = Callable[[Connection, Sequence[Digest]], None]
"""Told in the transaction that writes verdicts of which images something else is said now."""


def nobody(tx: Connection, digests: Sequence[Digest]) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a set says of versions of packages: the outcomes' keys for each, and these outcomes."""

    keys: Mapping[int, Sequence[str]]
    outcomes: Mapping[str, Outcome]


@dataclass(frozen=True, slots=True)
class _Concerned:
    """All package versions there are, and those that have to be looked at."""

    every: Collection[int]
    chosen: Collection[int]


_NO_CHANGES = Changes(frozenset(), frozenset())


def judge(judge: Judge, versions: Mapping[int, PackageVersion]) -> Judged:
    """Judge them; nothing is read but advisories."""
    found = {id: tuple(judge.outcomes(version)) for id, version in versions.items()}
    return Judged(
        {id: [each.key for each in outcomes] for id, outcomes in found.items()},
        {each.key: each for outcomes in found.values() for each in outcomes},
    )


def note(tx: Connection, set_: int, judged: Judged, now: float) -> int:
    """Keep what the set says; of how many versions it says something else than the set before it."""
    numbers = judgements.add(tx, list(judged.outcomes.values()))
    return judgements.change(tx, set_, {id: [numbers[key] for key in keys] for id, keys in judged.keys.items()}, now)


class Judging:
    """Keeps what is known of package versions, and the verdicts, up to date with the advisories in a file."""

    def __init__(
        self,
        db: Database,
        held: Held,
        now: Callable[[], float],
        changed: Changed = nobody,
        *,
        at_once: int | None = None,
    ) -> None:
        self._db = db
        self._held = held
        self._now = now
        self._changed = changed
        self._at_once = at_once
        self._holder = uuid4().hex

    async def run(self) -> int:
        """Bring everything up to date; how many verdicts are by other advisories now."""
        if not await self._have_lease():
            return 0
        async with self._held.now() as known:
            set_ = await self.current(known)
        count = await self._rewritten(set_.id) if await self._db.read(advisory_sets.has_older, set_.id) else 0
        while await self._db.write(_tidy, set_.id):
            await self._require_lease()
        return count

    async def _rewritten(self, set_: int) -> int:
        """Let every verdict by an older set be by this one; how many."""
        done = await self._db.write(self._rewrite, set_, 0)
        count = done.count
        while done.last is not None:
            await self._require_lease()
            done = await self._db.write(self._rewrite, set_, done.last)
            count += done.count
        return count

    async def current(self, known: Known) -> AdvisorySet:
        """The set of these advisories, once every package version was matched by it. Raises Unavailable.

        Where several nodes have other advisories each, the one that judges has its way, and the others wait.
        """
        by = self.judge(known)
        current = await self._db.read(advisory_sets.current)
        if not known.sha256 and current is not None and current.sha256:
            raise Damaged(f"{self._held.path}: the advisories are gone; the last verdicts stay until there are others")
        if current is not None and current.sha256 == known.sha256 and not await self._db.read(_other_ends, current, by):
            return current
        await self._require_lease()
        begun = await self._db.write(advisory_sets.begin, known.sha256, known.sources, self._now())
        with without_collector():
            await self._match(begun, by, await self._concerned(known, begun, current, by))
        await self._db.write(judgements.tell_planner)
        return begun

    def judge(self, known: Known) -> Judge:
        """Who judges by these advisories today."""
        return Judge(known, datetime.fromtimestamp(self._now(), UTC).date())

    async def _concerned(
        self, known: Known, begun: AdvisorySet, current: AdvisorySet | None, by: Judge
    ) -> _Concerned | None:
        """The package versions of which something else may be said than by the current set; None for all."""
        if current is None or not await self._db.read(advisory_sets.follows, begun.id, current.id):
            return None
        changes = _NO_CHANGES
        if current.sha256 != known.sha256:
            found = await asyncio.to_thread(between, old_of(self._held.path), current.sha256, self._held.path)
            if found is None:
                return None
            changes = found
        return await self._db.read(_concerned, current, changes, by)

    async def _match(self, begun: AdvisorySet, by: Judge, concerned: _Concerned | None) -> None:
        seen: set[int] = set() if concerned is None else set(concerned.every)
        async for versions in self._pages() if concerned is None else self._chosen(concerned.chosen):
            await self._note(begun, by, versions)
            seen |= versions.keys()
            await self._require_lease()
        while new := await self._db.write(_finish, begun.id, by, seen, self._now()):
            await self._note(begun, by, await self._db.read(package_versions.find, new))
            seen |= new

    async def _pages(self) -> AsyncIterator[Mapping[int, PackageVersion]]:
        after = 0
        while versions := await self._db.read(package_versions.page, after, VERSIONS_AT_ONCE):
            yield versions
            after = max(versions)

    async def _chosen(self, numbers: Collection[int]) -> AsyncIterator[Mapping[int, PackageVersion]]:
        waiting = sorted(numbers)
        while waiting:
            yield await self._db.read(package_versions.find, waiting[:VERSIONS_AT_ONCE])
            del waiting[:VERSIONS_AT_ONCE]

    async def _note(self, begun: AdvisorySet, by: Judge, versions: Mapping[int, PackageVersion]) -> None:
        judged = await asyncio.to_thread(judge, by, versions)
        await self._db.write(note, begun.id, judged, self._now())

    def _rewrite(self, tx: Connection, set_: int, after: int) -> Rewritten:
        now = self._now()
        done = verdicts.rewrite(tx, set_, after, self._at_once or VERDICTS_AT_ONCE[tx.dialect.name], now)
        if done.changed:
            self._changed(tx, done.changed)
        for digest, repository in done.partial:  # what could not be read then may be another time
            jobs.enqueue(tx, KIND, digest, {"repository": repository}, now)
        return done

    async def _have_lease(self) -> bool:
        now = self._now()
        return await self._db.write(leases.take, LEASE, self._holder, now, now + LEASE_SECONDS)

    async def _require_lease(self) -> None:
        if not await self._have_lease():
            raise Unavailable("another node judges images by its advisories")


def _other_ends(tx: Connection, set_: AdvisorySet, by: Judge) -> list[Release]:
    """Of which releases something else is said now: most often that they have ended since."""
    said = advisory_sets.releases(tx, set_.id)
    return [each for each in said if each != by.release(each.distribution, each.release)]


def _concerned(tx: Connection, current: AdvisorySet, changes: Changes, by: Judge) -> _Concerned:
    names = {end for name in changes.packages for end in (name, name.rpartition(":")[2])}  # a jar may have no group
    ends = _other_ends(tx, current, by)
    chosen = package_versions.named(tx, names)
    chosen |= judgements.packages_with(tx, changes.vulnerabilities)
    chosen |= package_versions.of_releases(tx, [(each.distribution, each.release) for each in ends])
    return _Concerned(package_versions.every_id(tx), chosen)


def _finish(tx: Connection, set_: int, by: Judge, seen: Iterable[int], now: float) -> set[int]:
    """Let it be the current one, unless there are versions that were not seen: then these."""
    advisory_sets.wait_for_holders(tx)
    if new := package_versions.every_id(tx) - set(seen):
        return new
    advisory_sets.say(tx, set_, [by.release(*each) for each in sorted(advisory_sets.used_releases(tx))])
    advisory_sets.finish(tx, set_, now)
    return set()


def _tidy(tx: Connection, set_: int) -> bool:
    """Forget what no verdict goes by, now that every one is by this set or a later one; whether there may be more.

    The older sets themselves go last: while there are some, whoever comes after a killed one looks at the verdicts.
    """
    if judgements.forget_before(tx, set_, FORGOTTEN_AT_ONCE):
        return True
    advisory_sets.forget_before(tx, set_)
    return False
