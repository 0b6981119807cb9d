"""Gates in one piece: what decides about pulls, what makes the rows, and what is swept."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.policy_sections import Section
from wharfinger.jobs.housekeeper import Sweep
from wharfinger.meta import gates as rows
from wharfinger.meta import glass
from wharfinger.meta.db import Database
from wharfinger.meta.gates import Refused
from wharfinger.scanning.admission import outlook
from wharfinger.scanning.admission.admitting import Admission
from wharfinger.scanning.admission.book import GateBook
from wharfinger.scanning.admission.effects import Effects
from wharfinger.scanning.admission.glass import BreakGlass
from wharfinger.scanning.admission.live import LiveGates
from wharfinger.scanning.admission.making import Making
from wharfinger.scanning.admission.metrics import GateMetrics
from wharfinger.scanning.admission.outlook import Outlook
from wharfinger.scanning.admission.section import SECTION
from wharfinger.scanning.books import Books
from wharfinger.scanning.pushed import Scanned
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

PATIENCE = 7 * 86400.0
"""Seconds for which a grandfathered image may be out of use, so that what is scaled down can come back."""


@dataclass(frozen=True, slots=True)
class GateService:
    """The services."""

    db: Database
    now: Callable[[], float]
    admission: Admission
    making: Making
    metrics: GateMetrics
    glass: BreakGlass
    effects: Effects
    book: GateBook
    books: Books

    def outlook(
        self, tx: Connection, repository: RepoName, images: Sequence[Scanned], now: float
    ) -> Mapping[Digest, Outlook]:
        """What a pull of each of these images would be answered now; nothing where no rule covers the repository."""
        return outlook.of(tx, self.book.read(tx), self.books, repository, images, now)

    async def refused(
        self, by: Caller, repository: RepoName | None, last: tuple[str, str], limit: int
    ) -> list[Refused]:
        """Up to ``limit`` images that are refused now, after ``last``, where the caller may pull."""
        found: list[Refused] = []
        while len(found) < limit:
            some = await self.db.read(rows.refused, repository, last, limit, self.now())
            found += (each for each in some if by.may(Action.PULL, each.repository))
            if len(some) < limit:
                break
            last = some[-1].repository, some[-1].digest
        return found[:limit]

    @property
    def section(self) -> Section:
        """The section of ``policy.yaml``, which says what a change refuses; when it is written, rows are made again."""
        return replace(SECTION, effect=self.effects, written=self.making.ask)

    def sweeps(self, advisories: Path) -> dict[str, Sweep]:
        """What is done without being asked."""
        return {"gates": partial(self._sweep, advisories)}

    async def _sweep(self, advisories: Path) -> int:
        changed_at = await asyncio.to_thread(_changed_at, advisories)
        done, counts = await self.db.write(_swept, changed_at, self.now())
        self.metrics.tell(counts)
        return done


def _changed_at(advisories: Path) -> float | None:
    return advisories.stat().st_mtime if advisories.is_file() else None


def _swept(tx: Connection, changed_at: float | None, now: float) -> tuple[int, rows.Counts]:
    if changed_at is not None and changed_at != rows.advisories_at(tx):
        rows.note_advisories(tx, changed_at)
    done = rows.sweep(tx, now) + rows.see_used(tx, now, PATIENCE) + glass.expire(tx, now)
    return done, rows.counts(tx, now)


def build(
    db: Database, now: Callable[[], float], books: Books, revision: Callable[[], int], metrics: CollectorRegistry
) -> GateService:
    """The services over one database; ``revision`` is that of access, which every change of policy raises."""
    book, counted = GateBook(), GateMetrics(metrics)
    admission = Admission(db, LiveGates(db, book, revision), counted)
    making, effects = Making(db, book, books, now), Effects(book, books, now)
    return GateService(db, now, admission, making, counted, BreakGlass(db, now), effects, book, books)
