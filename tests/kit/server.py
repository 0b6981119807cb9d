"""`wharf serve` as an operator starts it, to be killed, stopped and started again.

with serve(folder, environment={"WHARF_UPLOAD_EXPIRY": "1s"}) as server:
    server.kill()
    server.restart()
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.kit.backends import Backend
from tests.kit.client import Client
from tests.kit.parts.process import ProgramFailed, answers, free_port

ACCOUNT = ("admin", "only for these tests")
START_SECONDS = 120.0
STOP_SECONDS = 60.0


class Running(Protocol):
    """The first process of a group; a Popen is one."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...


@dataclass
class Server:
    """One server with its workers and its housekeeping, all in a process group of their own."""

    launch: Callable[[], Running]
    port: int
    log: Path
    host: str = "127.0.0.1"
    running: Running | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The first process, usually the supervisor; the group's number too."""
        assert self.running is not None
        return self.running.pid

    def client(self) -> Client:
        """A client that may do everything."""
        return Client(self.url, account=ACCOUNT)

    def processes(self, role: str) -> list[int]:
        """The running ``worker`` or ``housekeeping`` processes."""
        return [pid for pid in group(self.pid) if f"wharfinger.serving.child {role}" in _command(pid)]

    def start(self) -> None:
        """Start it, and return when it is ready. Raises ProgramFailed with its last words."""
        self.running = self.launch()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Return when it can serve. Raises ProgramFailed with its last words."""
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.port, "/readyz"):
            ended = self.running is None or self.running.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                why = "ended" if ended else f"was not ready in {START_SECONDS:g} s"
                raise ProgramFailed(f"the server {why}:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to every process of it at once; return when none is left."""
        if self.running is not None:
            kill_group(self.running.pid)
            self.running.wait()

    def stop(self) -> int:
        """SIGTERM to the supervisor; its exit status."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(STOP_SECONDS)

    def restart(self) -> None:
        """Start it again, stopped or killed as it is."""
        self.start()


@contextmanager
def serve(
    folder: Path,
    *,
    backend: Backend | None = None,
    environment: Mapping[str, str] | None = None,
    workers: int = 1,
    port: int | None = None,
) -> Iterator[Server]:
    """A running server with its data in ``folder``; nothing of it runs afterwards."""
    port = port or free_port()
    log = folder.with_name(f"{folder.name}.log")
    command = [
        *(Path(sys.executable).with_name("wharf"), "serve"),
        *("--data", folder, "--listen", f"127.0.0.1:{port}", "--workers", str(workers)),
    ]
    # Scanning what a test pushes by the thousand would take the processor from what it is about.
    given = {"WHARF_ADMIN_PASSWORD": ACCOUNT[1], "WHARF_SCAN_ON_PUSH": "false"}
    given |= {**(backend.environment if backend else {}), **(environment or {})}
    server = Server(lambda: _launch([str(word) for word in command], log, given), port, log)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _launch(command: list[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **environment},
        )


def kill_group(number: int) -> None:
    """SIGKILL to all processes of the group; return when none of them runs any more."""
    while True:
        with suppress(ProcessLookupError):
            os.killpg(number, signal.SIGKILL)
        if not group(number):
            return
        time.sleep(0.005)


def group(number: int) -> list[int]:
    """The processes of the group that run; those that only wait to be reaped do not count."""
    return [
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if (fields := _read(stat).rpartition(")")[2].split()) and fields[0] not in "ZX" and fields[2] == str(number)
    ]


def _command(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended meanwhile
        return ""
