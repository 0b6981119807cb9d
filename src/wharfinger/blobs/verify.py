"""Verification while streaming: one place, above the stores, so that no store needs to hash."""

from typing import Self

from wharfinger.blobs.store import Bytes
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest


class Hashing:
    """Passes a stream on, and knows its size and digest when it has ended.

    It hashes where it is: 200 MB through the server took 0.25 s so, and 0.3 s with a second thread, for the threads
    take the interpreter's lock from each other. A push waits for the disk longer than for this.
    """

    def __init__(self, body: Bytes, algorithm: str = digests.CANONICAL) -> None:
        self._body = body
        self._algorithm = algorithm
        self._state = digests.hasher(algorithm)
        self.size = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await anext(self._body)
        self._state.update(chunk)
        self.size += len(chunk)
        return chunk

    @property
    def digest(self) -> Digest:
        return digests.finished(self._algorithm, self._state)
