"""``wharf exception``: what scanning finds and need not hold anybody up, until a day, by the word of two people."""

import sys
import time
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from wharfinger.cli.ends import ends_at
from wharfinger.cli.output import AsJson, moment, print_json, print_rows
from wharfinger.config import values
from wharfinger.errors import RequestInvalid

WEEK = 7 * 86_400

exception = App(name="exception", help="Exceptions from what scanning finds: asked for by one, approved by another.")

Number = Annotated[int, Parameter(help="The number of the exception, as wharf exception list shows it.")]
Because = Annotated[str, Parameter(help="Why; whoever reads the audit trail is told.")]
State = Literal["requested", "approved", "refused", "withdrawn", "expired"]


@exception.command
def request(
    vulnerability: Annotated[str, Parameter(help="Its id, by whichever name: CVE-2026-1000, GHSA-jfh8-c2jp-5v3q.")],
    *,
    package: Annotated[
        str, Parameter(help="A name or a package URL, also in a range: 'openssl@>=3.0,<3.0.5'; '*' is every package.")
    ],
    repository: Annotated[
        list[str], Parameter(negative="", help="Where: a repository or a glob such as 'shop/**'. May be repeated.")
    ],
    until: Annotated[str, Parameter(help="When it ends: a day, a time, or a duration such as 30d.")],
    reason: Annotated[str, Parameter(help="Why it may be excused.")],
    owner: Annotated[str, Parameter(help="Who sees to it; whoever asks, where it is left out.")] = "",
    ticket: Annotated[str, Parameter(help="Where the work on it is followed.")] = "",
    digest: Annotated[str | None, Parameter(help="Of this image, or the images of this index, alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask for an exception. It counts when somebody else has approved it, and not after its end."""
    from wharfinger.cli.client import logged_in

    asked = {
        "vulnerability": vulnerability,
        "package": package,
        "repositories": repository[0] if len(repository) == 1 else repository,
        "digest": digest,
        "reason": reason,
        "owner": owner,
        "ticket": ticket,
        "expires_at": ends_at(until),
    }
    with logged_in() as client:
        made = client.post("/exceptions", asked)
    if as_json:
        print_json(made)
    else:
        print(f"Exception {made['id']} is asked for; somebody else approves it: wharf exception approve {made['id']}")


@exception.command
def approve(number: Number, *, because: Because = "") -> None:
    """Let an exception that somebody else asked for count until its end."""
    made = _decided("approve", number, because)
    print(f"Approved exception {number}: {made['vulnerability']} is excused until {moment(made['expires_at'])}.")


@exception.command
def refuse(number: Number, *, because: Because) -> None:
    """Refuse an exception that somebody else asked for."""
    _decided("refuse", number, because)
    print(f"Refused exception {number}.")


@exception.command
def withdraw(number: Number, *, because: Because = "") -> None:
    """Take an exception back: your own, or one that you may approve."""
    _decided("withdraw", number, because)
    print(f"Withdrew exception {number}.")


@exception.command(name="list")
def list_exceptions(
    *,
    state: Annotated[State | None, Parameter(help="Only those of this state.")] = None,
    expiring: Annotated[str | None, Parameter(help="Only those in force that end within so long, like 7d.")] = None,
    repository: Annotated[str | None, Parameter(help="Only those that are about this repository.")] = None,
    as_json: AsJson = False,
) -> None:
    """List exceptions, with vulnerability, package, where, until when and owner; tells which end within a week.

    With --json what wharf gate takes with --exceptions.
    """
    from wharfinger.cli.client import logged_in

    now = time.time()
    wanted = {"state": state, "repository": repository, "expiring": None if expiring is None else _seconds(expiring)}
    given = {key: value for key, value in wanted.items() if value is not None}
    with logged_in() as client:
        found = list(client.pages("/exceptions", "exceptions", first="0", **given))
    if as_json:
        print_json(found)
    else:
        headings = ("Exception", "State", "Vulnerability", "Package", "Repositories", "Until", "Owner")
        print_rows(headings, (_row(each) for each in found))
    ending = [str(e["id"]) for e in found if e["state"] == "approved" and e["expires_at"] <= now + WEEK]
    if ending and expiring is None:
        print(f"These end within a week: {', '.join(ending)}", file=sys.stderr)


@exception.command
def show(number: Number, *, as_json: AsJson = False) -> None:
    """Show an exception, and who did what with it."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get(f"/exceptions/{number}")
    if as_json:
        print_json(found)
        return
    print_rows(("What", "Which"), list(_lines(found)))


def _decided(what: str, number: int, because: str) -> dict[str, Any]:
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        made: dict[str, Any] = client.post(f"/exceptions/{number}/{what}", {"because": because}, quick=True)
    return made


def _seconds(text: str) -> str:
    try:
        return str(int(values.duration(text).total_seconds()))
    except ValueError as error:
        raise RequestInvalid(f"--expiring {text!r}: {str(error) or f'want {values.DURATION.wanted}'}") from error


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    words = each["vulnerability"], each["package"], _where(each), moment(each["expires_at"]), each["owner"]
    return str(each["id"]), each["state"], *words


def _where(each: dict[str, Any]) -> str:
    from wharfinger.select import parsing

    where = str(parsing.parse(each["repositories"], of="repository"))
    return where if each["digest"] is None else f"{where} @ {each['digest']}"


def _lines(each: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [
        ("exception", str(each["id"])),
        ("state", each["state"]),
        ("vulnerability", each["vulnerability"]),
        ("package", each["package"]),
        ("repositories", _where(each)),
        ("reason", each["reason"]),
        ("owner", each["owner"]),
        ("ticket", each["ticket"]),
        ("until", moment(each["expires_at"])),
        ("requested", f"{moment(each['requested_at'])} by {each['requested_by']}"),
    ]
    if each["decided_by"] is not None:
        word = "refused" if each["state"] == "refused" else "approved"
        lines.append((word, _told(each, "decided")))
    if each["ended_by"] is not None:
        lines.append(("withdrawn", _told(each, "ended")))
    return [line for line in lines if line[1]]


def _told(each: dict[str, Any], what: str) -> str:
    because = each[f"{what}_because"]
    return f"{moment(each[f'{what}_at'])} by {each[f'{what}_by']}{f': {because}' if because else ''}"
