"""What the parts share: a free port, and a program that runs for the length of a block."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


class ProgramFailed(Exception):
    """A program failed, ended early or was not ready in time; the message ends with its last words."""


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def program(
    command: Sequence[str | Path],
    log: Path,
    *,
    ready: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    seconds: float = 60,
    stop_signal: signal.Signals = signal.SIGTERM,
    patience: float = 15,
) -> Iterator[int]:
    """Run command in a process group of its own, output to log; the block runs once it is ready, with its process id.

    When the block ends, the program is asked to stop; after so many seconds of patience its whole group is killed.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(env or {})},
        )
    try:
        _wait(process, log, ready, seconds)
        yield process.pid
    finally:
        _stop(process, stop_signal, patience)


def listens(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listens_at(path: Path) -> bool:
    """Whether something accepts connections on this Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def answers(port: int, path: str = "/") -> bool:
    """Whether an HTTP server on this loopback port answers the path, with any status below 500."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def run(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, stdin: str = "", seconds: float = 300
) -> str:
    """Run command to its end and return what it printed; its own words are in the error if it fails."""
    return finished(command, env=env, stdin=stdin, seconds=seconds).stdout


def finished(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, stdin: str = "", seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    """The same, with what it said beside that."""
    words = [str(word) for word in command]
    whole = {**os.environ, **(env or {})}
    result = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=seconds, env=whole, check=False)
    if result.returncode != 0:
        said = result.stdout[-2000:] + result.stderr[-4000:]
        raise ProgramFailed(f"{' '.join(words)} ended with {result.returncode}:\n{said}")
    return result


def _wait(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise ProgramFailed(f"{process.args!r} ended with {process.returncode}:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise ProgramFailed(f"{process.args!r} was not ready in {seconds} s:\n{_tail(log)}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, patience: float) -> None:
    if process.poll() is None:
        process.send_signal(stop_signal)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=patience)
    _kill_group(process.pid)
    process.wait()


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]
