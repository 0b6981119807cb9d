"""Starting the process that reads layers, giving it their bytes, and ending it when it takes too long."""

import asyncio
import fcntl
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, Self, cast

import msgspec

from wharfinger.scanning import frames
from wharfinger.scanning.layers import LayerCatalogue
from wharfinger.scanning.limits import MIB, Limits, Unreadable
from wharfinger.scanning.packages import Problem
from wharfinger.scanning.sources import Source

_PATIENCE = 30
"""Seconds beside those that the reader counts itself, for what comes before and after."""
_STEPPED_BACK = 10
_PIPE = MIB
"""Bytes; what Linux lets every user have."""
REST = 1.0
"""Seconds. The next process is not started before, for that would take time from what is being read or judged."""


class Reader:
    """One process for the layers of an image; another one after it was ended by what it read."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def read(self, layer: Source) -> LayerCatalogue:
        """What the layer says. Raises nothing for what its bytes are or do, nor where they cannot be had."""
        process = self.start()
        late = threading.Event()
        timer = threading.Timer(self._limits.seconds + _PATIENCE, self._stop, (process, late))
        timer.start()
        try:
            return self._talk(process, layer)
        except (OSError, Unreadable):
            return _failed(layer, self._why(late))
        finally:
            timer.cancel()

    def step_back(self) -> None:
        """Let others have the processor first: what is read before anybody waits for it must not be felt."""
        pid, priority = self.start().pid, os.getpriority(os.PRIO_PROCESS, 0) + _STEPPED_BACK
        with suppress(OSError):  # it has ended, which is found out when it is asked
            os.setpriority(os.PRIO_PROCESS, pid, priority)
            # On Linux that was its first thread alone. Those that it starts from now on have the same.
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), priority)

    def start(self) -> subprocess.Popen[bytes]:
        """The process, started if there is none that runs."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        return self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        """Of our environment nothing goes along but where large files are spooled: no secrets, no paths."""
        environment = {"TMPDIR": tempfile.gettempdir()}
        command = [sys.executable, "-I", "-m", "wharfinger.scanning.confined"]
        self._process = subprocess.Popen(  # noqa: S603  our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd="/"
        )
        _widen(_pipe(self._process.stdin))
        with suppress(OSError):  # one that has ended already is found out when it is asked
            frames.write(_pipe(self._process.stdin), msgspec.json.encode(self._limits))
            _pipe(self._process.stdin).flush()  # so that it gives up its rights while it waits
        return self._process

    def _talk(self, process: subprocess.Popen[bytes], layer: Source) -> LayerCatalogue:
        giving, answers = _pipe(process.stdin), _pipe(process.stdout)
        frames.write(giving, layer.digest.encode())
        giving.flush()
        problems: tuple[Problem, ...] = ()
        while (word := answers.read(1)) == frames.OPEN:
            problems = (*problems, *_give(layer, giving))
        if word != frames.DONE:
            raise Unreadable("it ended")
        catalogue = LayerCatalogue.from_json(frames.read(answers) or b"")
        told = tuple(each for each in catalogue.problems if not problems or each.reason != frames.CUT)
        return replace(catalogue, problems=(*told, *dict.fromkeys(problems)))

    @staticmethod
    def _stop(process: subprocess.Popen[bytes], late: threading.Event) -> None:
        late.set()
        process.kill()

    def _why(self, late: threading.Event) -> str:
        status = self._end()
        if late.is_set():
            return f"reading it took more than {self._limits.seconds:g} seconds"
        return f"the process that read it ended with status {status}; perhaps it needed more memory than is given to it"

    def _end(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                _pipe(pipe).close()
        try:
            return process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


class Readers:
    """A reader for each image. The next one's process can be started before anybody needs it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._next: Reader | None = None
        self._in_use = 0
        self._is_closed = False

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """One that has read nothing yet."""
        with self._lock:
            reader, self._next = self._next or Reader(self._limits), None
            self._in_use += 1
        try:
            with reader:
                yield reader
        finally:
            with self._lock:
                self._in_use -= 1

    async def keep_prepared(self, every: float = REST) -> None:
        """Start the next one whenever none waits and nothing is being read, until cancelled."""
        while True:
            if self._next is None and not self._in_use:
                with suppress(OSError):  # the system has no process for it now: it is started when it is needed
                    # In a thread that stays: when the one that started it ends, so does the process.
                    await asyncio.to_thread(self.prepare)
            await asyncio.sleep(every)

    def prepare(self) -> None:
        """Start the next one."""
        with self._lock:
            if not self._is_closed and self._next is None:
                self._next = Reader(self._limits)
                self._next.start()

    def close(self) -> None:
        """End the one that waits."""
        with self._lock:
            waiting, self._next, self._is_closed = self._next, None, True
        if waiting is not None:
            with waiting:
                pass


def _give(layer: Source, pipe: BinaryIO) -> tuple[Problem, ...]:
    """The layer's bytes into the pipe, hashed on the way; what was wrong with them, if anything."""
    try:
        with closing(layer.verified()) as checked:
            while chunk := checked.read(frames.CHUNK):
                frames.write(pipe, chunk)
    except Unreadable as error:
        frames.write_failure(pipe)
        pipe.flush()
        return (Problem(layer.digest, "", str(error)),)
    frames.write(pipe, b"")
    pipe.flush()
    return checked.problems


def _widen(pipe: BinaryIO) -> None:
    """Let the layer's next bytes wait in the pipe, so that neither end waits for the other with each few of them."""
    with suppress(OSError, AttributeError):  # more than this user may have by now, or no Linux: then it stays as it is
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _pipe(pipe: IO[bytes] | None) -> BinaryIO:
    return cast(BinaryIO, pipe)


def _failed(layer: Source, reason: str) -> LayerCatalogue:
    return LayerCatalogue(layer.digest, isolation="separate process", problems=(Problem(layer.digest, "", reason),))
