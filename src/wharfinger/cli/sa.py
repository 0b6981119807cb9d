"""``wharf sa``: the accounts of programs."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli.output import AsJson, moment, print_json, print_rows

sa = App(name="sa", help="Manage service accounts: what programs log in as.")

Name = Annotated[str, Parameter(help="The service account's name.")]


@sa.command(name="list")
def list_(*, as_json: AsJson = False) -> None:
    """List service accounts: your own, or all if you administer everything."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/service-accounts")["service_accounts"]
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["name"],
            each["owner"] or "nobody",
            "disabled" if each["disabled"] else "enabled",
            moment(each["created_at"]),
        )
        for each in found
    )
    print_rows(("Name", "Owner", "State", "Since"), rows)


@sa.command
def add(
    name: Name,
    *,
    owner: Annotated[str | None, Parameter(help="The person who answers for it; by default you.")] = None,
) -> None:
    """Make a service account, which may do nothing until something is granted to it."""
    from wharfinger.cli import logins
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        client.post("/service-accounts", {"name": name, "owner": owner or logins.load().username})
    print(f"Added {name}. Next: wharf grant add {name} publisher PATTERN; wharf secret add {name} --label WHAT-FOR")


@sa.command
def disable(name: Name) -> None:
    """Lock a service account out at once."""
    _change(name, disabled=True)
    print(f"{name} is disabled.")


@sa.command
def enable(name: Name) -> None:
    """Let a service account in again."""
    _change(name, disabled=False)
    print(f"{name} is enabled.")


@sa.command
def owner(name: Name, owner: Annotated[str, Parameter(help="The person who answers for it from now on.")]) -> None:
    """Give a service account to another owner."""
    _change(name, owner=owner)
    print(f"{owner} answers for {name}.")


@sa.command
def rm(name: Name) -> None:
    """Remove a service account with its secrets, its trust rules and its grants."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.delete(f"/service-accounts/{quoted(name)}")
    print(f"Removed {name}.")


def _change(name: str, **fields: Any) -> None:
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.patch(f"/service-accounts/{quoted(name)}", fields)
