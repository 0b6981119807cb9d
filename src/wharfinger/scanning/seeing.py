"""What is known of an image as whoever asks sees it: its verdict, with what excuses its findings now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import first_known, vex
from wharfinger.scanning import attached, excusing, pushed
from wharfinger.scanning.adapters import merging, reports
from wharfinger.scanning.adapters.reports import Said
from wharfinger.scanning.attached import Beside
from wharfinger.scanning.books import Book, Books, names_in
from wharfinger.scanning.findings import instant
from wharfinger.scanning.pushed import Scanned
from wharfinger.scanning.vex.applying import Unmatched
from wharfinger.spec.names import Reference, RepoName

UNMATCHED_AT_MOST = 100
BESIDE_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """``report`` is what we and other scanners say, excused, each finding with ``known_since``.

    ``said`` is what those said, each by itself.

    ``unmatched`` are statements about vulnerabilities that it has which meet nothing; ``beside`` are VEX documents that
    were pushed beside it, also those that do not count.
    """

    scanned: Scanned
    report: Mapping[str, Any]
    said: Sequence[Said] = ()
    unmatched: Sequence[Unmatched] = ()
    beside: Sequence[Beside] = ()


def of(tx: Connection, books: Books, repository: RepoName, reference: Reference, now: float) -> list[Seen]:
    """What is known of an image, or of every image of an index. Raises NameUnknown or ManifestUnknown."""
    scanned = pushed.of(tx, repository, reference)
    said = reports.of(tx, [each.digest for each in scanned])
    found = [_dated(tx, _merged(each, said.get(each.digest, ()))) for each in scanned]
    book = books.load(tx, now, {name for each in found for name in names_in(each.report.get("findings", ()))})
    return [_excused(tx, each, book, repository, now) if each.report else each for each in found]


def _merged(scanned: Scanned, said: Sequence[Said]) -> Seen:
    if not scanned.report:
        return Seen(scanned, {}, said)
    told = [(each.scanner, each.report) for each in said if each.report is not None]
    return Seen(scanned, merging.merge(scanned.report, told), said)


def _dated(tx: Connection, seen: Seen) -> Seen:
    """With since when each finding is known here; None of what others alone have found."""
    verdict = seen.scanned.verdict
    if verdict is None or not seen.report:
        return seen
    known = first_known.of_image(tx, verdict.image)
    findings = [{**each, "known_since": _since(known, each)} for each in seen.report["findings"]]
    return replace(seen, report={**seen.report, "findings": findings})


def _since(known: Mapping[tuple[str, str], datetime], finding: Mapping[str, Any]) -> str | None:
    since = first_known.earliest(known, finding["purl"], (finding["id"], *finding["aliases"]))
    return None if since is None else instant(since)


def _excused(tx: Connection, seen: Seen, book: Book, repository: RepoName, now: float) -> Seen:
    report, digest = seen.report, seen.scanned.digest
    excuses = book.about(tx, repository, digest, report["findings"])
    told = excusing.excused_image(report, repository, digest, excuses, now)
    unmatched = excusing.unmatched([report], repository, excuses)[:UNMATCHED_AT_MOST] if excuses.statements else ()
    subjects = [digest, *vex.indexes_of(tx, repository, digest)]
    beside = attached.beside(tx, book.trust, repository, subjects)[:BESIDE_AT_MOST]
    return replace(seen, report=told, unmatched=unmatched, beside=beside)
