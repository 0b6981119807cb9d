"""``wharf gate``: whether an image may go on, in the words of whatever asks.

An image of our own registry is judged by that; whatever else there is, here, without a server.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wharfinger.cli import gate_served, gate_table, targets
from wharfinger.cli.gate_files import ExceptionsAt, Files, Repository, Vex
from wharfinger.cli.gate_served import Place
from wharfinger.cli.judged import KnownTarget
from wharfinger.cli.output import print_json
from wharfinger.cli.targets import AdvisoriesAt, PlainHttp, Platform
from wharfinger.config import values
from wharfinger.errors import RequestInvalid

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
WAIT = "60s"
STATUS = {"pass": 0, "fail": 1, "undecided": 2}

FailOn = Annotated[
    Level | None,
    Parameter(help="This severity fails, and what is worse. Of the registry's images, beside what its gate refuses."),
]
Server = Annotated[
    str | None,
    Parameter(help="The registry that judges; else the one you are logged in to. With what 'docker login' left here."),
]
Local = Annotated[
    bool, Parameter(negative="", help="Scan here, and ask no registry for its verdict; its gate is not asked either.")
]
Wait = Annotated[
    str | None, Parameter(help="How long to wait for the registry to judge what was just pushed; 60s, and 1h at most.")
]
FixedOnly = Annotated[bool, Parameter(negative="", help="Only what has a fixed version fails.")]
Grace = Annotated[
    str | None, Parameter(help="Fails only so long after its publication, like 14d. What has no date has no grace.")
]
Kev = Annotated[
    bool, Parameter(negative="", help="What is known to be exploited fails, however severe, fixed or recent.")
]
NotAssessed = Annotated[
    Choice | None, Parameter(help="What becomes of packages that nobody judges; undecided where it is left out.")
]
Partial = Annotated[
    Choice | None,
    Parameter(help="What becomes of an image that could not be read as a whole; undecided where it is left out."),
]
UnknownAs = Annotated[Level, Parameter(help="What a severity that nobody tells counts as.")]


def gate(
    target: KnownTarget,
    /,
    *,
    fail_on: FailOn = None,
    server: Server = None,
    local: Local = False,
    wait: Wait = None,
    advisories: AdvisoriesAt = None,
    fixed_only: FixedOnly = False,
    grace: Grace = None,
    kev: Kev = False,
    vex: Vex = None,
    exceptions: ExceptionsAt = None,
    repository: Repository = None,
    not_assessed: NotAssessed = None,
    partial: Partial = None,
    unknown_as: UnknownAs = "high",
    platform: Platform = None,
    output: Annotated[Format, Parameter(help="How the verdict is printed.")] = "table",
    plain_http: PlainHttp = None,
) -> int:
    """Decide whether an image may go on, and say of each finding which rule decided and what would change it.

    An image of the registry is judged by the registry: by its findings, exceptions, VEX statements and gate, and by
    --fail-on if that is said. Both must let it pass.

    Exit status: 0 it passes, 1 it fails, 2 it could not be decided.
    """
    at = _place(target, server, local)
    files = Files(vex or (), exceptions or (), repository)
    _require_sense(target, at is not None, fail_on, wait, advisories, files)
    terms, now = _terms(fail_on, fixed_only, grace, kev, not_assessed, partial), datetime.now(UTC)
    if at is not None:
        limit = gate_served.waiting(wait or WAIT)
        verdict = gate_served.verdict(at, terms, unknown_as, now, platform=platform, wait=limit)
    else:
        verdict = _scanned(target, advisories, files, terms, unknown_as, now, platform, plain_http)
    _print(verdict, output, now)
    return STATUS[verdict.decision.answer]


def _place(target: str, server: str | None, local: bool) -> Place | None:
    """The registry's image that is meant, if one is and it may be asked about."""
    if local and server is not None:
        raise RequestInvalid("--local scans here, and --server asks there: say one of them")
    return None if local else gate_served.place(target, server)


def _require_sense(
    target: str, is_served: bool, fail_on: str | None, wait: str | None, advisories: Path | None, files: Files
) -> None:
    """Raises RequestInvalid for options that would count for nothing: whoever gives them thinks that they do."""
    only_here = [*(["--advisories"] if advisories else []), *files.options]
    if is_served and only_here:
        raise RequestInvalid(
            f"{target} is judged by its registry, where {' and '.join(only_here)} would count for nothing:"
            " say --local to scan it here, or leave that out"
        )
    if not is_served and wait is not None:
        raise RequestInvalid("--wait is for the verdict of a registry, and nothing is asked of one here")
    if not is_served and fail_on is None:
        raise RequestInvalid("say --fail-on: no gate of a registry decides about what is scanned here")


def _terms(
    fail_on: str | None,
    fixed_only: bool,
    grace: str | None,
    kev: bool,
    not_assessed: Choice | None,
    partial: Choice | None,
) -> "Terms":
    """What is asked for. Raises RequestInvalid for terms that say nothing without the one that they go with."""
    from wharfinger.scanning.findings import Severity
    from wharfinger.scanning.gate import deciding

    if fail_on is not None:
        doubts = not_assessed or "undecided", partial or "undecided"
        return deciding.Terms(Severity(fail_on), fixed_only, _grace(grace), kev, *doubts)
    given = {
        "--fixed-only": fixed_only,
        "--grace": grace,
        "--kev": kev,
        "--not-assessed": not_assessed,
        "--partial": partial,
    }
    alone = [name for name, value in given.items() if value]
    if alone:
        raise RequestInvalid(f"{' and '.join(alone)} without --fail-on would count for nothing: say that too")
    return deciding.LEFT


def _scanned(
    target: str,
    advisories: Path | None,
    files: Files,
    terms: "Terms",
    unknown_as: Level,
    now: datetime,
    platform: str | None,
    plain_http: list[str] | None,
) -> "Verdict":
    """The verdict on what is scanned here."""
    from wharfinger.scanning.findings import Severity

    statements, counted = files.statements(), Severity(unknown_as)
    scan, opened = targets.scanned(
        target, advisories, today=now.date(), platform=platform, plain_http=plain_http, unknown_as=counted
    )
    place = opened if files.repository is None else replace(opened, repository=files.repository)
    return decided(files.excepted(scan, opened, now), statements, terms, counted, now, place)


def decided(
    scan: "Scan",
    statements: "Sequence[Statement]",
    terms: "Terms",
    unknown_as: "Severity",
    now: datetime,
    opened: "Opened",
) -> "Verdict":
    """The verdict on a scan that was made here, after the statements were laid over it."""
    from wharfinger.scanning.gate import deciding
    from wharfinger.scanning.gate.verdict import Verdict, here
    from wharfinger.scanning.vex import applying

    applied = applying.apply(scan.images, statements, repository=opened.repository, roots=opened.roots)
    decision = deciding.decide(applied.images, terms, unknown_as, now.date())
    judged = replace(scan, images=applied.images)
    return Verdict(judged, decision, here(judged, now), applied.unmatched)


def _grace(text: str | None) -> timedelta | None:
    try:
        return None if text is None else values.duration(text)
    except ValueError as error:
        raise RequestInvalid(f"--grace {text!r}: {str(error) or f'want {values.DURATION.wanted}'}") from error


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
