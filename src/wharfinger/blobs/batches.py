"""Chunks gathered into batches, so that a hop to a thread or into another library is paid once for many of them."""

from typing import Self

from wharfinger.blobs.store import Bytes

BATCH = 256 * 1024
"""Enough bytes that a thread hop (0.1 ms) no longer shows beside writing or hashing them (0.5 ms)."""

MOST_CHUNKS = 1024
"""As many buffers as Linux takes in one writev (IOV_MAX), so that a batch is one call."""


class Batches:
    """The chunks of ``body`` in lists of about ``size`` bytes; only the last may be smaller, and none is empty."""

    def __init__(self, body: Bytes, size: int = BATCH) -> None:
        self._body = body
        self._size = size
        self.ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[bytes]:
        batch: list[bytes] = []
        held = 0
        while not self.ended and held < self._size and len(batch) < MOST_CHUNKS:
            chunk = await anext(self._body, None)
            if chunk is None:
                # A body that reads from a socket must not be asked again after its end: it would wait for ever.
                self.ended = True
            elif chunk:
                batch.append(chunk)
                held += len(chunk)
        if not batch:
            raise StopAsyncIteration
        return batch
