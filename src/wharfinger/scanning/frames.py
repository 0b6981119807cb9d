"""How the process that reads layers and the one that started it talk: lengths before bytes, over two pipes."""

from io import RawIOBase
from typing import BinaryIO

from wharfinger.scanning.limits import MIB, Unreadable

OPEN, DONE = b"o", b"d"
"""What the reader says: give me the layer's bytes (again); or: this is what it says, in a frame."""

CUT = "its bytes could not be had to the end"
"""What the reader says of a layer whose bytes failed; the one who gave them knows why."""

CHUNK = 256 * 1024
LARGEST = 256 * MIB
_FAILED = (1 << 32) - 1


def write(pipe: BinaryIO, raw: bytes) -> None:
    """A frame; an empty one ends the bytes of a layer."""
    pipe.write(len(raw).to_bytes(4, "big"))
    pipe.write(raw)


def write_failure(pipe: BinaryIO) -> None:
    """Ends the bytes of a layer before its end: there are more, but they cannot be had."""
    pipe.write(_FAILED.to_bytes(4, "big"))


def read(pipe: BinaryIO, most: int = LARGEST) -> bytes | None:
    """A frame, None where no more come. Raises Unreadable for a broken or too large one."""
    length = _length(pipe)
    if length is None:
        return None
    if length > most:
        raise Unreadable("a frame larger than any is")
    raw = pipe.read(length)
    if len(raw) < length:
        raise Unreadable("a frame that ends before its end")
    return raw


def _length(pipe: BinaryIO) -> int | None:
    raw = pipe.read(4)
    return int.from_bytes(raw, "big") if len(raw) == 4 else None


class Framed(RawIOBase):
    """The bytes of a layer, from frames until the empty one. Closing goes over those that nobody wanted to have."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe, self._left, self._ended = pipe, 0, False

    def read(self, size: int = CHUNK, /) -> bytes:
        """Some bytes, none at the end. Raises Unreadable where the one who sends them could not go on."""
        if self._ended:
            return b""
        if self._left == 0:
            self._left = self._begin()
        raw = self._pipe.read(min(size, self._left))
        self._left -= len(raw)
        return raw

    def _begin(self) -> int:
        length = _length(self._pipe)
        self._ended = not length or length == _FAILED
        if length is None or length == _FAILED:
            raise Unreadable(CUT)
        return length

    def close(self) -> None:
        """Nothing of this layer is left in the pipe."""
        while not self._ended:
            try:
                self.read()
            except Unreadable:
                return
