"""Makes the rows that pulls read: in the transaction that changes what is known of an image, or where the image is."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.meta import gates as rows
from wharfinger.meta import jobs, repos, scanners, verdicts
from wharfinger.meta.db import Database
from wharfinger.meta.gates import Holder
from wharfinger.meta.jobs import Job
from wharfinger.meta.verdicts import Verdict
from wharfinger.registry.tag_changes import Where
from wharfinger.scanning import reports
from wharfinger.scanning.adapters import merging, severities
from wharfinger.scanning.adapters import reports as adapters
from wharfinger.scanning.adapters.protocol import Report
from wharfinger.scanning.admission.book import GateBook, Gates
from wharfinger.scanning.admission.deciding import row_of
from wharfinger.scanning.admission.rules import ALWAYS, Known, Outcome
from wharfinger.scanning.admission.standing import standing
from wharfinger.scanning.books import Book, Books
from wharfinger.scanning.excuses import Excuses
from wharfinger.scanning.excusing import excused
from wharfinger.scanning.findings import Severity
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import RepoName

KIND = "gates"
ALL = "all"
REPORTED = "reported"
"""Images on which scanners of others have reported: asked for when a database comes from a version that let them be."""
AT_ONCE = 50
PAGE = 500


class Making:
    """Rows for whoever has an image. Where there are no rules, there are no rows."""

    def __init__(self, db: Database, book: GateBook, books: Books, now: Callable[[], float]) -> None:
        self._db = db
        self._books = books
        self._book = book
        self._now = now

    def changed(self, tx: Connection, digests: Collection[Digest]) -> None:
        """What is known of these images has changed, in this transaction: their rows change in it, too.

        So does how severe is what others have found of them.
        """
        gates, others = self._book.held(tx), scanners.every(tx)
        if gates or others:
            rows.hold(tx, digests)
        if others:
            severities.renew(tx, sorted(digests))
        if gates:
            self._make(tx, gates, rows.holders(tx, digests))

    def on_push(self, tx: Connection, _by: Caller, where: Where, manifest: Manifest, now: float) -> None:
        """An image has come into a repository: if it is known already, so is how it stands there."""
        gates = self._book.held(tx)
        if gates.within(where.name) is not None:
            rows.hold(tx, [manifest.digest])
            self._make(tx, gates, [Holder(where.id, where.name, manifest.digest, now)])

    def ask(self, tx: Connection, now: float) -> None:
        """The rules have changed: let all rows be made again."""
        jobs.enqueue(tx, KIND, ALL, {}, now)

    def ask_about(self, tx: Connection, digests: Sequence[Digest], now: float) -> None:
        """What is known of so many images has changed that their rows are not made in this transaction."""
        for start in range(0, len(digests), AT_ONCE):
            some = digests[start : start + AT_ONCE]
            jobs.enqueue(tx, KIND, f"{len(some)} from {some[0]}", {"images": some}, now)

    async def make_again(self, job: Job) -> None:
        """Make the rows of the images that are named, or those that are by other rules. Safe to repeat."""
        if job.key == ALL:
            await self._make_outdated()
        elif job.key == REPORTED:
            await self._db.write(self._ask_about_reported)
        else:
            await self._db.write(self.changed, [Digest(each) for each in job.payload["images"]])

    def _ask_about_reported(self, tx: Connection) -> None:
        self.ask_about(tx, scanners.reported(tx), self._now())

    async def _make_outdated(self) -> None:
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
        now = self._now()
        book = self._books.load(tx, now) if known else Book((), {})
        told = told_by_others(tx, known)
        for image in images:
            rules, verdict = gates.within(image.repository), known.get(image.digest)
            if rules is None or verdict is None:
                rows.forget(tx, image.repository_id, image.digest)
                continue
            stands = standing(
                rules, verdict.status, counted_in(tx, book, image, verdict, told.get(image.digest, ()), now)
            )
            rows.put(tx, image, row_of(rules, stands), now)


Told = Sequence[tuple[str, Report]]
"""What scanners of others say of an image, by their names."""


def told_by_others(tx: Connection, digests: Iterable[Digest]) -> Mapping[str, Told]:
    """What they have reported on these images."""
    said = adapters.of(tx, sorted(digests))
    return {
        digest: [(each.scanner, each.report) for each in some if each.report is not None]
        for digest, some in said.items()
    }


def counted_in(tx: Connection, book: Book, image: Holder, verdict: Verdict, told: Told, now: float) -> list[Known]:
    """The findings of an image that count in its repository, each from when on: nothing excuses them for good."""
    report: Mapping[str, Any] | None = None
    if told:
        report = merging.merge(reports.report(tx, verdict), told)
    found = reports.findings(tx, verdict) if report is None else report["findings"]
    excuses = book.about(tx, image.repository, image.digest, found)
    if report is None and excuses.statements:
        report = reports.report(tx, verdict)
    return counting(found, excuses, image, report, now)


def counting(
    found: Sequence[Mapping[str, Any]], excuses: Excuses, image: Holder, report: Mapping[str, Any] | None, now: float
) -> list[Known]:
    """What nothing excuses for good: since always, or from when the exceptions for it have ended."""
    ends = sorted({each.until for each in excuses.exceptions if each.until > now})
    seen: dict[int, Known] = {}
    for at in (now, *ends):
        judged = excused(found, image.repository, image.digest, excuses, at, image=report)
        for number, each in enumerate(judged):
            if each["suppressed"] is None and number not in seen:
                seen[number] = known_of(each, ALWAYS if at == now else at)
    return list(seen.values())


def known_of(finding: Mapping[str, Any], counts_from: float) -> Known:
    """A finding as ``docs/scan.schema.json`` has it."""
    return Known(
        id=finding["id"],
        package=finding["package"],
        version=finding["version"],
        fixed=finding["fixed"],
        severity=Severity(finding["severity"]),
        known_exploited=finding["kev"],
        published=_moment(finding.get("published")),
        counts_from=counts_from,
        scanners=frozenset(finding.get("scanners", (merging.OURS,))),
    )


def _moment(day: str | None) -> float | None:
    """The beginning of a day, in seconds since the epoch."""
    return None if day is None else datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
