"""``wharf pin``: which images files name that can change under them, and their digests instead."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from wharfinger.cli import pin_asking
from wharfinger.cli.output import clean, print_json, print_rows
from wharfinger.errors import Refusal
from wharfinger.spec.digest import Digest
from wharfinger.tagging.pinning import editing, files, finding, judging, sarif
from wharfinger.tagging.pinning.files import Source
from wharfinger.tagging.pinning.found import Found, Lines
from wharfinger.tagging.pinning.judging import Immutable
from wharfinger.tagging.pinning.resolving import Resolver
from wharfinger.tagging.pinning.sarif import Problem

Exclude = Annotated[
    list[str] | None, Parameter(negative="", help="Leave these out: old.yaml, templates, charts/*/test.")
]


@dataclass(slots=True)
class _Row:
    """One reference, or one file that cannot be read."""

    file: str
    rule: str
    reason: str
    shown: str = ""
    line: int = 1
    column: int = 1
    width: int = 0
    pinned: str = ""

    @property
    def is_bad(self) -> bool:
        return self.rule not in judging.GOOD and not self.pinned

    def fields(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "reference": self.shown,
            "rule": self.rule,
            "reason": self.reason,
            "pinned": self.pinned or None,
        }


@dataclass(slots=True)
class _Work:
    """What is to be done with every file."""

    immutable: Immutable
    resolver: Resolver | None
    update: bool
    drop_tag: bool
    rows: list[_Row] = field(default_factory=list)


def pin(
    paths: Annotated[list[Path], Parameter(help="Files, or folders that are looked through.", negative="")],
    /,
    *,
    check: Annotated[bool, Parameter(negative="", help="For CI: exit with 1 where something is not pinned.")] = False,
    write: Annotated[bool, Parameter(negative="", help="Pin what is not pinned, in the files themselves.")] = False,
    update: Annotated[
        bool, Parameter(negative="", help="With --write: where a tag stands beside the digest, ask for it again.")
    ] = False,
    drop_tag: Annotated[
        bool, Parameter(negative="", help="With --write: write NAME@DIGEST, without the tag for people to read.")
    ] = False,
    exclude: Exclude = None,
    plain_http: Annotated[
        list[str] | None,
        Parameter(negative="", help="Ask this HOST or HOST:PORT without TLS, and show it no password."),
    ] = None,
    format: Annotated[Literal["table", "json", "sarif"], Parameter(help="How it is printed.")] = "table",
) -> int:
    """Find image references in Kubernetes, Compose, CI files and Dockerfiles; say which can change; pin them.

    Without --write nothing is changed, and only the registry logged in to is asked, for its rules. Comments and layout
    stay as they are. Exit status: 0 all pinned, or written; 1 with --check for what is not pinned, with --write for
    what could not be, and whenever a file cannot be read.

    wharf pin --write k8s docker-compose.yml Dockerfile
    """
    if check and write:
        raise Refusal("--check changes nothing: use it, or --write, not both")
    if (update or drop_tag) and not write:
        raise Refusal("--update and --drop-tag go with --write")
    sources = list(files.listed(paths, exclude or ()))
    with pin_asking.asked(frozenset(plain_http or ()), write=write) as (immutable, resolver):
        work = _Work(immutable, resolver, update, drop_tag)
        for path in sources:
            _file(path, work)
    _print(work.rows, format, bad_only=check)
    fatal = [row for row in work.rows if row.is_bad and (check or write or row.rule == "unreadable")]
    return int(bool(fatal))


def _file(path: Path, work: _Work) -> None:
    try:
        source = files.read(path)
        found = finding.find(path.absolute().as_posix(), source.text).found
    except Refusal as refusal:
        work.rows.append(_Row(path.as_posix(), "unreadable", refusal.message))
        return
    lines = Lines(source.text)
    rows = {each: _row(path, each, lines, work.immutable) for each in found}
    work.rows += rows.values()
    if work.resolver is not None:
        _write(source, rows, work)


def _row(path: Path, found: Found, lines: Lines, immutable: Immutable) -> _Row:
    verdict = judging.verdict(found, immutable)
    line, column = lines.place(found.start)
    return _Row(path.as_posix(), verdict.rule, verdict.reason, found.shown, line, column, found.end - found.start)


def _write(source: Source, rows: dict[Found, _Row], work: _Work) -> None:
    chosen: dict[Found, Digest] = {}
    for found, row in rows.items():
        if _is_wanted(found, row, update=work.update):
            digest = _resolved(found, row, work)
            if digest is not None:
                chosen[found] = digest
    changed = {found: digest for found, digest in chosen.items() if not _is_so_already(found, digest)}
    if not changed:
        return
    try:
        files.replace(
            source, editing.pinned(source.path.absolute().as_posix(), source.text, changed, drop_tag=work.drop_tag)
        )
    except Refusal as refusal:
        for found in changed:
            rows[found].rule, rows[found].reason = "not-written", refusal.message
        return
    for found, digest in changed.items():
        assert found.reference is not None
        rows[found].pinned = str(found.means(digest, drop_tag=work.drop_tag))


def _is_wanted(found: Found, row: _Row, *, update: bool) -> bool:
    if found.slot is None or found.reference is None:
        return False
    return row.is_bad or (update and row.rule == "pinned" and found.reference.tag is not None)


def _resolved(found: Found, row: _Row, work: _Work) -> Digest | None:
    assert found.reference is not None
    assert work.resolver is not None
    try:
        return work.resolver.digest(found.reference)
    except Refusal as refusal:
        row.rule, row.reason = "unresolved", refusal.message
        return None


def _is_so_already(found: Found, digest: Digest) -> bool:
    return found.reference is not None and found.reference.digest == digest


def _print(rows: list[_Row], format: str, *, bad_only: bool) -> None:
    if format == "json":
        print_json([row.fields() for row in rows])
    elif format == "sarif":
        problems = [
            Problem(row.file, row.rule, row.reason, row.shown, row.line, row.column, row.width)
            for row in rows
            if row.is_bad
        ]
        print_json(sarif.document(problems))
    else:
        shown = [row for row in rows if row.is_bad or not bad_only]
        told = ((_place(row), row.shown, row.reason, row.pinned) for row in shown)
        print_rows(("Where", "Reference", "What is wrong" if bad_only else "State", "Pinned to"), told)
        if bad_only and shown:
            print(f"wharf: {clean(_summary(shown))}", file=sys.stderr)


def _place(row: _Row) -> str:
    return f"{row.file}:{row.line}:{row.column}"


def _summary(bad: list[_Row]) -> str:
    return f"{len(bad)} not pinned: 'wharf pin --write' pins what can be pinned"
