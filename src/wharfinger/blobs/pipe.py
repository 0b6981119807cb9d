"""A stream of chunks from the task that has them to a library that asks for them."""

from asyncio import Queue
from collections.abc import AsyncIterator


class BrokenPipe(Exception):
    """What the library sees instead of the end when there will be no end."""


class Pipe:
    """Hands over one chunk at a time.

    obstore asks its source for chunks in a task that nobody else can cancel, and takes back what it has stored so far
    only when the source raises. So the body is read in the caller's task, where a cancellation arrives, and the
    source raises when the caller says so.
    """

    def __init__(self) -> None:
        self._queue: Queue[bytes | None] = Queue(maxsize=1)
        self._broken = False
        self._stopped = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """What was sent, until it is finished. Raises BrokenPipe when it is broken."""
        while (chunk := await self._queue.get()) is not None:
            yield chunk
        if self._broken:
            raise BrokenPipe

    async def send(self, chunk: bytes) -> None:
        """Hand over ``chunk``; returns when there is room for it, or nobody takes it any more."""
        if not self._stopped:
            await self._queue.put(chunk)

    async def finish(self) -> None:
        """Say that this was all."""
        if not self._stopped:
            await self._queue.put(None)

    def fail(self) -> None:
        """Say that the rest will not come."""
        self._broken = True
        self._empty()
        self._queue.put_nowait(None)

    def stop(self) -> None:
        """Say that nobody takes anything any more; a waiting sender goes on."""
        self._stopped = True
        self._empty()

    def _empty(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
