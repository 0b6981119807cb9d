"""``wharf gates`` and ``wharf breakglass``: what pulls are refused, and letting one pass all the same."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli import references
from wharfinger.cli.output import AsJson, clean, moment, print_json, print_rows
from wharfinger.cli.references import ImageName
from wharfinger.config import values
from wharfinger.errors import RequestInvalid
from wharfinger.spec import names

breakglass = App(name="breakglass", help="For a while, let an image be pulled although a gate refuses it.")


def gates(
    repository: Annotated[str | None, Parameter(help="Of this repository; of all where it is left out.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the images whose pulls are refused now: since when, why, and which may be pulled since they run already."""
    from wharfinger.cli.client import logged_in

    wanted = {} if repository is None else {"repository": names.repository(repository)}
    with logged_in() as client:
        found = list(client.pages("/gates", "refused", **wanted))
    if as_json:
        print_json(found)
        return
    print_rows(("Image", "Since", "Pulls", "Why"), map(_refused, found))


@breakglass.default
def add(
    image: ImageName,
    *,
    because: Annotated[str, Parameter(help="Why; it goes into the audit trail.")],
    for_: Annotated[str, Parameter(name="--for", help="For how long, such as 4h; seven days at most.")],
) -> None:
    """Let an image be pulled: of a tag the one that it is at now, wherever the tag moves. Needs admin there."""
    from wharfinger.cli.client import logged_in

    wanted = references.parse(image)
    asked = {"reference": wanted.reference, "because": because, "seconds": _seconds(for_)}
    with logged_in() as client:
        made = client.post(f"/breakglass/{wanted.repository}", asked)
    print(f"Break-glass {made['id']}: {made['repository']}@{made['digest']} until {moment(made['until'])}.")


@breakglass.command(name="list")
def list_all(*, as_json: AsJson = False) -> None:
    """List what is in force: number, image, until when, who, since when, and why."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = list(client.pages("/breakglass", "breakglass", first="0"))
    if as_json:
        print_json(found)
        return
    print_rows(("Number", "Image", "Until", "Who", "Since", "Why"), map(_glass, found))


@breakglass.command
def rm(number: Annotated[int, Parameter(help="The number, as wharf breakglass list shows it.")]) -> None:
    """End it."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        client.delete(f"/breakglass/{number}")
    print(f"Ended break-glass {number}.")


def _refused(entry: dict[str, Any]) -> tuple[str, ...]:
    pulls = "allowed: it runs already" if entry["grandfathered"] else "refused"
    since = moment(entry["since"]) if entry["since"] else "the beginning"
    return f"{entry['repository']}@{entry['digest']}", since, pulls, clean(entry["reason"])


def _glass(entry: dict[str, Any]) -> tuple[str, ...]:
    image = f"{entry['repository']}@{entry['digest']}"
    times = moment(entry["until"]), entry["who"], moment(entry["at"])
    return str(entry["id"]), image, *times, clean(entry["because"])


def _seconds(text: str) -> float:
    try:
        return values.duration(text).total_seconds()
    except ValueError as error:
        raise RequestInvalid(f"--for {text!r}: {str(error) or f'want {values.DURATION.wanted}'}") from error
