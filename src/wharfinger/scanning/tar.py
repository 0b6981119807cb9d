"""A walk over a tar archive, entry by entry and never back.

Of the standard library's ``tarfile`` it differs in what a stranger's archive needs: names and headers are bounded,
nothing is ever written, and a broken entry ends the walk with a reason.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from wharfinger.scanning.limits import MIB, Unreadable

BLOCK = 512
_HALF = BLOCK // 2
_END = b"\0" * BLOCK
_LONGEST_NAME = 32 * 1024
_LARGEST_HEADER = MIB
_MOST_HEADERS = 32
_SPACES = 8 * ord(" ")


class Kind(Enum):
    """What an entry is; of the rest (devices, pipes) it matters only that they are something."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"
    HARD_LINK = "hard link"
    OTHER = "other"


_KINDS = {b"0": Kind.FILE, b"\0": Kind.FILE, b"7": Kind.FILE, b"S": Kind.FILE, b"1": Kind.HARD_LINK, b"2": Kind.LINK}
_KINDS |= {b"3": Kind.OTHER, b"4": Kind.OTHER, b"5": Kind.FOLDER, b"6": Kind.OTHER, b"D": Kind.FOLDER}


@dataclass(frozen=True, slots=True)
class Entry:
    """``path`` is from the root without a slash before it, and leads nowhere else; ``size`` is what follows."""

    path: str
    kind: Kind
    size: int
    target: str = ""
    sparse: bool = False


class Source(Protocol):
    """Where the archive comes from."""

    def read(self, size: int) -> bytes:
        """So many bytes; fewer where it ends before."""

    def skip(self, size: int) -> bool:
        """Go over so many; whether there were that many."""


class Walk:
    """Each ``step`` answers the next entry and stands before its bytes; what of these is not ``taken`` is gone over."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._left = 0
        self._everywhere: dict[str, str] = {}  # of pax headers that speak of all that follow

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self.step()) is not None:
            yield entry

    def taken(self, size: int) -> None:
        """So many of the entry's bytes were read."""
        self._left -= size

    def step(self) -> Entry | None:
        """The next entry, None after the last. Raises Unreadable."""
        if self._left and not self._source.skip(self._left):
            raise Unreadable("the archive ends in the middle of a file")
        self._left = 0
        special = dict(self._everywhere)
        for _ in range(_MOST_HEADERS):
            header = self._source.read(BLOCK)
            if not header or header == _END:
                self._end(header)
                return None
            if len(header) < BLOCK:
                raise Unreadable("the archive ends in the middle of a header")
            _check(header)
            if header[156:157] not in (b"x", b"g", b"L", b"K", b"X"):
                return self._entry(header, special)
            self._special(header, special)
        raise Unreadable("an entry with more headers than any has")

    def _end(self, header: bytes) -> None:
        if header and (after := self._source.read(BLOCK)) and after.strip(b"\0"):
            raise Unreadable("something follows the archive's end")

    def _special(self, header: bytes, special: dict[str, str]) -> None:
        """A header that speaks of the entry after it, or of all: ``special`` has what it says."""
        size, kind = _number(header[124:136]), header[156:157]
        if size > (_LONGEST_NAME if kind in (b"L", b"K") else _LARGEST_HEADER):
            raise Unreadable(f"a header of {size} bytes")
        raw = self._source.read(_padded(size))
        if len(raw) < size:
            raise Unreadable("the archive ends in the middle of a header")
        if kind in (b"L", b"K"):
            special["path" if kind == b"L" else "linkpath"] = _text(raw[:size].partition(b"\0")[0])
            return
        says = _pax(raw[:size])
        special.update(says)
        if kind == b"g":
            self._everywhere.update(says)

    def _entry(self, header: bytes, special: dict[str, str]) -> Entry:
        flag = header[156:157]
        name = special.get("GNU.sparse.name") or special.get("path") or _name(header)
        size = _number(header[124:136]) if "size" not in special else _decimal(special["size"])
        kind = _KINDS.get(flag, Kind.OTHER)
        if flag == b"\0" and name.endswith("/"):
            kind = Kind.FOLDER  # as archives of before 1988 have it
        sparse = flag == b"S" or (bool(special) and any(key.startswith("GNU.sparse.") for key in special))
        if flag == b"S":
            self._sparse(header)
        # A folder, link or device has no bytes, whatever its size says; a hard link may have some in pax archives.
        stored = size if kind is Kind.FILE or flag not in _KINDS or flag == b"D" else 0
        self._left = _padded(stored)
        return Entry(clean(name), kind, stored, _target(header, kind, special), sparse)

    def _sparse(self, header: bytes) -> None:
        """Go over the old GNU form's list of pieces, which may take many blocks."""
        more, blocks = header[482], 0
        while more:
            block = self._source.read(BLOCK)
            blocks += 1
            if len(block) < BLOCK or blocks > _LARGEST_HEADER // BLOCK:
                raise Unreadable("a sparse file's list of pieces does not end")
            more = block[504]


