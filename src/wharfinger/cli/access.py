"""``wharf access``: why somebody may, who may do what where, what should be looked at, and a good beginning."""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from wharfinger.access.moments import moment_of
from wharfinger.cli.output import AsJson, clean, moment, print_json, print_rows
from wharfinger.errors import RequestInvalid

access = App(name="access", help="Look at who may do what.")

ALLOWED, DENIED = 0, 1
SEVERITIES = ("high", "medium", "low", "note")
HEADINGS = ("account", "effect", "actions", "where", "role", "via", "tags", "networks", "until", "grant")


@access.command
def explain(
    who: Annotated[str, Parameter(help="An account, anonymous, or group:NAME for whoever is in it.")],
    action: Annotated[str, Parameter(help="pull, push, tag, delete, scan, approve, purge, audit or admin.")],
    where: Annotated[str, Parameter(help="REPOSITORY[:TAG|@DIGEST], or ** for the registry as a whole.")],
    *,
    from_: Annotated[str, Parameter(name="--from", help="From this address.")] = "",
    at: Annotated[str | None, Parameter(help="At this time: 2027-01-31, or 2027-01-31T18:00Z; else now.")] = None,
    policy: Annotated[Path | None, Parameter(help="Decide by this file or directory, without a server.")] = None,
    as_json: AsJson = False,
) -> int:
    """Say whether somebody may do something, by which grant, and what would change that.

    Exit status: 0 allowed, 1 denied, 2 no answer.
    """
    seconds = None if at is None else moment_of(at)
    if policy is not None:
        found = _explained_by_file(policy, who, action, where, from_, seconds)
    else:
        found = _explained_by_server(who, action, where, from_, seconds)
    if as_json:
        print_json(found)
    else:
        _print_explanation(found)
    return ALLOWED if found["allowed"] else DENIED


def _explained_by_server(who: str, action: str, where: str, address: str, at: float | None) -> Any:
    from wharfinger.cli.client import logged_in

    fields = {"who": who, "action": action, "where": where, "address": address}
    with logged_in() as client:
        return client.get("/access/explain", **fields, **({} if at is None else {"at": repr(at)}))


def _explained_by_file(file: Path, who: str, action: str, where: str, address: str, at: float | None) -> Any:
    import time

    from wharfinger.access import asking, explaining, offline
    from wharfinger.cli.policy_offline import in_force

    known, parsed = in_force(file)
    if missing := offline.group_missing(who, parsed.access):
        raise RequestInvalid(missing)
    subject = offline.subject(known, asking.subject(known, who))
    question = asking.question(action, where, address, time.time() if at is None else at)
    world = asking.world(known, tuple(parsed.access.groups or ()))
    found = explaining.explain(world, subject, question)
    return {
        "allowed": found.allowed,
        "grant": str(found.grant) if found.grant else None,
        "reason": found.reason,
        "near": [{"aspect": n.aspect, "grant": str(n.grant) if n.grant else None, "text": n.text} for n in found.near],
        "commands": list(found.commands),
    }


def _print_explanation(found: Mapping[str, Any]) -> None:
    print(f"{'allow' if found['allowed'] else 'deny'}: {clean(found['reason'])}")
    if found["near"]:
        print("What would change it:")
    for near in found["near"]:
        print(f"  {near['aspect']}: {clean(near['text'])}")
    if found["commands"]:
        print("The least that would allow it:")
    for command in found["commands"]:
        print(f"  {clean(command)}")


