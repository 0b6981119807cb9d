"""``wharf hold``: images that nobody deletes."""

import math
import time
from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli import references
from wharfinger.cli.output import AsJson, moment, print_json, print_rows
from wharfinger.cli.references import ImageName
from wharfinger.errors import RequestInvalid
from wharfinger.spec import names

hold = App(name="hold", help="Hold images, so that neither a rule nor a person deletes them.")


@hold.command
@hold.default
def add(
    image: ImageName,
    *,
    because: Annotated[str, Parameter(help="Why; whoever is refused a deletion is told.")],
    until: Annotated[
        str | None, Parameter(help="A day, a time, or a duration such as 90d; without end where it is left out.")
    ] = None,
) -> None:
    """Hold an image: of a tag the one that it is at now, wherever the tag moves."""
    from wharfinger.cli.client import logged_in

    wanted = references.parse(image)
    asked = {"reference": wanted.reference, "because": because, "until": None if until is None else _end(until)}
    with logged_in() as client:
        made = client.post(f"/holds/{wanted.repository}", asked)
    print(f"Hold {made['id']}: {made['repository']}@{made['digest']} until {_until(made)}.")


@hold.command(name="list")
def list_holds(
    repository: Annotated[str | None, Parameter(help="Of this repository; of all where it is left out.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the holds in force: number, image, until when, who, since when, and why."""
    from wharfinger.cli.client import logged_in

    wanted = {} if repository is None else {"repository": names.repository(repository)}
    with logged_in() as client:
        found = list(client.pages("/holds", "holds", first="0", **wanted))
    if as_json:
        print_json(found)
        return
    print_rows(("Hold", "Image", "Until", "Who", "Since", "Why"), map(_row, found))


@hold.command
def rm(number: Annotated[int, Parameter(help="The number of the hold, as wharf hold list shows it.")]) -> None:
    """Take a hold away."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        client.delete(f"/holds/{number}")
    print(f"Took hold {number} away.")


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    image = f"{entry['repository']}@{entry['digest']}"
    return str(entry["id"]), image, _until(entry), entry["who"], moment(entry["at"]), entry["because"]


def _until(entry: dict[str, Any]) -> str:
    return "it is taken away" if entry["until"] is None else moment(entry["until"])


def _end(text: str) -> float:
    """Seconds since the epoch of a day, a time, or a duration from now. Raises RequestInvalid."""
    from wharfinger.access.moments import moment_of
    from wharfinger.lifecycle.units import SECOND, duration

    now = time.time()
    if text[:1].isdigit() and text[-1:] in {"w", "d", "h", "m", "s"}:
        return math.ceil(now + duration(text) / SECOND)
    found = moment_of(text)
    if found <= now:
        raise RequestInvalid(f"{text} has passed")
    return found
