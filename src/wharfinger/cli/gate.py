"""``wharf gate``: whether an image may go on, in the words of whatever asks. No server is needed."""

import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wharfinger.cli import gate_table, targets
from wharfinger.cli.output import print_json
from wharfinger.cli.targets import AdvisoriesAt, PlainHttp, Platform, Target
from wharfinger.config import values
from wharfinger.errors import Refusal, RequestInvalid

if TYPE_CHECKING:
    from wharfinger.scanning.findings import Severity
    from wharfinger.scanning.gate.deciding import Terms
    from wharfinger.scanning.gate.verdict import Verdict
    from wharfinger.scanning.scans import Scan
    from wharfinger.scanning.targets.opening import Opened
    from wharfinger.scanning.vex.statements import Statement

Level = Literal["critical", "high", "medium", "low", "none"]
Choice = Literal["pass", "fail", "undecided"]
Format = Literal["table", "json", "sarif", "junit", "gitlab", "markdown"]
STATUS = {"pass": 0, "fail": 1, "undecided": 2}

FailOn = Annotated[Level, Parameter(help="This severity fails, and what is worse.")]
FixedOnly = Annotated[bool, Parameter(negative="", help="Only what has a fixed version fails.")]
Grace = Annotated[
    str | None, Parameter(help="Fails only so long after its publication, like 14d. What has no date has no grace.")
]
Kev = Annotated[
    bool, Parameter(negative="", help="What is known to be exploited fails, however severe, fixed or recent.")
]
Vex = Annotated[list[Path] | None, Parameter(negative="", help="OpenVEX, CSAF or CycloneDX statements.")]
ExceptionsAt = Annotated[
    list[Path] | None, Parameter(negative="", help="Exceptions as wharf exception list --json prints them; also YAML.")
]
Repository = Annotated[
    str | None, Parameter(help="The repository that it is going to, where it is in none: exceptions are about those.")
]
NotAssessed = Annotated[Choice, Parameter(help="What becomes of packages that nobody judges.")]
Partial = Annotated[Choice, Parameter(help="What becomes of an image that could not be read as a whole.")]
UnknownAs = Annotated[Level, Parameter(help="What a severity that nobody tells counts as.")]


def gate(
    target: Target,
    /,
    *,
    fail_on: FailOn,
    advisories: AdvisoriesAt = None,
    fixed_only: FixedOnly = False,
    grace: Grace = None,
    kev: Kev = False,
    vex: Vex = None,
    exceptions: ExceptionsAt = None,
    repository: Repository = None,
    not_assessed: NotAssessed = "undecided",
    partial: Partial = "undecided",
    unknown_as: UnknownAs = "high",
    platform: Platform = None,
    output: Annotated[Format, Parameter(help="How the verdict is printed.")] = "table",
    plain_http: PlainHttp = None,
) -> int:
    """Decide whether an image may go on, and say of each finding which rule decided and what would change it.

    Exit status: 0 it passes, 1 it fails, 2 it could not be decided.
    """
    from wharfinger.scanning.findings import Severity
    from wharfinger.scanning.gate.deciding import Terms

    terms = Terms(Severity(fail_on), fixed_only, _grace(grace), kev, not_assessed, partial)
    statements = [statement for path in vex or () for statement in statements_of(path)]
    now, counted = datetime.now(UTC), Severity(unknown_as)
    scan, opened = targets.scanned(
        target, advisories, today=now.date(), platform=platform, plain_http=plain_http, unknown_as=counted
    )
    if exceptions:
        scan = _excepted(scan, exceptions, repository or opened.repository, opened.roots, now)
    verdict = decided(scan, statements, terms, counted, now.date(), opened)
    _print(verdict, output, now)
    return STATUS[verdict.decision.answer]


def decided(
    scan: "Scan",
    statements: "Sequence[Statement]",
    terms: "Terms",
    unknown_as: "Severity",
    today: date,
    opened: "Opened",
) -> "Verdict":
    """The verdict on a scan, after the statements were laid over it."""
    from wharfinger.scanning.gate import deciding
    from wharfinger.scanning.gate.verdict import Verdict
    from wharfinger.scanning.vex import applying

    applied = applying.apply(scan.images, statements, repository=opened.repository, roots=opened.roots)
    decision = deciding.decide(applied.images, terms, unknown_as, today)
    return Verdict(replace(scan, images=applied.images), decision, applied.unmatched)


def _excepted(scan: "Scan", paths: Sequence[Path], repository: str, roots: Collection[str], now: datetime) -> "Scan":
    """The scan, with what the exceptions of these files excuse in this repository."""
    from wharfinger.scanning import excusing
    from wharfinger.scanning.excuses import Excuses
    from wharfinger.scanning.gate import exceptions_file

    if not repository:
        raise RequestInvalid("exceptions are about repositories: say with --repository which one the image is going to")
    found = [
        each for path in paths for each in exceptions_file.parse(_bytes(path, exceptions_file.BYTES_AT_MOST), str(path))
    ]
    excuses = Excuses(tuple(found), roots=frozenset(roots))
    images = [excusing.excepted(each, repository, excuses, now.timestamp()) for each in scan.images]
    return replace(scan, images=images)


def _grace(text: str | None) -> timedelta | None:
    try:
        return None if text is None else values.duration(text)
    except ValueError as error:
        raise RequestInvalid(f"--grace {text!r}: {str(error) or f'want {values.DURATION.wanted}'}") from error


def statements_of(path: Path) -> "Sequence[Statement]":
    """The VEX statements of a file. Raises Refusal."""
    from wharfinger.scanning.vex import reading

    return reading.parse(_bytes(path, reading.BYTES_AT_MOST), str(path))


def _bytes(path: Path, most: int) -> bytes:
    """The file, or one byte more of it than is read."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise Refusal(f"{path}: cannot read it: {error.strerror}") from error


def _print(verdict: "Verdict", output: Format, now: datetime) -> None:
    from wharfinger.scanning.gate import document, gitlab, junit, markdown, sarif

    match output:
        case "table":
            gate_table.show(verdict)
        case "json":
            sys.stdout.write(document.text(verdict))
        case "sarif":
            print_json(sarif.document(verdict))
        case "junit":
            sys.stdout.write(junit.text(verdict))
        case "gitlab":
            print_json(gitlab.document(verdict, now))
        case "markdown":
            sys.stdout.write(markdown.text(verdict))
