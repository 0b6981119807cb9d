from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.server import Server, Wharf
from tests.kit.parts.wharf import wharf

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One registry for all commands; each test has repositories and accounts of its own."""
    folder = tmp_path_factory.mktemp("server")
    with wharf(folder, password=PASSWORD) as host:
        yield Server(f"http://{host}", PASSWORD, folder / "wharf")


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    """The command, not logged in."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return Wharf(tmp_path, monkeypatch, capsys)


@pytest.fixture
def admin(stranger: Wharf, server: Server) -> Wharf:
    """The command, logged in as the administrator."""
    stranger.done("login", server.url, "--username", "admin", "--password-stdin", stdin=f"{server.password}\n")
    return stranger
