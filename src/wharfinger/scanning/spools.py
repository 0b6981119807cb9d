"""Large files of a layer on the disk, nameless, while they are looked at."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from wharfinger.scanning.limits import Unreadable

MOST = 6
"""At the same time: a database, the log beside it, a jar, and jars within it."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file's bytes on the disk."""

    descriptor: int
    size: int

    def at(self, start: int, length: int) -> bytes:
        """These bytes."""
        length = min(length, self.size - start)
        return os.pread(self.descriptor, length, start) if start >= 0 and length > 0 else b""


class Spools:
    """A few nameless files, opened before the process gives up its right to open any, and used again and again."""

    def __init__(self) -> None:
        self._files: list[IO[bytes]] = [TemporaryFile(buffering=0) for _ in range(MOST)]  # noqa: SIM115  close() closes them
        self._free = [file.fileno() for file in self._files]

    def store(self, pieces: Iterable[bytes]) -> Spooled:
        """The bytes, on the disk until ``give_back``. Raises Unreadable where too many are kept."""
        if not self._free:
            raise Unreadable("too many large files belong together here")
        descriptor = self._free.pop()
        os.ftruncate(descriptor, 0)
        size = 0
        try:
            for piece in pieces:
                size += _write(descriptor, piece, size)
        except OSError as error:
            self.give_back(Spooled(descriptor, size))
            raise Unreadable(f"it could not be spooled: {error.strerror}") from error
        except BaseException:
            self.give_back(Spooled(descriptor, size))
            raise
        return Spooled(descriptor, size)

    def give_back(self, spooled: Spooled) -> None:
        """The bytes are not needed any more."""
        os.ftruncate(spooled.descriptor, 0)
        self._free.append(spooled.descriptor)

    def close(self) -> None:
        """Gone with everything in them."""
        for file in self._files:
            file.close()


def _write(descriptor: int, piece: bytes, start: int) -> int:
    at = 0
    while at < len(piece):
        at += os.pwrite(descriptor, piece[at:], start + at)
    return len(piece)
