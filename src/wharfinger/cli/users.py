"""``wharf users``: people's accounts. What they may do is granted: ``wharf grant``."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli import ask
from wharfinger.cli.ask import PasswordStdin
from wharfinger.cli.output import AsJson, moment, print_json, print_rows
from wharfinger.errors import Refusal

users = App(name="users", help="Manage accounts.")

Name = Annotated[str, Parameter(help="The account's name.")]
RoleOption = Annotated[str | None, Parameter(help="What it may do at once: a role, as in wharf grant roles.")]
OnOption = Annotated[str | None, Parameter(help="Where: a repository, PREFIX/*, PREFIX/** or **.")]


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
        ("Name", "State", "Since"),
        ((user["name"], "disabled" if user["disabled"] else "enabled", moment(user["created_at"])) for user in found),
    )


@users.command
def add(name: Name, *, role: RoleOption = None, on: OnOption = None, password_stdin: PasswordStdin = False) -> None:
    """Add an account, which may do nothing until something is granted to it: with --role and --on at once.

    Unless a password is given, one is generated and printed this once.
    """
    from wharfinger.cli.client import logged_in

    if (role is None) != (on is None):
        raise Refusal("--role and --on go together: what may be done, and in which repositories")
    fields: dict[str, Any] = {"name": name}
    if password_stdin:
        fields["password"] = ask.password_from_stdin()
    with logged_in() as client:
        generated = client.post("/users", fields)["password"]
        print(f"Added {name}.")
        if generated:
            print(f"Password: {generated}")
        if role is not None:
            client.post("/grants", {"principal": name, "role": role, "pattern": on})
            print(f"{name} is now {role} on {on}.")
        else:
            print(f"It may do nothing yet: wharf grant add {name} reader PATTERN")


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
def disable(name: Name) -> None:
    """Lock an account out, with its next request."""
    _change(name, disabled=True)
    print(f"{name} is disabled.")


@users.command
def enable(name: Name) -> None:
    """Let an account in again."""
    _change(name, disabled=False)
    print(f"{name} is enabled.")


Issuer = Annotated[str, Parameter(help="Who knows the person: the provider's URL, or ldap: and the directory's base.")]
Subject = Annotated[str, Parameter(help="What they call the person, for good: the page that refused them says it.")]


@users.command
def link(name: Name, *, issuer: Issuer, subject: Subject) -> None:
    """Let an account be logged in to by somebody whom an identity provider or a directory knows."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        client.post("/identities", {"account": name, "issuer": issuer, "subject": subject})
    print(f"{name} is {subject} of {issuer} from now on.")


@users.command
def unlink(name: Name, *, issuer: Issuer, subject: Subject) -> None:
    """Take a link back, with the groups that came with it. The account's logins end."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        client.post("/identities/remove", {"account": name, "issuer": issuer, "subject": subject})
    print(f"{name} is no longer {subject} of {issuer}.")


@users.command
def links(*, as_json: AsJson = False) -> None:
    """List who is who at identity providers and in directories."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/identities")["identities"]
    if as_json:
        print_json(found)
        return
    print_rows(("Name", "Issuer", "Subject"), ((each["account"], each["issuer"], each["subject"]) for each in found))


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
