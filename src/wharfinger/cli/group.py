"""``wharf group``: who belongs together."""

from typing import Annotated

from cyclopts import App, Parameter

from wharfinger.cli.output import AsJson, print_json, print_rows

group = App(name="group", help="Manage groups of accounts.")

Name = Annotated[str, Parameter(help="The group's name.")]
Account = Annotated[str, Parameter(help="An account.")]


@group.command(name="list")
def list_(*, as_json: AsJson = False) -> None:
    """List the groups and who is in them."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/groups")["groups"]
    if as_json:
        print_json(found)
        return
    print_rows(("Group", "Members"), ((each["name"], " ".join(each["members"])) for each in found))


@group.command
def add(name: Name, *accounts: Account) -> None:
    """Make a group, with these accounts in it."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.post("/groups", {"name": name})
        for account in accounts:
            client.put(f"/members/{quoted(account)}/{quoted(name)}", None)
    print(f"Added the group {name}; grant to it as group:{name}.")


@group.command
def rm(name: Name) -> None:
    """Remove a group, and what was granted to it."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.delete(f"/groups/{quoted(name)}")
    print(f"Removed the group {name}.")


@group.command
def join(name: Name, account: Account) -> None:
    """Put an account into a group."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.put(f"/members/{quoted(account)}/{quoted(name)}", None)
    print(f"{account} is in {name}.")


@group.command
def leave(name: Name, account: Account) -> None:
    """Take an account out of a group."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.delete(f"/members/{quoted(account)}/{quoted(name)}")
    print(f"{account} is no longer in {name}.")
