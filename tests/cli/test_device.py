"""``wharf login`` with a browser somewhere else: a real command, a real server, and a browser without a screen."""

import asyncio
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.server import Server, Wharf
from tests.cli.terminal import WHARF
from tests.kit.browser import Browser
from wharfinger.cli import device
from wharfinger.errors import Refusal

CODE = re.compile(r"http://[0-9.:]+(/device\?user_code=[A-Z]{4}-[A-Z]{4})")


def started(server: Server, home: Path) -> tuple["subprocess.Popen[str]", str]:
    """The command at work, and the page that it shows."""
    command = subprocess.Popen(
        [WHARF, "login", server.url],
        env={**os.environ, "XDG_CONFIG_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert command.stdout is not None
    said = ""
    while "Waiting" not in said:
        line = command.stdout.readline()
        assert line, said
        said += line
    found = CODE.search(said)
    assert found is not None, said
    assert found[1].rpartition("=")[2] in said.partition("\n")[2]
    return command, found[1]


def decide(server: Server, page: str, decision: str) -> None:
    async def browse() -> None:
        async with Browser(None, home=server.url) as browser:
            await browser.open(page)
            await browser.send(username="admin", password=server.password)
            await browser.send(to="/device")
            assert "wharf " in browser.page.text
            assert "127.0.0.1" in browser.page.text
            await browser.send(("decision", decision))
            assert browser.answer.status_code == 200, browser.page.text

    asyncio.run(browse())


def test_who_is_approved_is_logged_in(stranger: Wharf, server: Server) -> None:
    command, page = started(server, stranger.home)
    decide(server, page, "approve")
    said, _ = command.communicate(timeout=60)
    assert (command.returncode, said) == (0, f"Logged in to {server.url} as admin.\n")
    stranger.done("repos")
    assert stat_mode(stranger.login_file) == 0o600
    stranger.done("logout")


def test_who_is_denied_is_not(stranger: Wharf, server: Server) -> None:
    command, page = started(server, stranger.home)
    decide(server, page, "deny")
    said, _ = command.communicate(timeout=60)
    assert (command.returncode, said) == (1, "wharf: the log-in was denied\n")
    assert not stranger.login_file.exists()


def test_it_waits_as_it_is_told_and_not_for_ever(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    slept: list[float] = []
    with pytest.raises(Refusal) as refusal:
        device.log_in(server.url, slept.append)
    assert refusal.value.message == "nobody has approved the code in time: try again"
    # The clock does not move while nobody really sleeps: the server says slow_down from the second question on.
    assert slept[:4] == [5, 5, 10, 15]
    assert sum(slept[:-1]) < 600 <= sum(slept)


def test_what_the_server_says_does_not_reach_the_terminal_raw(
    stranger: Wharf, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stop(Exception):
        pass

    def stop(_: float) -> None:
        raise Stop

    with pytest.raises(Stop):
        device.log_in(server.url, stop)
    assert all(each.isprintable() for each in capsys.readouterr().out.splitlines())


def test_people_are_linked_and_unlinked(admin: Wharf) -> None:
    name = f"linked-{time.time_ns()}"
    admin.done("users", "add", name)
    words = ("--issuer", "https://login.example.org", "--subject", "a/b c")
    assert name in admin.done("users", "link", name, *words).out
    assert [name, "https://login.example.org", "a/b c"] in admin.done("users", "links").rows
    assert "already" in admin.refused("users", "link", "admin", *words)
    assert "not known" in admin.refused("users", "link", "nobody-at-all", *(*words[:3], "x"))
    admin.done("users", "unlink", name, *words)
    assert admin.done("users", "links").rows == []
    assert f"is not {name}" in admin.refused("users", "unlink", name, *words)


def stat_mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
