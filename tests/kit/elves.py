"""The smallest ELF files that have a section with a name."""

import struct
import zlib

_HEADER, _SECTION = 64, 64


def program(name: str, content: bytes) -> bytes:
    """A 64-bit file with one section."""
    names = b"\0" + name.encode() + b"\0.names\0"
    start = _HEADER + len(content)
    table = start + len(names)
    head = b"\x7fELF\2\1\1" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, table, 0, _HEADER, 56, 0, _SECTION, 3, 2)
    sections = bytes(_SECTION)
    sections += struct.pack("<IIQQQQIIQQ", 1, 1, 0, 0, _HEADER, len(content), 0, 0, 1, 0)
    sections += struct.pack("<IIQQQQIIQQ", 2 + len(name), 3, 0, 0, start, len(names), 0, 0, 1, 0)
    return head + content + names + sections


def auditable(crates: bytes) -> bytes:
    """A Rust program as cargo-auditable makes it."""
    return program(".dep-v0", zlib.compress(crates))


def go(version: str, modules: str) -> bytes:
    """A Go program since 1.18."""
    fenced = bytes(16) + modules.encode() + bytes(16)
    texts = b"".join(_varint(len(raw)) + raw for raw in (version.encode(), fenced))
    return program(".go.buildinfo", b"\xff Go buildinf:" + b"\x08\x02" + bytes(16) + texts)


def _varint(number: int) -> bytes:
    raw = b""
    while number >= 0x80:
        raw += bytes([number & 0x7F | 0x80])
        number >>= 7
    return raw + bytes([number])
