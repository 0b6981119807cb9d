"""As much of ELF as is needed to find a section by its name and a byte by its address. Pure.

Of nearly all programs nobody wants any section, so a table of sections is looked through only where the name is there.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from wharfinger.scanning.contents import Content, exactly
from wharfinger.scanning.limits import MIB, Unreadable

MAGIC = b"\x7fELF"
_MOST = 4096
_NOTHING_IN_THE_FILE = 8


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the file: where it is there, and, where it is loaded, at which address."""

    start: int
    size: int
    address: int = 0
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Sections:
    """The table of sections, none where it was cut off: such programs run all the same."""

    names: bytes = b""
    table: bytes = b""
    form: str = "x"

    def __bool__(self) -> bool:
        return any(kind != _NOTHING_IN_THE_FILE for _, kind, *_ in self._rows())

    def find(self, name: bytes) -> Segment | None:
        """The first of this name that has bytes in the file."""
        whole = name + b"\0"
        if whole not in self.names:
            return None
        for at, kind, _, _, start, size in self._rows():
            if kind != _NOTHING_IN_THE_FILE and self.names.startswith(whole, at):
                return Segment(start, size)
        return None

    def _rows(self) -> Iterator[tuple[int, ...]]:
        return struct.iter_unpack(self.form, self.table)


@dataclass(frozen=True, slots=True)
class Elf:
    """An ELF file, looked into."""

    content: Content
    order: str
    sections: Sections
    segments: tuple[Segment, ...]

    def at_address(self, address: int, length: int) -> bytes:
        """Bytes by where they are loaded. Raises Unreadable."""
        for segment in self.segments:
            if segment.address <= address and address + length <= segment.address + segment.size:
                return exactly(self.content, segment.start + address - segment.address, length)
        raise Unreadable("an address that is in no segment")


def opened(content: Content) -> Elf:
    """The file's parts. Raises Unreadable where they are not what the header says."""
    head = exactly(content, 0, 52)
    order = {1: "<", 2: ">"}.get(head[5])
    wide = {1: False, 2: True}.get(head[4])
    if order is None or wide is None:
        raise Unreadable("it begins like ELF, and is none")
    if wide:
        head = exactly(content, 0, 64)
        program, sections = struct.unpack_from(f"{order}QQ", head, 32)
        sizes = struct.unpack_from(f"{order}6H", head, 52)
    else:
        program, sections = struct.unpack_from(f"{order}II", head, 28)
        sizes = struct.unpack_from(f"{order}6H", head, 40)
    _, program_size, programs, section_size, section_count, names = sizes
    if programs > _MOST or section_count > _MOST * 16:
        raise Unreadable("an ELF file with more parts than any has")
    return Elf(
        content,
        order,
        _sections(content, order, sections, section_size, section_count, names, wide=wide),
        tuple(_segments(content, order, program, program_size, programs, wide=wide)),
    )


def _segments(content: Content, order: str, at: int, size: int, count: int, *, wide: bool) -> Iterator[Segment]:
    loaded, writes = 1, 2
    form = f"{order}IIQQQQQ" if wide else f"{order}IIIIIII"
    if count and size < struct.calcsize(form):
        raise Unreadable("an ELF file with segments too short")
    raw = content.at(at, size * count)
    for index in range(len(raw) // size if size else 0):
        if wide:
            kind, flags, start, address, _, length, _ = struct.unpack_from(form, raw, index * size)
        else:
            kind, start, address, _, length, _, flags = struct.unpack_from(form, raw, index * size)
        if kind == loaded:
            yield Segment(start, length, address, writable=bool(flags & writes))


def _sections(content: Content, order: str, at: int, size: int, count: int, names: int, *, wide: bool) -> Sections:
    form = f"{order}IIQQQQ" if wide else f"{order}IIIIII"
    raw = content.at(at, size * count)
    if size < struct.calcsize(form) or len(raw) < size * count or names >= count:
        return Sections()
    _, _, _, _, start, length = struct.unpack_from(form, raw, names * size)
    return Sections(content.at(start, min(length, MIB)) + b"\0", raw, f"{form}{size - struct.calcsize(form)}x")
