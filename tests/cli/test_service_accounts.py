"""``wharf sa``, ``wharf secret`` and ``wharf token``, against a running server."""

import time
from datetime import UTC, datetime

import pytest

from tests.cli.server import Result, Server, Wharf
from tests.kit.images import image
from wharfinger.access import tokens
from wharfinger.access.tokens import Kind
from wharfinger.cli.ends import ends_at
from wharfinger.errors import Refusal

PASSWORD = "another horse battery"
DAY = 86400.0


def told_once(result: Result, kind: Kind) -> str:
    """The secret that is alone on standard output, as a script would take it; people are told of it elsewhere."""
    assert result.status == 0
    assert "it is not shown again" in result.err
    assert result.out.count("\n") == 1
    secret = result.out.strip()
    assert tokens.kind_of(secret) is kind
    assert secret not in result.err
    return secret


def test_a_service_account_has_secrets_one_after_the_other_without_a_gap(admin: Wharf, server: Server) -> None:
    assert "wharf secret add sa-ci" in admin.done("sa", "add", "sa-ci").out
    first = told_once(admin("secret", "add", "sa-ci", "--label", "pipeline"), Kind.SECRET)
    second = told_once(admin("secret", "add", "sa-ci", "--label", "pipeline, next", "--expires", "never"), Kind.SECRET)
    assert server.accepts("sa-ci", first)
    assert server.accepts("sa-ci", second)
    assert not server.accepts("admin", second)
    rows = admin.done("secret", "list", "sa-ci").rows
    assert [(row[1], row[3], row[5]) for row in rows] == [
        ("pipeline", "admin", rows[0][5]),
        ("pipeline, next", "admin", "for ever"),
    ]
    admin.done("secret", "rm", rows[0][0])
    assert not server.accepts("sa-ci", first)
    assert server.accepts("sa-ci", second)
    listed = admin.done("secret", "list", "sa-ci", "--json").out
    assert "hash" not in listed
    assert second not in listed


def test_a_secret_lasts_ninety_days_unless_something_else_is_said(admin: Wharf) -> None:
    admin.done("sa", "add", "sa-ends")
    before = int(time.time())  # an end is at a whole second
    for words in ((), ("--expires", "12h"), ("--expires", "2099-01-31"), ("--expires", "2099-01-31T18:00Z")):
        told_once(admin("secret", "add", "sa-ends", "--label", "some", *words), Kind.SECRET)
    after = time.time()
    made = [each["expires_at"] for each in admin.done("secret", "list", "sa-ends", "--json").json]
    assert before + 90 * DAY <= made[0] <= after + 90 * DAY
    assert before + DAY / 2 <= made[1] <= after + DAY / 2
    day = datetime(2099, 1, 31, tzinfo=UTC).timestamp()
    assert made[2:] == [day, day + 18 * 3600]


def test_a_service_account_is_disabled_enabled_given_away_and_removed(admin: Wharf, server: Server) -> None:
    admin.done("users", "add", "sa-owner", "--password-stdin", stdin=PASSWORD)
    admin.done("sa", "add", "sa-moved", "--owner", "sa-owner")
    secret = told_once(admin("secret", "add", "sa-moved", "--label", "x"), Kind.SECRET)
    admin.done("sa", "disable", "sa-moved")
    assert not server.accepts("sa-moved", secret)
    assert next(row for row in admin.done("sa", "list").rows if row[0] == "sa-moved")[1:3] == ["sa-owner", "disabled"]
    admin.done("sa", "enable", "sa-moved")
    assert server.accepts("sa-moved", secret)
    admin.done("sa", "owner", "sa-moved", "admin")
    found = next(each for each in admin.done("sa", "list", "--json").json if each["name"] == "sa-moved")
    assert (found["owner"], found["disabled"]) == ("admin", False)
    admin.done("sa", "rm", "sa-moved")
    assert not server.accepts("sa-moved", secret)
    assert "sa-moved" not in admin.done("sa", "list").out


