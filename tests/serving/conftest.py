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


def eventually(check: Callable[[], object], seconds: float = 30) -> None:
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
    process: subprocess.Popen[bytes]
    log: Path
    tls: ssl.SSLContext | None = None
    connections: list[HTTPConnection] = field(default_factory=list)

    def connect(self) -> HTTPConnection:
        """A connection of its own, closed at the end of the test."""
        if self.tls is None:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        else:
            connection = HTTPSConnection("localhost", self.port, timeout=30, context=self.tls)
        self.connections.append(connection)
        return connection

    def get(self, path: str) -> Any:
        connection = self.connect()
        connection.request("GET", path, headers={"connection": "close"})
        return json.loads(connection.getresponse().read())

    def answers(self) -> bool:
        assert self.process.poll() is None, self.said()
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
        return self.process.wait(timeout=30)

    def said(self) -> str:
        """What it wrote so far."""
        return self.log.read_text()

    def close(self) -> None:
        """Leave nothing behind."""
        for connection in self.connections:
            connection.close()
        self.process.kill()
        self.process.wait()


def start_in(folder: Path, *, tls: ssl.SSLContext | None = None, **settings: object) -> Running:
    """A supervisor that was just started, with its data in ``folder``."""
    port = int(str(settings.pop("port", 0) or free_port()))
    given = {"data": folder / "data", "listen": f"127.0.0.1:{port}", "shutdown_grace": "5s"} | settings
    log = folder / f"{time.monotonic_ns()}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.serving.run", *(f"{name}={value}" for name, value in given.items())],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            cwd=folder,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    return Running(folder / "data", port, process, log, tls)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a supervisor; by default waits until it serves."""
    started: list[Running] = []

    def start(*, wait: bool = True, tls: ssl.SSLContext | None = None, **settings: object) -> Running:
        running = start_in(tmp_path, tls=tls, **settings)
        started.append(running)
        if wait:
            eventually(running.answers)
            eventually(running.housekeeping)
        return running

    yield start
    for running in started:
        running.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A supervisor that serves, for all tests of a module that leave it as it is."""
    started = start_in(tmp_path_factory.mktemp("serving"))
    eventually(started.answers)
    yield started
    started.close()
