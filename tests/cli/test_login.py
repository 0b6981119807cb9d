import json
import stat
from pathlib import Path

import pytest

from tests.cli.server import Server, Wharf
from tests.cli.terminal import at_a_terminal
from wharfinger.cli import logins
from wharfinger.cli.client import is_loopback, registry_url
from wharfinger.errors import Refusal


def test_what_is_kept_is_a_token_for_this_user_alone(admin: Wharf, server: Server) -> None:
    kept = admin.login_file.read_text()
    assert json.loads(kept).keys() == {"url", "username", "token", "expires"}
    assert server.password not in kept
    assert stat.S_IMODE(admin.login_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(admin.login_file.parent.stat().st_mode) == 0o700


def test_a_folder_that_others_could_read_is_closed(stranger: Wharf, server: Server) -> None:
    stranger.login_file.parent.mkdir(mode=0o755)
    stranger.login_file.write_text("old")
    stranger.login_file.chmod(0o644)
    stranger.done("login", server.url, "--username", "admin", "--password-stdin", stdin=server.password)
    assert stat.S_IMODE(stranger.login_file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(stranger.login_file.stat().st_mode) == 0o600
    assert list(stranger.login_file.parent.iterdir()) == [stranger.login_file]


def test_a_wrong_password_keeps_nothing(stranger: Wharf, server: Server) -> None:
    said = stranger.refused("login", server.url, "--username", "admin", "--password-stdin", stdin="wrong\n")
    assert said == f"{server.url} does not accept this user name and password"
    assert not stranger.login_file.exists()


def test_a_login_that_fails_leaves_the_one_before(admin: Wharf, server: Server) -> None:
    before = admin.login_file.read_text()
    admin.refused("login", server.url, "--username", "admin", "--password-stdin", stdin="wrong\n")
    assert admin.login_file.read_text() == before


def test_after_logout_the_token_is_worth_nothing(admin: Wharf) -> None:
    kept = admin.login_file.read_text()
    assert "Logged out" in admin.done("logout").out
    assert not admin.login_file.exists()
    admin.login_file.write_text(kept)
    assert "expired or was ended" in admin.refused("repos")
    admin.done("logout")


def test_without_a_login_one_is_told_how(stranger: Wharf) -> None:
    for command in (["repos"], ["tags", "shop/web"], ["users", "list"], ["logout"], ["rm", "shop/web:1"]):
        assert stranger.refused(*command) == "you are not logged in: run 'wharf login URL'"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"url": "x"}', "\udc80"])
def test_a_damaged_file_is_said_to_be(stranger: Wharf, content: str) -> None:
    stranger.login_file.parent.mkdir()
    stranger.login_file.write_bytes(content.encode(errors="surrogateescape"))
    assert stranger.refused("repos").endswith("is damaged: run 'wharf login URL' again")


def test_a_file_that_cannot_be_written_is_said_to_be(stranger: Wharf, server: Server) -> None:
    stranger.login_file.parent.write_text("in the way")
    said = stranger.refused("login", server.url, "--username", "admin", "--password-stdin", stdin=server.password)
    assert said.startswith("cannot write ")


def test_nobody_to_ask_is_said_and_what_to_use_instead(stranger: Wharf, server: Server) -> None:
    assert "--username" in stranger.refused("login", server.url, "--password-stdin")
    assert "--password-stdin" in stranger.refused("login", server.url, "--username", "admin")
    assert "no password" in stranger.refused("login", server.url, "--username", "admin", "--password-stdin")


def test_a_password_is_not_sent_in_the_clear_to_another_machine(stranger: Wharf) -> None:
    words = ("login", "http://registry.example", "--username", "admin", "--password-stdin")
    assert "is not encrypted" in stranger.refused(*words, stdin="secret")
    assert "cannot connect" in stranger.refused(*words, "--insecure", stdin="secret")


def test_a_password_is_no_argument(stranger: Wharf, server: Server) -> None:
    assert stranger("login", server.url, "--username", "admin", "--password", "secret").status == 2
    assert "secret" not in stranger.refused("login", "https://admin:secret@registry.example")


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("registry.example", "https://registry.example"),
        ("registry.example:5000", "https://registry.example:5000"),
        ("https://registry.example/", "https://registry.example"),
        ("http://registry.example:80", "http://registry.example:80"),
        ("localhost:5000", "http://localhost:5000"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("https://localhost:5000", "https://localhost:5000"),
    ],
)
def test_addresses(typed: str, url: str) -> None:
    assert registry_url(typed) == url


@pytest.mark.parametrize(
    "typed",
    ["", "https://", "ftp://x", "https://x/path", "https://x?q", "https://x#f", "https://x:port", "http://[::1"],
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(Refusal):
        registry_url(typed)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost", True),
        ("http://a.localhost:1", True),
        ("http://127.8.8.8", True),
        ("http://[::1]:5000", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
        ("http://0.0.0.0", False),
        ("http://[::1", False),
    ],
)
def test_what_stays_on_this_machine(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


def test_the_file_is_in_the_home_when_nothing_else_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert logins.file() == tmp_path / ".config" / "wharfinger" / "login.json"


def test_a_login_does_not_print_its_token() -> None:
    assert "wharf_" not in repr(logins.Login("https://x", "ci", "wharf_secret", 0.0))


def test_at_a_terminal_the_password_is_typed_unseen(stranger: Wharf, server: Server) -> None:
    status, screen = at_a_terminal(["login", server.url, "--username", "admin"], [("Password: ", server.password)])
    assert status == 0, screen
    assert f"Logged in to {server.url} as admin." in screen
    assert server.password not in screen
    stranger.done("repos")


def test_nothing_typed_is_nothing_done(stranger: Wharf, server: Server) -> None:
    status, screen = at_a_terminal(["login", server.url, "--username", "admin"], [("Password: ", "\x04")])
    assert status == 1
    assert "wharf: nothing was typed" in screen
    assert not stranger.login_file.exists()
