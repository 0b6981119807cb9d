"""``wharf sa``, ``wharf secret`` and ``wharf token``, as somebody at a terminal and as a script."""

import time

from tests.cli.server import Server, Wharf


def test_from_nothing_to_a_pipeline_that_pushes_and_back(admin: Wharf, server: Server) -> None:
    assert "wharf grant add ci-shop" in admin.done("sa", "add", "ci-shop").out
    admin.done("grant", "add", "ci-shop", "publisher", "shop/**")
    made = admin("secret", "add", "ci-shop", "--label", "the pipeline")
    secret = made.out.strip()
    assert (made.status, made.out.count("\n")) == (0, 1)  # what a script captures is the secret and nothing else
    assert secret.startswith("wharf_s")
    assert "not shown again" in made.err
    assert secret not in made.err
    assert server.accepts("ci-shop", secret)

    (row,) = admin.done("secret", "list", "ci-shop").rows
    assert (row[1], row[3]) == ("the pipeline", "admin")
    (listed,) = admin.done("secret", "list", "ci-shop", "--json").json
    assert abs(listed["expires_at"] - time.time() - 90 * 86400) < 60
    assert secret not in str(listed)

    admin.done("sa", "disable", "ci-shop")
    assert not server.accepts("ci-shop", secret)
    admin.done("sa", "enable", "ci-shop")
    assert server.accepts("ci-shop", secret)
    admin.done("secret", "rm", row[0])
    assert not server.accepts("ci-shop", secret)
    admin.done("sa", "rm", "ci-shop")
    assert "ci-shop" not in admin.done("sa", "list").out


def test_a_service_account_changes_hands(admin: Wharf) -> None:
    admin.done("users", "add", "cli-owner")
    admin.done("sa", "add", "ci-handed", "--owner", "cli-owner")
    assert ["ci-handed", "cli-owner", "enabled"] in [row[:3] for row in admin.done("sa", "list").rows]
    admin.done("sa", "owner", "ci-handed", "admin")
    admin.done("users", "rm", "cli-owner")
    assert ["ci-handed", "admin", "enabled"] in [row[:3] for row in admin.done("sa", "list").rows]


def test_a_personal_token_is_narrow_and_ends(admin: Wharf, server: Server) -> None:
    made = admin("token", "add", "--label", "laptop", "--repositories", "shop/**", "--expires", "12h")
    token = made.out.strip()
    assert token.startswith("wharf_p")
    assert server.accepts("admin", token)
    (row,) = admin.done("token", "list").rows
    assert row[-2:] == ["pull", "shop/**"]
    assert [row[0]] == [each[0] for each in admin.done("token", "list", "--account", "admin").rows]
    admin.done("token", "rm", row[0])
    assert not server.accepts("admin", token)


def test_what_cannot_be_is_one_clear_line(admin: Wharf) -> None:
    admin.done("sa", "add", "ci-refused")
    assert "is there already" in admin.refused("sa", "add", "ci-refused")
    assert "cannot own" in admin.refused("sa", "add", "ci-other", "--owner", "ci-refused")
    assert "not known" in admin.refused("secret", "add", "admin", "--label", "x")
    assert "no time from now" in admin.refused("secret", "add", "ci-refused", "--label", "x", "--expires", "5 moons")
    assert "no day or time" in admin.refused("secret", "add", "ci-refused", "--label", "x", "--expires", "soon")
    assert "ended already" in admin.refused("secret", "add", "ci-refused", "--label", "x", "--expires", "2020-01-01")
    assert "must end" in admin.refused("token", "add", "--label", "x", "--repositories", "**", "--expires", "never")
    assert "a year" in admin.refused("token", "add", "--label", "x", "--repositories", "**", "--expires", "400d")
    assert "repository pattern" in admin.refused("token", "add", "--label", "x", "--repositories", "*")
    assert "not known" in admin.refused("secret", "rm", "nothing")
    assert "is a service account" in admin.refused(
        "users", "passwd", "ci-refused", "--password-stdin", stdin="long enough 1"
    )
