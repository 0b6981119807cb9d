"""``wharf diff``: what differs between two images. No server is needed."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wharfinger.cli import findings, judged
from wharfinger.cli.judged import ElseAdvisories, KnownTarget
from wharfinger.cli.output import clean
from wharfinger.cli.output import print_rows as plain_rows
from wharfinger.cli.targets import PlainHttp, Platform

if TYPE_CHECKING:
    from wharfinger.scanning.answers.comparing import Comparison, Differences

Format = Literal["table", "json", "markdown"]
HEADINGS = ("Severity", "Change", "What", "Package", "Before", "After", "Layer", "Note")
WORDS = {"gained": "adds", "lost": "fixes"}


def diff(
    before: KnownTarget,
    after: KnownTarget,
    /,
    *,
    advisories: ElseAdvisories = None,
    platform: Platform = None,
    output: Annotated[Format, Parameter(help="How differences are printed.")] = "table",
    plain_http: PlainHttp = None,
) -> int:
    """Say which packages and vulnerabilities a second image has more, less or in another version, and by which layer.

    Images are paired by platform. Exit status: 0 they were compared, whatever differs; 2 they could not be.
    """
    from wharfinger.scanning.answers import comparing, differences

    first, second = (
        judged.known(each, advisories, platform=platform, plain_http=plain_http) for each in (before, after)
    )
    found = comparing.compare(first, second)
    match output:
        case "json":
            sys.stdout.write(differences.text(found))
        case "markdown":
            sys.stdout.write(differences.markdown(found))
        case "table":
            _show(found)
    return 0


def _show(found: "Differences") -> None:
    """On a terminal a table for each platform; elsewhere a line for each difference, and the rest as errors go."""
    terminal = sys.stdout.isatty()
    for pair in found.pairs:
        rows = list(_rows(pair))
        if terminal:
            print(clean(f"{pair.platform}: {pair.summary}"))
            if rows:
                findings.print_coloured(HEADINGS, rows)
        else:
            plain_rows(HEADINGS, ((pair.platform, *row) for row in rows))
    for line in (*found.notes, *_states(found), f"{found.after.target} {found.summary}"):
        print(clean(line), file=sys.stdout if terminal else sys.stderr)


def _rows(pair: "Comparison") -> Iterator[tuple[str, ...]]:
    from wharfinger.scanning.answers.differences import said, short

    for each in pair.findings:
        finding = each.finding
        id = f"{finding.id} (exploited)" if finding.kev else finding.id
        versions = (", ".join(each.before), ", ".join(each.after))
        place = ", ".join(map(short, each.layers))
        yield finding.severity.value, WORDS[each.kind], id, finding.package, *versions, place, said(each)
    for change in pair.packages:
        versions = (change.before or "", change.after or "")
        yield "", change.kind, change.type, change.name, *versions, short(change.layer), ""


def _states(found: "Differences") -> Iterator[str]:
    """What is not known of either image, which an empty list of differences would hide."""
    for pair in found.pairs:
        for name, image in ((found.before.target, pair.before), (found.after.target, pair.after)):
            if image.status != "complete":
                yield f"{name} {pair.platform}: {image.status}"
