"""``wharf secret``: what service accounts log in with."""

import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli.ends import ends_at
from wharfinger.cli.output import AsJson, moment, print_json, print_rows

secret = App(name="secret", help="Manage the secrets of service accounts.")

Account = Annotated[str, Parameter(help="The service account.")]
Label = Annotated[str, Parameter(help="What it is for, for whoever reviews it.")]
Expires = Annotated[str, Parameter(help="When it ends: a time from now (90d, 12h), a day (2027-01-31), or never.")]


@secret.command(name="list")
def list_(account: Account, *, as_json: AsJson = False) -> None:
    """List a service account's secrets: what for, since when, last used, until when."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        found = client.get(f"/service-accounts/{quoted(account)}/secrets")["secrets"]
    if as_json:
        print_json(found)
        return
    print_rows(("Id", "Label", "Made", "By", "Last used", "Until"), (row(each) for each in found))


@secret.command
def add(account: Account, *, label: Label, expires: Expires = "90d") -> None:
    """Make a secret and print it, this once. A second one beside the first lets you change it without a gap."""
    from wharfinger.cli.client import logged_in, quoted

    fields = {"label": label, "expires_at": ends_at(expires)}
    with logged_in() as client:
        made = client.post(f"/service-accounts/{quoted(account)}/secrets", fields)
    print(made["secret"])
    print(f"Secret {made['kept']['id']} of {account}; it is not shown again.", file=sys.stderr)


@secret.command
def rm(id: Annotated[str, Parameter(help="The secret's id, from wharf secret list.")]) -> None:
    """Revoke a secret: it is refused everywhere at once, and so is what was obtained with it."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.delete(f"/secrets/{quoted(id)}")
    print(f"Revoked {id}.")


def row(each: dict[str, Any]) -> tuple[str, ...]:
    """A secret or token in a table."""
    used = "never" if each["used_at"] is None else moment(each["used_at"])
    until = "for ever" if each["expires_at"] is None else moment(each["expires_at"])
    return each["id"], each["label"], moment(each["created_at"]), each["created_by"], used, until
