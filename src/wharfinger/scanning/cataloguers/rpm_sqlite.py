"""Rows of a table in an SQLite file, read from its pages, with the write-ahead log laid over them. Pure.

Not by SQLite itself: a database of a stranger's would be opened by path, in a process that may open nothing.
The file's form is fixed for good: sqlite.org/fileformat2.html.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from wharfinger.scanning.contents import Content, Held, exactly
from wharfinger.scanning.limits import MIB, Unreadable

_INTERIOR, _LEAF = 5, 13
_MOST_LEVELS = 32
_LARGEST = 64 * MIB


@dataclass(frozen=True, slots=True)
class _Pages:
    content: Content
    size: int
    usable: int
    newer: dict[int, int] = field(default_factory=dict)
    log: Content | None = None

    def page(self, number: int) -> bytes:
        if self.log is not None and number in self.newer:
            return exactly(self.log, self.newer[number], self.size)
        return exactly(self.content, (number - 1) * self.size, self.size)


def rows(content: Content, log: Content | None, table: str) -> Iterator[Content]:
    """The last column of every row of the table. Raises Unreadable."""
    pages = _opened(content, log)
    root = next((root for name, root in _tables(pages) if name == table), 0)
    if not root:
        raise Unreadable(f"there is no table {table!r} in it")
    for record in _records(pages, root):
        columns = list(_columns(record))
        if not columns:
            raise Unreadable("a row without columns")
        yield Held(columns[-1])


def _opened(content: Content, log: Content | None) -> _Pages:
    header = exactly(content, 0, 100)
    size = int.from_bytes(header[16:18], "big")
    size = 65_536 if size == 1 else size
    if not header.startswith(b"SQLite format 3\0") or size < 512 or size & (size - 1):
        raise Unreadable("this is no SQLite database")
    newer = _newer(log, size) if log is not None else {}
    return _Pages(content, size, size - header[20], newer, log)


def _newer(log: Content, size: int) -> dict[int, int]:
    """Where in the log each page's newest is, up to the last commit; frames of an earlier round have other salts."""
    header = exactly(log, 0, 32)
    if int.from_bytes(header[:4], "big") & ~1 != 0x377F0682 or int.from_bytes(header[8:12], "big") != size:
        raise Unreadable("its write-ahead log is none")
    newer: dict[int, int] = {}
    since_commit: dict[int, int] = {}
    for at in range(32, log.size - size - 23, 24 + size):
        frame = log.at(at, 24)
        if frame[8:16] != header[16:24]:
            break
        number, pages_after_commit = struct.unpack(">II", frame[:8])
        since_commit[number] = at + 24
        if pages_after_commit:
            newer |= since_commit
            since_commit = {}
    return newer


def _tables(pages: _Pages) -> Iterator[tuple[str, int]]:
    """Name and first page of every table: the columns are type, name, table, root page, SQL."""
    for record in _records(pages, 1):
        kind, name, _, root, *_ = (*_columns(record), b"", b"", b"", b"")
        if kind == b"table":
            yield name.decode("utf-8", "replace"), int.from_bytes(root, "big")


def _records(pages: _Pages, root: int) -> Iterator[bytes]:
    """All records of a table, in the order of their keys. Pages are visited once: a circle ends with a reason."""
    waiting, seen = [root], set()
    while waiting:
        number = waiting.pop()
        if number in seen:
            raise Unreadable("its pages lead in a circle")
        seen.add(number)
        page = pages.page(number)
        start = 100 if number == 1 else 0
        kind, count = page[start], int.from_bytes(page[start + 3 : start + 5], "big")
        if kind == _LEAF:
            yield from (_record(pages, page, at) for at in _cells(page, start + 8, count))
        elif kind == _INTERIOR:
            right = int.from_bytes(page[start + 8 : start + 12], "big")
            below = [int.from_bytes(page[at : at + 4], "big") for at in _cells(page, start + 12, count)]
            waiting += [right, *reversed(below)]
        else:
            raise Unreadable("a page that is of no table")


def _cells(page: bytes, start: int, count: int) -> tuple[int, ...]:
    if start + 2 * count > len(page):
        raise Unreadable("a page with more cells than it has room for")
    return struct.unpack_from(f">{count}H", page, start)


def _record(pages: _Pages, page: bytes, at: int) -> bytes:
    """A record that does not fit its page goes on in a chain of others."""
    length, at = _varint(page, at)
    _, at = _varint(page, at)
    if length > _LARGEST:
        raise Unreadable("a record larger than any is")
    most = pages.usable - 35
    if length <= most:
        return page[at : at + length]
    least = (pages.usable - 12) * 32 // 255 - 23
    here = least + (length - least) % (pages.usable - 4)
    here = here if here <= most else least
    parts, missing = [page[at : at + here]], length - here
    following = int.from_bytes(page[at + here : at + here + 4], "big")
    while missing > 0:
        page = pages.page(following)
        following = int.from_bytes(page[:4], "big")
        parts.append(page[4 : 4 + min(missing, pages.usable - 4)])
        missing -= len(parts[-1])
    return b"".join(parts)


def _columns(record: bytes) -> Iterator[bytes]:
    """Texts and blobs as they are, whole numbers as their bytes, anything else as it lies there."""
    end, at = _varint(record, 0)
    start = end
    while at < end:
        kind, at = _varint(record, at)
        size = (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind]
        if start + size > len(record):
            raise Unreadable("a record that breaks off")
        yield record[start : start + size]
        start += size


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, seven bits in each but the ninth, and where it ends."""
    number = 0
    for index in range(9):
        if at + index >= len(raw):
            raise Unreadable("a number that breaks off")
        byte = raw[at + index]
        if index == 8:
            return number << 8 | byte, at + 9
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, at + index + 1
    raise AssertionError
