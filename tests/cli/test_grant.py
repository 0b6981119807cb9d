"""grant, role and group: who may do what, from the command line."""

import pytest

from tests.cli.server import Server, Wharf
from tests.kit.images import image
from wharfinger.access.moments import moment_of
from wharfinger.errors import Refusal

PASSWORD = "another horse battery"


@pytest.fixture
def account(admin: Wharf, request: pytest.FixtureRequest) -> str:
    """An account of the test's own."""
    name: str = "g-" + request.node.name.removeprefix("test_").replace("_", "-")[:50].partition("[")[0].strip("-")
    admin.done("users", "add", name, "--password-stdin", stdin=PASSWORD)
    return name


def as_(wharf: Wharf, server: Server, name: str) -> Wharf:
    wharf.done("login", server.url, "--username", name, "--password-stdin", stdin=PASSWORD)
    return wharf


def number_of(out: str) -> str:
    return out.rpartition("(grant ")[2].removesuffix(").\n")


def test_what_is_granted_counts_and_what_is_taken_back_does_not(admin: Wharf, server: Server, account: str) -> None:
    server.push("granting/web", image(seed=8), "1")
    made = admin.done("grant", "add", account, "reader", "granting/**")
    assert made.out == f"Granted: {account} reader on granting/** (grant {number_of(made.out)}).\n"
    assert as_(admin, server, account).done("tags", "granting/web").rows
    as_admin(admin, server).done("grant", "rm", number_of(made.out))
    assert "has no access to that repository" in as_(admin, server, account).refused("tags", "granting/web")


def as_admin(wharf: Wharf, server: Server) -> Wharf:
    wharf.done("login", server.url, "--username", "admin", "--password-stdin", stdin=server.password)
    return wharf


def test_everything_that_limits_a_grant_is_listed(admin: Wharf, account: str) -> None:
    limits = ["--tags", "v*", "--tags", "latest", "--from", "10.0.0.0/8", "--until", "2090-01-31"]
    admin.done("grant", "add", account, "publisher", "shop/*", *limits)
    admin.done("grant", "add", account, "reader", "shop/secret", "--deny")
    first, second = admin.done("grant", "list", "--who", account).rows
    assert first[1:] == [account, "publisher", "shop/*", "v* latest", "10.0.0.0/8", "2090-01-31T00:00:00Z"]
    assert second[1:] == [account, "deny reader", "shop/secret", "any", "anywhere", ""]
    as_json = admin.done("grant", "list", "--who", account, "--json").json
    assert [(each["deny"], each["until"]) for each in as_json] == [(False, 3789504000.0), (True, None)]


