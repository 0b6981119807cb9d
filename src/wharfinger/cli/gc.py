"""``wharf gc``: give the bytes back that nothing needs, or see what there is of it."""

import sys
import time
from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli.output import AsJson, amount, counted, moment, print_json, print_rows, size

gc = App(name="gc", help="See and hurry how bytes are given back.")

DryRun = Annotated[bool, Parameter(negative="", help="Only list what would go now, and why.")]


@gc.command
def status(*, as_json: AsJson = False) -> None:
    """What waits to be looked at, what waits to be deleted, and what went last.

    wharf gc status
    """
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/collection")
    if as_json:
        print_json(found)
        return
    print_rows(("What", "Now"), list(_status(found)))


def _status(found: dict[str, Any]) -> Any:
    yield "up for review", f"{found['links']} links and {found['blobs']} blobs, {found['due']} of them due"
    if found["first_due"] is not None:
        word = "due since" if found["first_due"] <= time.time() else "next due"
        yield word, moment(found["first_due"])
    yield "to be deleted", f"{found['doomed']} blobs, {size(found['doomed_bytes'])}"
    if found["last"] is not None:
        yield "last", f"{moment(found['last']['at'])}: {found['last']['blobs']} blobs, {size(found['last']['bytes'])}"


@gc.command
def run(*, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Give back now what is due, instead of within `collect_every`. It may be stopped at any time.

    wharf gc run --dry-run
    """
    if dry_run:
        _list(as_json=as_json)
    else:
        _collect(as_json=as_json)


def _list(*, as_json: bool) -> None:
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = list(client.pages("/collection/candidates", "blobs"))
    if as_json:
        print_json(found)
        return
    print_rows(("Digest", "Size", "Why"), [(each["digest"], size(each["size"]), each["reason"]) for each in found])
    if sys.stdout.isatty():
        print(f"{counted(len(found), 'blob')} would go: {amount(sum(each['size'] for each in found))}.")


def _collect(*, as_json: bool) -> None:
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        done = step = client.post("/collection/runs", {})
        while step["more"]:
            step = client.post("/collection/runs", {})
            done = {name: _added(done[name], value) for name, value in step.items()}
    if as_json:
        print_json({**done, "more": False})
        return
    print(f"{counted(done['blobs'], 'blob')} went; {amount(done['deleted_bytes'])} given back.")
    if done["failed"]:
        print(f"The store did not delete {done['failed']}: that is tried again.", file=sys.stderr)
    if done["busy"]:
        print("Another process is collecting, and goes on.", file=sys.stderr)


def _added(before: Any, value: Any) -> Any:
    """Numbers are added up; of what is true or not, once is enough."""
    return before or value if isinstance(value, bool) else before + value