def test_an_owner_manages_its_own_and_no_others(admin: Wharf, server: Server) -> None:
    admin.done("users", "add", "sa-boss", "--password-stdin", stdin=PASSWORD)
    admin.done("sa", "add", "sa-own", "--owner", "sa-boss")
    admin.done("sa", "add", "sa-other")
    admin.done("login", server.url, "--username", "sa-boss", "--password-stdin", stdin=PASSWORD)
    assert [row[0] for row in admin.done("sa", "list").rows] == ["sa-own"]
    told_once(admin("secret", "add", "sa-own", "--label", "x"), Kind.SECRET)
    for words in (
        ("secret", "add", "sa-other", "--label", "x"),
        ("secret", "list", "sa-other"),
        ("sa", "disable", "sa-other"),
    ):
        assert "sa-other is no service account of yours" in admin.refused(*words)
    assert "nothing lets sa-boss admin" in admin.refused("sa", "rm", "sa-own")


def test_a_personal_token_is_narrower_than_its_owner(admin: Wharf, server: Server) -> None:
    server.push("token-shop/web", image(), "1")
    server.push("token-other/web", image(), "1")
    words = ("--label", "laptop", "--repositories", "token-shop/*", "--expires", "30d")
    narrow = told_once(admin("token", "add", *words), Kind.TOKEN)
    assert server.accepts("admin", narrow)
    (row,) = admin.done("token", "list").rows
    assert (row[1], row[3], row[6:]) == ("laptop", "admin", ["pull", "token-shop/*"])
    wide = ("--repositories", "token-shop/*", "--repositories", "token-other/web", "--actions", "pull")
    told_once(admin("token", "add", "--label", "two", *wide, "--actions", "push"), Kind.TOKEN)
    found = admin.done("token", "list", "--account", "admin", "--json").json
    assert (found[1]["actions"], found[1]["repositories"]) == (["pull", "push"], ["token-shop/*", "token-other/web"])
    for each in found:
        admin.done("token", "rm", each["id"])
    assert not server.accepts("admin", narrow)
    assert admin.done("token", "list").out == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("sa", "add", "Not-A-Name"), "invalid account name"),
        (("sa", "add", "admin"), "account admin is there already"),
        (("sa", "add", "sa-x", "--owner", "nobody"), "nobody cannot own a service account"),
        (("sa", "disable", "admin"), "service account admin is not known"),
        (("secret", "add", "sa-nobody", "--label", "x"), "service account sa-nobody is not known"),
        (("secret", "add", "sa-nobody", "--label", "x", "--expires", "soon"), "'soon' is no day or time"),
        (
            ("secret", "add", "sa-nobody", "--label", "x", "--expires", "90x"),
            "'90x' is no time from now: want a length of time such as",
        ),
        (("secret", "add", "sa-nobody", "--label", "x", "--expires", "9999d"), "ten years is the most"),
        (("secret", "add", "sa-nobody", "--label", "x", "--expires", "2001-01-01"), "a time to come"),
        (("secret", "rm", "0123456789"), "secret '0123456789' is not known"),
        (("token", "add", "--label", "x", "--repositories", "**", "--expires", "never"), "must end"),
        (("token", "add", "--label", "x", "--repositories", "**", "--expires", "400d"), "a year at most"),
        (("token", "add", "--label", "x", "--repositories", "Shop"), "invalid repository pattern"),
        (("token", "add", "--label", "x", "--repositories", "**", "--actions", "fly"), "no such action 'fly'"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(admin: Wharf, words: tuple[str, ...], expected: str) -> None:
    assert expected in admin.refused(*words)


@pytest.mark.parametrize("words", [("token", "add", "--label", "x"), ("secret", "add", "sa-x")])
def test_what_must_be_said_is_asked_for(admin: Wharf, words: tuple[str, ...]) -> None:
    assert admin(*words).status == 2


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("never", None),
        ("2027-01-31", 1801353600.0),
        ("2027-01-31T18:00Z", 1801418400.0),
        ("2027-01-31T18:00", 1801418400.0),
        ("2027-01-31T18:00+02:00", 1801411200.0),
        ("20270131", 1801353600.0),
    ],
)
def test_a_day_and_a_time_are_understood(text: str, ends: float | None) -> None:
    assert ends_at(text) == ends


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1.5d", "10 days", "1d1h", "31.01.2027", "2027-02-30", "Never"])
def test_what_is_no_end_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="want"):
        ends_at(text)