@access.command
def matrix(
    *,
    repo: Annotated[str | None, Parameter(help="Only in this repository, or in what is like PREFIX/**.")] = None,
    as_: Annotated[str | None, Parameter(name="--as", help="Only this account, or anonymous.")] = None,
    format: Annotated[Literal["table", "csv", "json"], Parameter(help="How it is printed.")] = "table",
) -> None:
    """Print who may do what where, groups expanded, with the grant behind each."""
    from wharfinger.cli.client import logged_in

    asked = {name: value for name, value in (("repo", repo), ("who", as_)) if value is not None}
    rows: list[dict[str, Any]] = []
    last: str | None = ""
    with logged_in() as client:
        while last is not None:
            page = client.get("/access/matrix", last=last, **asked)
            rows += page["rows"]
            last = page["next"]
    if format == "json":
        print_json(rows)
    elif format == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(HEADINGS)
        writer.writerows([_unspreadsheet(cell) for cell in _cells(row)] for row in rows)
    else:
        print_rows([heading.capitalize() for heading in HEADINGS], (_cells(row) for row in rows))


def _cells(row: Mapping[str, Any]) -> list[str]:
    shown = dict(row) | {"until": "" if row["until"] is None else moment(row["until"])}
    return [" ".join(shown[name]) if isinstance(shown[name], list) else str(shown[name]) for name in HEADINGS]


def _unspreadsheet(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


@access.command
def review(
    *,
    days: Annotated[int, Parameter(help="Judge by what was done in so many days.")] = 90,
    format: Annotated[Literal["table", "json", "sarif"], Parameter(help="How it is printed.")] = "table",
    fail_on: Annotated[
        Literal["high", "medium", "low", "note", "never"], Parameter(help="Exit with 1 for such a finding, or worse.")
    ] = "high",
) -> int:
    """Look for grants and secrets that nobody uses, roles wider than their use, and what nobody looks after.

    Each finding comes with the commands that put it right. Exit status: 1 when one is as bad as --fail-on, or
    worse; 2 when nobody could look.
    """
    from wharfinger.access import sarif
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/access/review", days=str(days))
    if format == "json":
        print_json(found)
    elif format == "sarif":
        print_json(sarif.document(found["findings"]))
    else:
        rows = (
            (f["severity"], f["rule"], f["subject"], f["reason"], " && ".join(f["commands"])) for f in found["findings"]
        )
        print_rows(("Severity", "Finding", "Of", "Reason", "To put it right"), rows)
    for note in found["notes"]:
        print(f"wharf: {clean(note)}", file=sys.stderr)
    bad = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on != "never" else ()
    return int(any(finding["severity"] in bad for finding in found["findings"]))


@access.command
def scaffold(
    *,
    team: Annotated[str, Parameter(help="The team; its repositories are below TEAM/.")],
    ci: Annotated[
        str | None,
        Parameter(help="What publishes: github:OWNER/REPO, gitlab:GROUP/PROJECT, kubernetes:NAMESPACE/ACCOUNT."),
    ] = None,
    repository_id: Annotated[
        str | None, Parameter(help="The number of the GitHub repository or GitLab project.")
    ] = None,
    issuer: Annotated[str | None, Parameter(help="The issuer's URL, where it is not the usual one.")] = None,
    audience: Annotated[str | None, Parameter(help="The registry's name, as tokens are made for it.")] = None,
    prod_tags: Annotated[list[str] | None, Parameter(help="What production may pull.")] = None,
    maintainer: Annotated[
        list[str] | None, Parameter(help="Who may delete; the first answers for the accounts.")
    ] = None,
    tests: Annotated[bool, Parameter(negative="", help="Print the tests.yaml that goes with it instead.")] = False,
) -> None:
    """Print the least-privilege pattern for a team as a policy file: review it, then plan and apply it.

    CI publishes below TEAM/ and nowhere else, staging pulls there, production pulls only its own tags, and one group of
    maintainers may delete.
    """
    from wharfinger.access import scaffold as scaffolding

    asked = scaffolding.Asked(
        team=team,
        ci=ci,
        repository_id=repository_id,
        issuer=issuer,
        audience=audience,
        prod_tags=tuple(prod_tags or ("prod-*",)),
        maintainers=tuple(maintainer or ()),
    )
    print(scaffolding.tests(asked) if tests else scaffolding.policy(asked), end="")
