"""A thread that inflates a layer while another one looks at what it was: two processors read a layer faster than one.

It is started once, before the process gives up its rights, since afterwards no thread can be started.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from wharfinger.scanning.unpacking import Stream, chunks

AHEAD = 16
"""Chunks that wait to be looked at, at most: a few MiB."""


class Inflating:
    """The thread. It does one layer at a time, and reads nothing of its stream any more when that layer is left."""

    def __init__(self) -> None:
        self._runs: SimpleQueue[_Run] = SimpleQueue()

    def start(self) -> None:
        """From now on. It ends with the process."""
        threading.Thread(target=self._work, name="wharf-inflate", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._runs.get().work()

    @contextmanager
    def chunks(self, stream: Stream) -> Iterator[Iterator[bytes]]:
        """What :func:`chunks` says of the stream, made ahead. What that raises is raised where its chunk is missing."""
        run = _Run(lambda: chunks(stream))
        self._runs.put(run)
        try:
            yield iter(run)
        finally:
            run.leave()


class _Run:
    """One reading of a layer, in two threads."""

    def __init__(self, begin: Callable[[], Iterator[bytes]]) -> None:
        self._begin = begin
        self._room = threading.Semaphore(AHEAD)
        self._made: SimpleQueue[bytes | BaseException | None] = SimpleQueue()
        self._is_left = self._ended = False

    def work(self) -> None:
        """In the thread: until the end, or until nobody wants more."""
        end: BaseException | None = None
        try:
            made = self._begin()
            while self._room.acquire() and not self._is_left and (chunk := next(made, b"")):
                self._made.put(chunk)
        except BaseException as error:  # noqa: BLE001  it is raised in the other thread, also where memory is at its end
            end = error
        self._made.put(end)

    def __iter__(self) -> Iterator[bytes]:
        while not self._ended:
            match self._made.get():
                case bytes() as chunk:
                    self._room.release()
                    yield chunk
                case end:
                    self._ended = True
                    if end is not None:
                        raise end

    def leave(self) -> None:
        """Nobody wants more: wait until the thread has seen that, so that the stream is the caller's again."""
        self._is_left = True
        self._room.release()
        while not self._ended:
            self._ended = not isinstance(self._made.get(), bytes)
