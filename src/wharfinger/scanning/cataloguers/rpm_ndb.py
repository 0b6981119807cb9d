"""SUSE's ``Packages.db``: slots that say where in the file each package's header is. Pure."""

import struct
from collections.abc import Iterator

from wharfinger.scanning.contents import Content, Part, exactly
from wharfinger.scanning.limits import Unreadable

_PAGE, _SLOT, _BLOCK = 4096, 16, 16
_MOST_PAGES = 16_384
_FIRST_SLOT = 2  # the file's own header is in the place of two


def blobs(content: Content) -> Iterator[Content]:
    """The header of every package. Raises Unreadable."""
    magic, version, _, pages = struct.unpack("<4sIII", exactly(content, 0, 16))
    if magic != b"RpmP" or version != 0 or pages > _MOST_PAGES:
        raise Unreadable("this is no package database of this kind")
    for page in range(pages):
        slots = exactly(content, page * _PAGE, _PAGE)
        for at in range(_SLOT * (0 if page else _FIRST_SLOT), _PAGE, _SLOT):
            magic, index, start, count = struct.unpack_from("<4sIII", slots, at)
            if magic == b"Slot" and index and start:
                yield _blob(content, index, start * _BLOCK, count * _BLOCK)


def _blob(content: Content, index: int, start: int, room: int) -> Content:
    magic, says, _, length = struct.unpack("<4sIII", exactly(content, start, 16))
    if magic != b"BlbS" or says != index or length + 16 > room:
        raise Unreadable("a package's header is not where its slot says")
    return Part(content, start + 16, length)
