"""``wharf grant``: who may do what, where, until when and from where."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli.ends import ends_at
from wharfinger.cli.output import AsJson, moment, print_json, print_rows

grant = App(name="grant", help="Grant roles on repositories, or deny them.")
role = App(name="role", help="Make roles of your own.")

Who = Annotated[str, Parameter(help="An account, group:NAME, or anonymous, which is everybody.")]
Where = Annotated[str, Parameter(help="A repository, PREFIX/* (directly below), PREFIX/** (anywhere below), or **.")]


@grant.command(name="list")
def list_(
    *,
    who: Annotated[str | None, Parameter(help="Only of this account or group:NAME.")] = None,
    as_json: AsJson = False,
) -> None:
    """List grants: your own, and those in what you administer."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = [each for each in client.get("/grants")["grants"] if who in {None, each["principal"]}]
    if as_json:
        print_json(found)
        return
    header = ("Id", "Who", "Role", "Where", "Tags", "From", "Until")
    print_rows(header, (_row(each) for each in found))


@grant.command
def add(
    who: Who,
    role: Annotated[str, Parameter(help="A role: reader, publisher, maintainer, auditor, administrator, or your own.")],
    where: Where,
    *,
    tags: Annotated[list[str] | None, Parameter(help="Only for tags like these; * stands for anything.")] = None,
    from_: Annotated[list[str] | None, Parameter(name="--from", help="Only from this network (CIDR).")] = None,
    until: Annotated[
        str | None,
        Parameter(help="Until then: a time from now (30d), or a day (2027-01-31)."),
    ] = None,
    deny: Annotated[bool, Parameter(negative="", help="Forbid it instead; a deny beats every grant.")] = False,
) -> None:
    """Grant a role on repositories, in force at once."""
    from wharfinger.cli.client import logged_in

    fields: dict[str, Any] = {"principal": who, "role": role, "pattern": where, "deny": deny}
    fields |= {"tags": tags or [], "networks": from_ or [], "until": None if until is None else ends_at(until)}
    with logged_in() as client:
        made = client.post("/grants", fields)
    print(f"{'Denied' if deny else 'Granted'}: {who} {role} on {where} (grant {made['id']}).")


@grant.command
def rm(id: Annotated[int, Parameter(help="The grant's number, from wharf grant list.")]) -> None:
    """Take a grant back, in force at once."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        client.delete(f"/grants/{id}")
    print(f"Removed grant {id}.")


@role.command(name="list")
def list_roles(*, as_json: AsJson = False) -> None:
    """List the roles and what each allows."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/roles")["roles"]
    if as_json:
        print_json(found)
        return
    print_rows(("Role", "Actions"), ((each["name"], " ".join(each["actions"])) for each in found))


@role.command(name="add")
def add_role(
    name: Annotated[str, Parameter(help="The role's name.")],
    actions: Annotated[
        list[str], Parameter(help="Some of pull, push, tag, delete, scan, approve, purge, audit, admin.")
    ],
) -> None:
    """Make a role, or change what one of your own allows."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        made = client.put(f"/roles/{quoted(name)}", {"actions": actions})
    print(f"The role {name} allows {', '.join(made['actions'])}.")


@role.command(name="rm")
def rm_role(name: Annotated[str, Parameter(help="The role's name.")]) -> None:
    """Remove a role that nothing grants any more."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.delete(f"/roles/{quoted(name)}")
    print(f"Removed the role {name}.")


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(each["id"]),
        each["principal"],
        f"{'deny ' if each['deny'] else ''}{each['role']}",
        each["pattern"],
        " ".join(each["tags"]) or "any",
        " ".join(each["networks"]) or "anywhere",
        "" if each["until"] is None else moment(each["until"]),
    )
