"""``wharf fsck``: whether database and store agree, and a new database when the old one is lost."""

import asyncio
from typing import Annotated, Any

from cyclopts import Parameter

from wharfinger.cli.config import ConfigFile, DataFolder
from wharfinger.cli.output import AsJson, print_json
from wharfinger.errors import Refusal

Flag = Parameter(negative="")

NoHash = Annotated[bool, Parameter(name="--no-hash", negative="", help="Do not read the contents of blobs.")]
Budget = Annotated[str | None, Parameter(help="Read at most so much a second: 50MiB.")]
Again = Annotated[bool, Flag, Parameter(help="Read from the first blob, not from where the last run was ended.")]
Repair = Annotated[bool, Flag, Parameter(help="Mend what can be mended, and replace bad bytes by good ones.")]
From = Annotated[
    list[str] | None,
    Parameter(name="--from", negative="", help="Where good bytes may be: a copy of the blobs' folder, or a registry."),
]
Username = Annotated[str | None, Parameter(help="Who one is at that registry; the password is read from stdin.")]
Quarantine = Annotated[bool, Flag, Parameter(help="Put bytes aside that nobody knows of.")]
MinAge = Annotated[str, Parameter(help="How old such bytes must be.")]
PutBack = Annotated[bool, Flag, Parameter(help="Put everything back first that was put aside.")]
ThrowAway = Annotated[str | None, Parameter(help="Delete what was put aside longer ago than this: 30d.")]
RebuildFlag = Annotated[
    bool, Parameter(name="--rebuild", negative="", help="Fill an empty database from the journal beside the blobs.")
]


def fsck(
    *,
    config: ConfigFile = None,
    data: DataFolder = None,
    no_hash: NoHash = False,
    budget: Budget = None,
    again: Again = False,
    repair: Repair = False,
    sources: From = None,
    username: Username = None,
    quarantine: Quarantine = False,
    min_age: MinAge = "1d",
    put_back: PutBack = False,
    throw_away_after: ThrowAway = None,
    rebuild: RebuildFlag = False,
    as_json: AsJson = False,
) -> int:
    """Compare database and store both ways and verify every content; exit 1 if something is wrong and stays so.

    It reads both itself, with the settings of the server, which may be running or not. Without --repair, --quarantine,
    --put-back and --throw-away-after nothing is changed. Interrupted, it goes on reading where it was.
    """
    from wharfinger.cli import checking
    from wharfinger.cli.config import loaded
    from wharfinger.config import values

    settings = loaded(config, {"data": data}).settings
    shown = checking.progress(quiet=as_json)
    if rebuild:
        made = asyncio.run(checking.rebuild(settings, shown))
        return _tell(checking.rebuilt_fields(made), list(checking.rebuilt_lines(made)), as_json, bad=False)
    rate = _parsed(values.size, budget, float("inf"))
    oldest, until = _parsed(values.duration, min_age, 0.0), _parsed(values.duration, throw_away_after, None)
    wanted = checking.wanted(not no_hash, rate, repair, quarantine, oldest, put_back, until, again)
    report = asyncio.run(checking.check(settings, wanted, checking.sources(sources or [], username), shown))
    return _tell(report.fields(), list(checking.lines(report)), as_json, bad=report.left > 0)


def _tell(fields: dict[str, Any], lines: list[str], as_json: bool, *, bad: bool) -> int:
    if as_json:
        print_json(fields)
    else:
        print("\n".join(lines))
    return 1 if bad else 0


def _parsed(parse: Any, text: str | None, otherwise: Any) -> Any:
    if text is None:
        return otherwise
    try:
        value = parse(text)
    except ValueError as error:
        raise Refusal(
            f"{text!r}: {str(error) or 'want a size such as 50MiB, or a length of time such as 30d'}"
        ) from error
    return value.total_seconds() if hasattr(value, "total_seconds") else value
