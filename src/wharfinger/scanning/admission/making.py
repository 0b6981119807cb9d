"""Makes the rows that pulls read: in the transaction that changes what is known of an image, or where the image is."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import gates as rows
from wharfinger.meta import jobs, repos, verdicts
from wharfinger.meta.db import Database
from wharfinger.meta.gates import Holder
from wharfinger.meta.jobs import Job
from wharfinger.scanning import reports
from wharfinger.scanning.admission.book import GateBook, Gates
from wharfinger.scanning.admission.deciding import row_of
from wharfinger.scanning.admission.rules import Known, Outcome
from wharfinger.scanning.admission.standing import standing
from wharfinger.scanning.findings import Severity
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import RepoName

KIND = "gates"
ALL = "all"
AT_ONCE = 50
PAGE = 500


class Making:
    """Rows for whoever has an image. Where there are no rules, there are no rows."""

    def __init__(self, db: Database, book: GateBook, now: Callable[[], float]) -> None:
        self._db = db
        self._book = book
        self._now = now

    def changed(self, tx: Connection, digests: Collection[Digest]) -> None:
        """What is known of these images has changed, in this transaction: their rows change in it, too."""
        gates = self._book.held(tx)
        if gates:
            rows.hold(tx, digests)
            self._make(tx, gates, rows.holders(tx, digests))

    def on_push(self, tx: Connection, repository: RepoName, manifest: Manifest, now: float) -> None:
        """An image has come into a repository: if it is known already, so is how it stands there."""
        gates = self._book.held(tx)
        if gates.within(repository) is not None:
            rows.hold(tx, [manifest.digest])
            self._make(tx, gates, [Holder(repos.require(tx, repository), repository, manifest.digest, now)])

    def ask(self, tx: Connection, now: float) -> None:
        """The rules have changed: let all rows be made again."""
        jobs.enqueue(tx, KIND, ALL, {}, now)

    async def make_again(self, _job: Job) -> None:
        """Make the rows that are by other rules than those in force, repository by repository. Safe to repeat."""
        last = ""
        while page := await self._db.read(repos.page, last, PAGE):
            for repository in page:
                await self._db.write(self._begin, repository)
                while await self._db.write(self._some, repository):
                    pass
            last = page[-1]

    def _begin(self, tx: Connection, repository: RepoName) -> None:
        rules, repository_id = self._book.held(tx).within(repository), repos.require(tx, repository)
        if rules is None:
            rows.uncover(tx, repository_id)
        elif rules.placed("unscanned").outcome is Outcome.BLOCK:
            rows.grandfather_unjudged(tx, repository_id, self._now())

    def _some(self, tx: Connection, repository: RepoName) -> int:
        """Some rows of a repository; how many, 0 when there is nothing to do."""
        gates = self._book.held(tx)
        rules = gates.within(repository)
        if rules is None:
            return 0
        repository_id = repos.require(tx, repository)
        images = rows.outdated(tx, repository_id, rules.id, AT_ONCE)
        rows.hold(tx, [each.digest for each in images])  # what is known of them is read after this
        self._make(tx, gates, images)
        return len(images)

    def _make(self, tx: Connection, gates: Gates, images: Sequence[Holder]) -> None:
        known = verdicts.find(tx, sorted({each.digest for each in images}))
        for image in images:
            rules, verdict = gates.within(image.repository), known.get(image.digest)
            if rules is None or verdict is None:
                rows.forget(tx, image.repository_id, image.digest)
                continue
            stands = standing(rules, verdict.status, known_of(reports.findings(tx, verdict)))
            rows.put(tx, image, row_of(rules, stands), self._now())


def known_of(findings: Iterable[Mapping[str, Any]]) -> list[Known]:
    """Findings as ``docs/scan.schema.json`` has them, those that nothing suppresses."""
    return [
        Known(
            id=each["id"],
            package=each["package"],
            version=each["version"],
            fixed=each["fixed"],
            severity=Severity(each["severity"]),
            known_exploited=each["kev"],
            published=_moment(each.get("published")),
        )
        for each in findings
        if each["suppressed"] is None
    ]


def _moment(day: str | None) -> float | None:
    """The beginning of a day, in seconds since the epoch."""
    return None if day is None else datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
