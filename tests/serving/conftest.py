"""A supervisor with its processes, around an application of a few lines."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def eventually(check: Callable[[], object], seconds: float = 15) -> None:
    """Return when ``check`` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@dataclass
class Running:
    """The supervisor as a process, and what one asks of it."""

    data: Path
    port: int
    process: subprocess.Popen[str]
    tls: ssl.SSLContext | None = None
    connections: list[HTTPConnection] = field(default_factory=list)

    def connect(self) -> HTTPConnection:
        """A connection of its own, closed at the end of the test."""
        if self.tls is None:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        else:
            connection = HTTPSConnection("localhost", self.port, timeout=10, context=self.tls)
        self.connections.append(connection)
        return connection

    def get(self, path: str) -> Any:
        connection = self.connect()
        connection.request("GET", path, headers={"connection": "close"})
        return json.loads(connection.getresponse().read())

    def answers(self) -> bool:
        assert self.process.poll() is None, self.ended()
        with contextlib.suppress(OSError):
            return bool(self.get("/pid")["parent"] == self.process.pid)
        return False

    def workers(self) -> set[int]:
        pids = {int(file.read_text() or 0) for file in self.data.glob("worker-*")}
        return {pid for pid in pids if lives(pid)}

    def housekeeping(self) -> int:
        file = self.data / "housekeeping"
        return int(file.read_text() or 0) if file.exists() else 0

    def stop(self) -> int:
        """Ask it to stop and wait for that; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def ended(self) -> str:
        """What it wrote, once it has ended."""
        out, err = self.process.communicate(timeout=20)
        return out + err


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a supervisor; by default waits until it serves."""
    started: list[Running] = []

    def start(*, wait: bool = True, tls: ssl.SSLContext | None = None, **settings: object) -> Running:
        port = int(str(settings.pop("port", free_port())))
        given = {"data": tmp_path / "data", "listen": f"127.0.0.1:{port}", "shutdown_grace": "5s"} | settings
        words = [f"{name}={value}" for name, value in given.items()]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.serving.run", *words],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running = Running(Path(str(given["data"])), port, process, tls)
        started.append(running)
        if wait:
            eventually(running.answers)
            eventually(running.housekeeping)
        return running

    yield start
    for running in started:
        for connection in running.connections:
            connection.close()
        running.process.kill()
        running.process.communicate()
