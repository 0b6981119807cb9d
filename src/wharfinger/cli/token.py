"""``wharf token``: a person's tokens for programs that should not have their password."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from wharfinger.cli.ends import ends_at
from wharfinger.cli.output import AsJson, print_json, print_rows
from wharfinger.cli.secret import Label, row
from wharfinger.errors import Refusal

token = App(name="token", help="Manage your personal tokens.")


@token.command(name="list")
def list_(
    *,
    account: Annotated[str | None, Parameter(help="Somebody else's, if you administer or audit everything.")] = None,
    as_json: AsJson = False,
) -> None:
    """List personal tokens and what they are narrowed to."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/tokens", **({"account": account} if account else {}))["secrets"]
    if as_json:
        print_json(found)
        return
    rows = ((*row(each), " ".join(each["actions"]), " ".join(each["repositories"])) for each in found)
    print_rows(("Id", "Label", "Made", "By", "Last used", "Until", "Actions", "Repositories"), rows)


@token.command
def add(
    *,
    label: Label,
    repositories: Annotated[list[str], Parameter(help="Repositories it is for: names, PREFIX/*, PREFIX/** or **.")],
    actions: Annotated[list[str] | None, Parameter(help="Some of pull, push, tag, delete, …; by default pull.")] = None,
    expires: Annotated[str, Parameter(help="When it ends: a time from now (30d) or a day; a year at most.")] = "30d",
) -> None:
    """Make a personal token and print it, this once. It may do what you may, and of that only this."""
    from wharfinger.cli.client import logged_in

    until = ends_at(expires)
    if until is None:
        raise Refusal("a personal token must end: want a time of a year at most")
    fields = {"label": label, "actions": actions or ["pull"], "repositories": repositories, "expires_at": until}
    with logged_in() as client:
        made = client.post("/tokens", fields)
    print(made["secret"])
    print(f"Token {made['kept']['id']}; it is not shown again. Log in with your own name and it.", file=sys.stderr)


@token.command
def rm(id: Annotated[str, Parameter(help="The token's id, from wharf token list.")]) -> None:
    """Revoke a personal token: it is refused everywhere at once."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.delete(f"/secrets/{quoted(id)}")
    print(f"Revoked {id}.")
