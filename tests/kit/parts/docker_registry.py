"""Debian's docker-registry: another program's reading of the same specification."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.parts.process import answers, free_port, program, run
from tests.kit.parts.tools import tool


@contextmanager
def docker_registry(folder: Path, *, username: str = "", password: str = "") -> Iterator[str]:
    """A registry with its blobs in folder, plain HTTP, and its host:port. With a username, nobody else gets in."""
    port = free_port()
    home = folder / "docker-registry"
    home.mkdir()
    settings = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(home / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if username:
        (home / "htpasswd").write_text(f"{username}:{_bcrypt(password)}\n")
        settings["auth"] = {"htpasswd": {"realm": "tests", "path": str(home / "htpasswd")}}
    (home / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
    with program(
        [tool("docker-registry"), "serve", home / "config.yml"],
        home / "docker-registry.log",
        ready=lambda: answers(port, "/v2/"),
    ):
        yield f"127.0.0.1:{port}"


def _bcrypt(password: str) -> str:
    """By Perl, which every Debian has: Python's own crypt is deprecated."""
    return run(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, "$2b$05$" + "a" * 22])
