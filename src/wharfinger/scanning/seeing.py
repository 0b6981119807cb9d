"""What is known of an image as whoever asks sees it: its verdict, with what excuses its findings now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from wharfinger.scanning import excusing, pushed
from wharfinger.scanning.books import Books, names_in
from wharfinger.scanning.pushed import Scanned
from wharfinger.scanning.vex.applying import Unmatched
from wharfinger.spec.names import Reference, RepoName

UNMATCHED_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """``report`` is the verdict's, excused; ``unmatched`` are statements about what it has that meet nothing."""

    scanned: Scanned
    report: Mapping[str, Any]
    unmatched: Sequence[Unmatched] = ()


def of(tx: Connection, books: Books, repository: RepoName, reference: Reference, now: float) -> list[Seen]:
    """What is known of an image, or of every image of an index. Raises NameUnknown or ManifestUnknown."""
    found = [(each, each.report) for each in pushed.of(tx, repository, reference)]
    names = {name for _, report in found for name in names_in(report.get("findings", ()))}
    book = books.load(tx, now, names)
    seen = []
    for each, report in found:
        if not report:
            seen.append(Seen(each, report))
            continue
        excuses = book.about(tx, repository, each.digest, report["findings"])
        told = excusing.excused_image(report, repository, each.digest, excuses, now)
        unmatched = excusing.unmatched([report], repository, excuses)[:UNMATCHED_AT_MOST] if excuses.statements else ()
        seen.append(Seen(each, told, unmatched))
    return seen
