"""Zip archives read by their central directory, from content that may be in memory, on the disk or in another. Pure."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from wharfinger.scanning.contents import Content, Held, Part, exactly
from wharfinger.scanning.limits import MIB, Unreadable

_END, _END64, _LOCATOR, _ENTRY, _LOCAL = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2", b"PK\3\4"
_LONGEST_COMMENT = 65_535
_LARGEST_DIRECTORY = 64 * MIB
_STORED, _DEFLATED = 0, 8
_CHUNK = 64 * 1024
_FULL = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive."""

    name: str
    method: int
    packed: int
    size: int
    start: int


def members(content: Content) -> Iterator[Member]:
    """The files, in the order of the central directory. Raises Unreadable."""
    size, start, shift = _directory(content)
    raw = exactly(content, start, size)
    at = 0
    while at + 46 <= len(raw) and raw[at : at + 4] == _ENTRY:
        method, packed, unpacked, name, extra, comment = struct.unpack_from("<10xH8xIIHHH", raw, at)
        (offset,) = struct.unpack_from("<I", raw, at + 42)
        if _FULL in (packed, unpacked, offset):
            more = raw[at + 46 + name : at + 46 + name + extra]
            packed, unpacked, offset = _wide(more, unpacked=unpacked, packed=packed, offset=offset)
        text = raw[at + 46 : at + 46 + name].decode("utf-8", "replace")
        yield Member(text, method, packed, unpacked, offset + shift)
        at += 46 + name + extra + comment
    if at != len(raw):
        raise Unreadable("the archive's list of files breaks off")


def content_of(content: Content, member: Member, most: int) -> Content:
    """The file's bytes; of a stored one not even a copy. Raises Unreadable where there are more than ``most``."""
    local = exactly(content, member.start, 30)
    if local[:4] != _LOCAL:
        raise Unreadable(f"{member.name!r} is not where the archive says")
    name, extra = struct.unpack_from("<HH", local, 26)
    start = member.start + 30 + name + extra
    if member.method == _STORED:
        return Part(content, start, max(0, min(member.packed, content.size - start)))
    if member.method != _DEFLATED:
        raise Unreadable(f"{member.name!r} is compressed by a method that jars do not have")
    return Held(_inflated(content, start, member, most))


def _inflated(content: Content, start: int, member: Member, most: int) -> bytes:
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    parts, size = [], 0
    for at in range(0, member.packed, _CHUNK):
        try:
            part = unpacking.decompress(content.at(start + at, min(_CHUNK, member.packed - at)), most - size + 1)
        except zlib.error as error:
            raise Unreadable(f"{member.name!r}: {error}") from error
        parts.append(part)
        size += len(part)
        if size > most:
            raise Unreadable(f"{member.name!r} is more than {most} bytes")
    return b"".join(parts)


def _directory(content: Content) -> tuple[int, int, int]:
    """Size and place of the central directory, and how much lies before the archive: jars may begin with a script."""
    before = max(0, content.size - _LONGEST_COMMENT - 22)
    tail = content.at(before, content.size - before)
    at = tail.rfind(_END)
    if at < 0 or at + 22 > len(tail):
        raise Unreadable("this is no zip archive")
    size, offset = struct.unpack_from("<II", tail, at + 12)
    end = before + at
    if _FULL in (size, offset) and tail[at - 20 : at - 16] == _LOCATOR:
        (place,) = struct.unpack_from("<Q", tail, at - 12)
        record = exactly(content, place, 56)
        if record[:4] != _END64:
            raise Unreadable("this is no zip archive")
        size, offset = struct.unpack_from("<QQ", record, 40)
        end = place
    if size > _LARGEST_DIRECTORY or size > end:
        raise Unreadable("the archive's list of files is larger than any is")
    return size, end - size, end - size - offset


def _wide(extra: bytes, *, unpacked: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The numbers that did not fit, in this order, each only where its own field is full."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            numbers = iter(struct.unpack_from(f"<{min(size, len(extra) - at - 4) // 8}Q", extra, at + 4))
            unpacked = next(numbers, unpacked) if unpacked == _FULL else unpacked
            packed = next(numbers, packed) if packed == _FULL else packed
            offset = next(numbers, offset) if offset == _FULL else offset
        at += 4 + size
    return packed, unpacked, offset