def test_a_denial_is_said_to_be_one(admin: Wharf, account: str) -> None:
    said = admin.done("grant", "add", account, "reader", "shop/secret", "--deny").out
    assert said.startswith(f"Denied: {account} reader on shop/secret (grant ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("add", "g-nobody", "reader", "**"), "account g-nobody is not known"),
        (("add", "group:g-none", "reader", "**"), "group:g-none is not known"),
        (("add", "admin", "owner", "**"), "no such role 'owner'"),
        (("add", "admin", "reader", "shop*"), "invalid repository pattern 'shop*'"),
        (("add", "admin", "reader", "shop", "--tags", "a b"), "invalid tag pattern 'a b'"),
        (("add", "admin", "reader", "shop", "--from", "10.0.0.1/8"), "invalid network '10.0.0.1/8'"),
        (("add", "admin", "reader", "shop", "--until", "tomorrow"), "'tomorrow' is no day or time"),
        (("add", "admin", "reader", "shop", "--until", "2001-01-01"), "would have ended already"),
        (("add", "anonymous", "publisher", "shop"), "only pull can be granted"),
        (("add", "admin", "administrator", "**"), "that is granted already, by grant 1"),
        (("rm", "1"), "nobody would be left who administers everything"),
        (("rm", "999999"), "grant 999999 is not known"),
    ],
)
def test_what_cannot_be_granted_is_one_clear_line(admin: Wharf, words: tuple[str, ...], expected: str) -> None:
    assert expected in admin.refused("grant", *words)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-31", 1801353600.0),
        ("2027-01-31T18:00Z", 1801418400.0),
        ("2027-01-31T18:00", 1801418400.0),
        ("2027-01-31T19:00+01:00", 1801418400.0),
    ],
)
def test_a_day_without_a_zone_is_one_of_utc(text: str, moment: float) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize("text", ["", "31.1.2027", "2027-13-01", "now"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(Refusal, match="no day or time"):
        moment_of(text)


def test_a_role_of_ones_own(admin: Wharf, account: str) -> None:
    made = admin.done("role", "add", "g-mover", "tag", "pull")
    assert made.out == "The role g-mover allows pull, tag.\n"
    rows = {row[0]: row[1] for row in admin.done("role", "list").rows}
    assert (rows["g-mover"], rows["publisher"]) == ("pull tag", "pull push tag")
    assert {"name": "g-mover", "actions": ["pull", "tag"]} in admin.done("role", "list", "--json").json
    number = number_of(admin.done("grant", "add", account, "g-mover", "shop/**").out)
    assert f"for instance by grant {number}" in admin.refused("role", "rm", "g-mover")
    admin.done("grant", "rm", number)
    assert admin.done("role", "rm", "g-mover").out == "Removed the role g-mover.\n"
    assert "role g-mover is not known" in admin.refused("role", "rm", "g-mover")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("add", "reader", "pull"), "always there"),
        (("add", "Own", "pull"), "invalid role name"),
        (("add", "own", "fly"), "no such action 'fly'"),
        (("rm", "reader"), "always there"),
    ],
)
def test_what_is_no_role_of_ones_own_is_one_clear_line(admin: Wharf, words: tuple[str, ...], expected: str) -> None:
    assert expected in admin.refused("role", *words)


def test_a_group_and_what_is_granted_to_it(admin: Wharf, server: Server, account: str) -> None:
    server.push("grouped/web", image(seed=9), "1")
    assert admin.done("group", "add", "shop/devs", account).out == (
        "Added the group shop/devs; grant to it as group:shop/devs.\n"
    )
    admin.done("grant", "add", "group:shop/devs", "reader", "grouped/*")
    assert ["shop/devs", account] in admin.done("group", "list").rows
    assert {"name": "shop/devs", "members": [account]} in admin.done("group", "list", "--json").json
    assert as_(admin, server, account).done("tags", "grouped/web").rows
    assert as_admin(admin, server).done("group", "leave", "shop/devs", account).out == (
        f"{account} is no longer in shop/devs.\n"
    )
    assert "is not a member" in admin.refused("group", "leave", "shop/devs", account)
    as_(admin, server, account).refused("tags", "grouped/web")
    as_admin(admin, server).done("group", "join", "shop/devs", account)
    assert as_(admin, server, account).done("tags", "grouped/web").rows
    assert as_admin(admin, server).done("group", "rm", "shop/devs").out == "Removed the group shop/devs.\n"
    assert admin.done("grant", "list", "--who", "group:shop/devs").rows == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("add", "-x-"), "invalid group name"),
        (("rm", "g-none"), "group g-none is not known"),
        (("join", "g-none", "admin"), "group g-none is not known"),
    ],
)
def test_what_cannot_be_done_with_a_group_is_one_clear_line(
    admin: Wharf, words: tuple[str, ...], expected: str
) -> None:
    assert expected in admin.refused("group", words[0], "--", *words[1:])


def test_who_may_not_is_told_so(admin: Wharf, server: Server, account: str) -> None:
    as_(admin, server, account)
    assert f"{account} does not hold admin on all of shop/** to give it" in admin.refused(
        "grant", "add", account, "reader", "shop/**"
    )
    for words in (("group", "list"), ("role", "add", "own", "pull")):
        assert f"nothing lets {account} admin" in admin.refused(*words)


def test_one_sees_ones_own_grants(admin: Wharf, server: Server, account: str) -> None:
    admin.done("grant", "add", account, "reader", "own/**")
    assert [row[1:4] for row in as_(admin, server, account).done("grant", "list").rows] == [
        [account, "reader", "own/**"]
    ]
