"""``wharf inuse``: saying what runs, so that no rule deletes it."""

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

from cyclopts import App, Parameter

from wharfinger.cli import references
from wharfinger.cli.output import AsJson, clean, counted, moment, print_json, print_rows
from wharfinger.errors import RequestInvalid

EXAMPLES = 3

inuse = App(name="inuse", help="Say what runs, so that no rule deletes it.")

Name = Annotated[str, Parameter(help="Who reports, such as prod-eu: each report replaces the one before it.")]
Interval = Annotated[
    str, Parameter(help="How often it reports, such as 1h; silent for twice as long, it raises an alarm.")
]


@inuse.command
def report(
    *images: Annotated[str, Parameter(help="REPOSITORY:TAG or REPOSITORY@DIGEST: all that runs there.")],
    reporter: Name,
    interval: Interval,
    as_json: AsJson = False,
) -> None:
    """Say that these images run, and no others: what the reporter said before is forgotten."""
    wanted = [references.parse(image) for image in images]
    _send(
        reporter, interval, [{"repository": one.repository, "reference": one.reference} for one in wanted], as_json, ()
    )


@inuse.command(name="import")
def import_(
    *,
    reporter: Name,
    interval: Interval,
    host: Annotated[
        Sequence[str],
        Parameter(help="Another name of this registry in image references, HOST or HOST:PORT; may be repeated."),
    ] = (),
    as_json: AsJson = False,
) -> None:
    """Report what a cluster runs, from standard input.

    kubectl get pods,deployments,replicasets,cronjobs -A -o json | wharf inuse import --reporter prod --interval 1h

    Images of other registries are left out, and counted. The list is read here, not by the server: it is large, and
    most of it is nobody else's business.
    """
    from wharfinger.cli import logins
    from wharfinger.lifecycle import running

    ours = [urlsplit(logins.load().url).netloc, *host]
    found = running.read(_listed(running.MAX_LENGTH + 1), ours)
    images = [
        {"repository": repository, "reference": reference, "places": places}
        for (repository, reference), places in found.images.items()
    ]
    words = [f"left out, of other registries: {counted(found.elsewhere, 'image')}"]
    words += [_unreadable(found.unreadable)] if found.unreadable else []
    if not images:
        reason = f"no image of {' or '.join(ours)} runs there, so nothing was reported; {words[0]}"
        raise RequestInvalid(f"{reason} (that nothing runs is said by wharf inuse report without images)")
    _send(reporter, interval, images, as_json, words)


@inuse.command(name="list")
def list_reporters(*, as_json: AsJson = False) -> None:
    """List your reporters: name, account, images, interval in seconds, when last, and whether it has fallen silent.

    Whoever may read the audit trail sees all.
    """
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/in-use")["reporters"]
    if as_json:
        print_json(found)
        return
    print_rows(("Reporter", "Account", "Images", "Interval", "Last", "State"), map(_row, found))


@inuse.command
def retire(reporter: Annotated[str, Parameter(help="The reporter's name.")]) -> None:
    """Forget a reporter that is no more, which lets go of the images that it protects."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.delete(f"/in-use/{quoted(reporter)}")
    print(f"Retired {reporter}.")


def _unreadable(images: Sequence[str]) -> str:
    """Whoever runs them should know: what is not reported is not protected."""
    more = ", …" if len(images) > EXAMPLES else ""
    return f"left out, not understood: {counted(len(images), 'image')} ({', '.join(images[:EXAMPLES])}{more})"


def _listed(length: int) -> str:
    try:
        return sys.stdin.read(length)
    except UnicodeDecodeError as error:
        raise RequestInvalid("this is no text in UTF-8: want the output of kubectl get … -o json") from error


def _send(reporter: str, interval: str, images: list[dict[str, Any]], as_json: bool, words: Iterable[str]) -> None:
    from wharfinger.cli.client import logged_in, quoted
    from wharfinger.lifecycle.units import SECOND, duration

    seconds = duration(interval) // SECOND
    with logged_in() as client:
        found = client.put(f"/in-use/{quoted(reporter)}", {"interval": seconds, "images": images})
    if as_json:
        print_json(found)
        return
    print(f"In use by {reporter}: {counted(found['images'], 'image')}.")
    for image in found["examples"]:
        print(f"{image}: not here, or not for you to see")
    for word in words:
        print(clean(f"{word}."))


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    state = "SILENT" if entry["silent"] else "ok"
    numbers = str(entry["images"]), str(entry["interval"])
    return entry["name"], entry["account"], *numbers, moment(entry["reported_at"]), state
