import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.server import Server, Wharf

PASSWORD = "another horse battery"


def password_of(out: str) -> str:
    return next(line for line in out.splitlines() if line.startswith("Password: ")).removeprefix("Password: ")


def test_a_generated_password_is_printed_once_and_works(admin: Wharf, server: Server) -> None:
    added = admin.done("users", "add", "cli-generated", "--role", "publisher", "--on", "cli/**")
    assert added.out.count("Password: ") == 1
    assert server.accepts("cli-generated", password_of(added.out))
    assert "cli-generated is now publisher on cli/**." in added.out
    granted = admin.done("grant", "list", "--who", "cli-generated").rows
    assert [row[1:4] for row in granted] == [["cli-generated", "publisher", "cli/**"]]


def test_an_account_may_do_nothing_until_something_is_granted(admin: Wharf) -> None:
    assert (
        "It may do nothing yet: wharf grant add cli-nothing reader PATTERN"
        in admin.done("users", "add", "cli-nothing").out
    )
    assert admin.done("grant", "list", "--who", "cli-nothing").rows == []


@pytest.mark.parametrize("alone", [("--role", "reader"), ("--on", "**")])
def test_a_role_and_where_go_together(admin: Wharf, alone: tuple[str, str]) -> None:
    assert "--role and --on go together" in admin.refused("users", "add", "cli-half", *alone)
    assert "cli-half" not in admin.done("users", "list").out


def test_a_given_password_is_not_printed(admin: Wharf, server: Server) -> None:
    added = admin.done("users", "add", "cli-given", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert PASSWORD not in added.out
    assert "Password" not in added.out
    assert server.accepts("cli-given", PASSWORD)


def test_users_are_listed(admin: Wharf) -> None:
    admin.done("users", "add", "cli-listed")
    admin.done("users", "disable", "cli-listed")
    row = next(row for row in admin.done("users", "list").rows if row[0] == "cli-listed")
    assert row[1] == "disabled"
    found = next(user for user in admin.done("users", "list", "--json").json if user["name"] == "cli-listed")
    assert found["disabled"] is True


def test_an_account_is_changed_and_each_change_counts_at_once(admin: Wharf, server: Server) -> None:
    first = password_of(admin.done("users", "add", "cli-changed").out)
    assert server.accepts("cli-changed", first)
    admin.done("users", "passwd", "cli-changed", "--password-stdin", stdin=PASSWORD)
    assert not server.accepts("cli-changed", first)
    assert server.accepts("cli-changed", PASSWORD)
    admin.done("users", "disable", "cli-changed")
    assert not server.accepts("cli-changed", PASSWORD)
    admin.done("users", "enable", "cli-changed")
    assert server.accepts("cli-changed", PASSWORD)
    admin.done("users", "rm", "cli-changed")
    assert not server.accepts("cli-changed", PASSWORD)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("add", "Not-A-Name"), "invalid account name"),
        (("add", "admin"), "account admin is there already"),
        (("disable", "admin"), "nobody would be left who administers everything"),
        (("rm", "admin"), "nobody would be left who administers everything"),
        (("enable", "cli-nobody"), "account cli-nobody is not known"),
        (("passwd", "admin"), "--password-stdin"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(admin: Wharf, words: tuple[str, ...], expected: str) -> None:
    assert expected in admin.refused("users", *words)


def test_a_short_password_is_refused(admin: Wharf) -> None:
    said = admin.refused("users", "add", "cli-short", "--password-stdin", stdin="short\n")
    assert said == "a password has 12 to 1024 characters; this one has 5"


def test_who_may_not_is_told_why(admin: Wharf, server: Server) -> None:
    password = password_of(admin.done("users", "add", "cli-reader").out)
    admin.done("login", server.url, "--username", "cli-reader", "--password-stdin", stdin=password)
    assert "nothing lets cli-reader admin" in admin.refused("users", "list")


def test_a_password_is_set_in_the_database_while_the_server_runs(
    admin: Wharf, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = password_of(admin.done("users", "add", "cli-offline").out)
    assert server.accepts("cli-offline", password)
    admin.login_file.unlink()
    data = str(server.data)
    admin.done("users", "passwd", "cli-offline", "--password-stdin", "--data", data, stdin=PASSWORD)
    began = time.monotonic()
    while server.accepts("cli-offline", password):  # another process: it looks again after a fifth of a second
        assert time.monotonic() < began + 10
    assert server.accepts("cli-offline", PASSWORD)
    said = admin.refused("users", "passwd", "cli-nobody", "--password-stdin", "--data", data, stdin=PASSWORD)
    assert said == "account cli-nobody is not known"


def test_a_settings_file_names_the_database_as_well(admin: Wharf, server: Server, tmp_path: Path) -> None:
    admin.done("users", "add", "cli-by-file")
    settings = tmp_path / "wharf.yaml"
    settings.write_text(f"data: {server.data}\n")
    admin.done("users", "passwd", "cli-by-file", "--password-stdin", "--config", str(settings), stdin=PASSWORD)
    began = time.monotonic()
    while not server.accepts("cli-by-file", PASSWORD):
        assert time.monotonic() < began + 10


def test_where_there_is_no_registry_none_is_made(stranger: Wharf, tmp_path: Path) -> None:
    words = ("users", "passwd", "admin", "--password-stdin", "--data", str(tmp_path))
    assert "there is no registry's database" in stranger.refused(*words, stdin=PASSWORD)
    assert list(tmp_path.iterdir()) == []
    sqlite3.connect(tmp_path / "wharf.db").close()
    assert "database" in stranger.refused(*words, stdin=PASSWORD)


def test_the_whole_program_says_one_line_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.prefix, "bin", "wharf"), "users", "list"],
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "wharf: you are not logged in: run 'wharf login URL'\n"