def clean(path: str) -> str:
    """The path from the root: ``..`` does not lead out of it, as runtimes see it too when they unpack."""
    path = path.removeprefix("./")  # as most archives begin every path
    if path and "//" not in path and "." not in (path[0], path[-1]) and "/." not in path and path[0] != "/":
        return path.rstrip("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def is_header(block: bytes) -> bool:
    """Whether an archive may begin so."""
    try:
        _check(block)
    except Unreadable:
        return False
    return len(block) == BLOCK


def _check(header: bytes) -> None:
    try:
        wanted = int(header[148:156].strip(b" \0") or b"0", 8)
    except ValueError:
        wanted = -1
    if _sum(header[:_HALF]) + _sum(header[_HALF:]) - sum(header[148:156]) + _SPACES != wanted:
        raise Unreadable("this is no tar archive, or it is broken: a header's checksum is wrong")


def _sum(raw: bytes) -> int:
    """What the bytes are together, faster than ``sum``; of 256 at most, whose sum is below Adler's modulus."""
    return (zlib.adler32(raw) & 0xFFFF) - 1


def _target(header: bytes, kind: Kind, special: Mapping[str, str]) -> str:
    """Of a symbolic link as it is, for it leads on from where it lies; of a hard link from the root."""
    if kind not in (Kind.LINK, Kind.HARD_LINK):
        return ""
    target = special.get("linkpath") or _text(header[157:257].partition(b"\0")[0])
    return target if kind is Kind.LINK else clean(target)


def _name(header: bytes) -> str:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _number(raw: bytes) -> int:
    """Octal digits, or GNU's binary form for what they cannot hold."""
    if raw[0] == 0x80:
        number = int.from_bytes(raw[1:], "big")
    else:
        try:
            number = int(raw.strip(b" \0") or b"0", 8)
        except ValueError:
            number = -1
    return _bounded(number)


def _decimal(text: str) -> int:
    return _bounded(int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1)


def _bounded(number: int) -> int:
    if not 0 <= number < 1 << 62:
        raise Unreadable("an entry whose size is no number")
    return number


def _padded(size: int) -> int:
    return (size + BLOCK - 1) // BLOCK * BLOCK


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _pax(raw: bytes) -> dict[str, str]:
    r"""``12 path=name\n`` and so on: the length counts itself."""
    says, at = {}, 0
    while at < len(raw) and raw[at]:
        digits, _, _ = raw[at : at + 20].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = raw[at + len(digits) + 1 : at + length]
        key, equals, value = record.partition(b"=")
        if length <= len(digits) + 1 or not record.endswith(b"\n") or not equals or at + length > len(raw):
            raise Unreadable("a pax header that cannot be read")
        says[_text(key)] = _text(value[:-1])
        at += length
    return says
