"""The bytes of a file wherever they are, read in pieces from any place. Pure; files on the disk are in ``spools``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from wharfinger.scanning.limits import MIB, Unreadable


class Content(Protocol):
    """Bytes that can be read from any place."""

    @property
    def size(self) -> int:
        """How many there are."""

    def at(self, start: int, length: int) -> bytes:
        """These bytes; fewer at the end, and none beyond it."""


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes in memory."""

    raw: bytes

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.raw)

    def at(self, start: int, length: int) -> bytes:
        """These bytes."""
        return self.raw[start : start + length] if start >= 0 and length > 0 else b""


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of another content, without a copy: a file that is stored in an archive."""

    whole: Content
    start: int
    size: int

    def at(self, start: int, length: int) -> bytes:
        """These bytes."""
        length = min(length, self.size - start)
        return self.whole.at(self.start + start, length) if start >= 0 and length > 0 else b""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a layer: its path from the root, its bytes, and files beside it that belong to it, by their endings."""

    path: str
    content: Content
    beside: Mapping[str, Content]
    depth: int = 6

    def raw(self, most: int = 16 * MIB) -> bytes:
        """All its bytes. Raises Unreadable where there are more than ``most``."""
        if self.content.size > most:
            raise Unreadable(f"{self.content.size} bytes are more than the {most} that such a file is read with")
        return self.content.at(0, self.content.size)

    def text(self, most: int = 16 * MIB) -> str:
        """All of it as text; what is no UTF-8 is replaced. Raises Unreadable where there is too much."""
        return self.raw(most).decode("utf-8-sig", "replace")


def exactly(content: Content, start: int, length: int) -> bytes:
    """These bytes, all of them. Raises Unreadable where the content ends before."""
    raw = content.at(start, length)
    if len(raw) != length or length < 0:
        raise Unreadable(f"it ends before byte {start + length}")
    return raw
