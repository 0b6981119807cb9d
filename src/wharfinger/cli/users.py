"""``wharf users``: who has an account, and what it may do."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.access.roles import Role
from wharfinger.cli import ask
from wharfinger.cli.ask import PasswordStdin
from wharfinger.cli.output import AsJson, moment, print_json, print_rows

users = App(name="users", help="Manage accounts.")

Name = Annotated[str, Parameter(help="The account's name.")]


@users.command(name="list")
def list_(*, as_json: AsJson = False) -> None:
    """List the accounts."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/users")["users"]
    if as_json:
        print_json(found)
        return
    print_rows(
        ("Name", "Role", "State", "Since"),
        (
            (user["name"], user["role"], "disabled" if user["disabled"] else "enabled", moment(user["created_at"]))
            for user in found
        ),
    )


@users.command
def add(
    name: Name,
    *,
    role: Annotated[Role, Parameter(help="What the account may do.")] = Role.READER,
    password_stdin: PasswordStdin = False,
) -> None:
    """Add an account. Unless one is given, a password is generated and printed this once."""
    from wharfinger.cli.client import logged_in

    fields: dict[str, Any] = {"name": name, "role": role.value}
    if password_stdin:
        fields["password"] = ask.password_from_stdin()
    with logged_in() as client:
        generated = client.post("/users", fields)["password"]
    print(f"Added the {role.value} {name}.")
    if generated:
        print(f"Password: {generated}")


@users.command
def passwd(
    name: Name,
    *,
    password_stdin: PasswordStdin = False,
    data: Annotated[str | None, Parameter(help="Change it in this data folder, without asking the server.")] = None,
    config: Annotated[Path | None, Parameter(help="The same, in the database that this file names.")] = None,
) -> None:
    """Give an account another password, which ends its logins.

    With --data or --config it is written into the database itself: the way back in for who has lost the
    administrator's password. A running server takes notice.
    """
    password = ask.password_from_stdin() if password_stdin else ask.password(f"New password of {name}: ", twice=True)
    if data is not None or config is not None:
        from wharfinger.cli.passwd import set_in_database

        set_in_database(name, password, config, data)
    else:
        _change(name, password=password)
    print(f"{name} has a new password.")


@users.command
def role(name: Name, role: Annotated[Role, Parameter(help="The new role.")]) -> None:
    """Give an account another role, which ends its logins."""
    _change(name, role=role.value)
    print(f"{name} is now a {role.value}.")


@users.command
def disable(name: Name) -> None:
    """Lock an account out, with its next request."""
    _change(name, disabled=True)
    print(f"{name} is disabled.")


@users.command
def enable(name: Name) -> None:
    """Let an account in again."""
    _change(name, disabled=False)
    print(f"{name} is enabled.")


@users.command
def rm(name: Name) -> None:
    """Remove an account."""
    from wharfinger.cli.client import logged_in, user_path

    with logged_in() as client:
        client.delete(user_path(name))
    print(f"Removed {name}.")


def _change(name: str, **fields: Any) -> None:
    from wharfinger.cli.client import logged_in, user_path

    with logged_in() as client:
        client.patch(user_path(name), fields)
