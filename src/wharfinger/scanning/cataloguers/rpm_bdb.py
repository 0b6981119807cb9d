"""The old ``Packages``: a hash of Berkeley DB, of which every page is looked at, and no key asked for. Pure."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from wharfinger.scanning.contents import Content, Held, exactly
from wharfinger.scanning.limits import MIB, Unreadable

_MAGIC = 0x061561
_HEADER = 26
_HASH_PAGES, _OVERFLOW_PAGE = (2, 13), 7
_HERE, _ELSEWHERE = 1, 3
_LARGEST = 64 * MIB


@dataclass(frozen=True, slots=True)
class _Pages:
    content: Content
    order: str
    size: int
    last: int

    def page(self, number: int) -> bytes:
        if not 0 < number <= self.last:
            raise Unreadable("a page that is not there")
        return exactly(self.content, number * self.size, self.size)


def values(content: Content) -> Iterator[Content]:
    """The values of all pairs that can be the header of a package. Raises Unreadable."""
    pages = _opened(content)
    for number in range(1, pages.last + 1):
        page = pages.page(number)
        if page[25] in _HASH_PAGES:
            yield from _of_page(pages, page)


def _opened(content: Content) -> _Pages:
    meta = exactly(content, 0, 72)
    for order in "<>":
        magic, _, size = struct.unpack_from(f"{order}III", meta, 12)
        (last,) = struct.unpack_from(f"{order}I", meta, 32)
        if magic == _MAGIC and 512 <= size <= 65_536:
            return _Pages(content, order, size, min(last, content.size // size - 1))
    raise Unreadable("this is no package database of this kind")


def _of_page(pages: _Pages, page: bytes) -> Iterator[Content]:
    """Keys and values by turns; each begins where its index says, and ends where the one before begins."""
    (count,) = struct.unpack_from(f"{pages.order}H", page, 20)
    if _HEADER + 2 * count > len(page):
        raise Unreadable("a page with more entries than it has room for")
    starts = struct.unpack_from(f"{pages.order}{count}H", page, _HEADER)
    for index in range(1, count, 2):
        start, end = starts[index], starts[index - 1]
        item = page[start:end]
        if item[:1] == bytes([_ELSEWHERE]) and len(item) >= 12:
            yield Held(_overflow(pages, *struct.unpack_from(f"{pages.order}II", item, 4)))
        elif item[:1] == bytes([_HERE]) and len(item) > 16:  # less is the count of packages, kept beside them
            yield Held(item[1:])


def _overflow(pages: _Pages, number: int, length: int) -> bytes:
    """A value that fills pages of its own, each of which names the next."""
    if length > _LARGEST:
        raise Unreadable("a package's header is larger than any is")
    parts: list[bytes] = []
    missing = length
    while missing > 0:
        page = pages.page(number)
        number, used = struct.unpack_from(f"{pages.order}4xI", page, 12)[0], _used(pages, page)
        if page[25] != _OVERFLOW_PAGE or not used:
            raise Unreadable("a package's header breaks off")
        parts.append(page[_HEADER : _HEADER + min(used, missing)])
        missing -= used
    return b"".join(parts)


def _used(pages: _Pages, page: bytes) -> int:
    (used,) = struct.unpack_from(f"{pages.order}H", page, 22)
    return min(int(used), len(page) - _HEADER)
