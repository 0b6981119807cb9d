"""Findings for people: a table with colours on a terminal, and lines of tabs elsewhere."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from wharfinger.cli.output import clean
from wharfinger.cli.output import print_rows as plain_rows

if TYPE_CHECKING:
    from wharfinger.scanning.findings import Finding
    from wharfinger.scanning.scans import ImageScan, Scan

COLOURS = {  # in the order in which they are shown
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "unknown": "magenta",
    "none": "dim",
}
HEADINGS = ("Severity", "Vulnerability", "Package", "Version", "Fixed in", "Where")
WORDS = {
    "affected": "no fix known",
    "wont-fix": "will not be fixed",
    "deferred": "later",
    "under-investigation": "looked into",
}
PLACES_AT_MOST = 3


def show(scan: "Scan") -> None:
    """What was found, image by image; what is not known is told beside it and never left out."""
    terminal = sys.stdout.isatty()
    for image in scan.images:
        for line in summary(image):
            print(line, file=sys.stdout if terminal else sys.stderr)
        rows = worst_first(_row(image, number) for number in range(len(image.findings)))
        if terminal:
            if rows:
                print_coloured(HEADINGS, _once(rows))
            print()
        else:
            plain_rows(HEADINGS, ((image.platform, *row) for row in rows))


def worst_first(rows: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Rows that begin with a severity, as a person reads them; what counts the same stays in its order."""
    order = list(COLOURS)
    return sorted(rows, key=lambda row: order.index(row[0]))


def summary(image: "ImageScan") -> Iterable[str]:
    """What an image is, how many findings it has, and what of it could not be judged."""
    catalogue, matched = image.catalogue, image.matched
    name = " ".join(filter(None, (image.platform, image.digest[:19])))
    system = catalogue.distribution
    parts = [f"{system.id} {system.version}".strip()] if system is not None else []
    parts += [count(len(catalogue.packages), "package"), count(len(matched.findings), "finding") + _counts(image)]
    if catalogue.nothing_to_scan:
        parts = ["nothing to scan: it has no file system"]
    yield clean(f"{name}: {', '.join(parts)}; {image.status}")
    if matched.end_of_life is not None:
        yield clean(f"  supported until {matched.end_of_life}")
    for each in matched.not_assessed:
        yield clean(f"  not assessed: {each.packages} of {each.ecosystem}: {each.reason}")
    for problem in catalogue.problems:
        yield clean(f"  not read: {problem.path or problem.layer}: {problem.reason}")


def count(number: int, what: str) -> str:
    """``1 package``, ``2 packages``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _counts(image: "ImageScan") -> str:
    counts = Counter(finding.severity.value for finding in image.findings)
    return f" ({', '.join(f'{counts[level]} {level}' for level in COLOURS if counts[level])})" if counts else ""


def _row(image: "ImageScan", number: int) -> tuple[str, ...]:
    finding = image.findings[number]
    id = finding.id if finding.kev is None else f"{finding.id} (exploited)"
    fixed = finding.fixed or WORDS.get(finding.state, finding.state)
    return (finding.severity.value, id, finding.package, finding.version, fixed, _where(image, finding))


def _once(rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The rows, where a package is told once and not again for each of its vulnerabilities in a row."""
    last = ""
    for row in rows:
        yield (*row[:-1], "" if row[-1] == last else row[-1])
        last = row[-1]


def _where(image: "ImageScan", finding: "Finding") -> str:
    """Files of language packages; the binary packages that were built from a distribution's source."""
    purls = {finding.purl, *finding.purls}
    found: set[str] = set()
    for each in image.catalogue.packages:
        if each.purl in purls:
            found |= {each.name} if each.source is not None else set(each.paths)
    more = f" and {len(found) - PLACES_AT_MOST} more" if len(found) > PLACES_AT_MOST else ""
    return f"{', '.join(sorted(found)[:PLACES_AT_MOST])}{more}"


def print_coloured(headings: Sequence[str], rows: Iterable[Sequence[str]], *, styles: dict[str, str] = COLOURS) -> None:
    """A table on a terminal whose first cell has the colour of its word."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for first, *rest in rows:
        table.add_row(Text(clean(first), style=styles.get(first, "")), *(Text(clean(cell)) for cell in rest))
    Console(highlight=False, markup=False, soft_wrap=False, width=_width()).print(table)


def _width() -> int:
    """The terminal's, but never so narrow that the table cannot be read."""
    from shutil import get_terminal_size

    return max(get_terminal_size().columns, 100)
