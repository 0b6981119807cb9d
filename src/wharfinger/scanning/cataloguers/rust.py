"""What cargo-auditable puts into a program: the crates that it was built of. Pure."""

import zlib
from collections.abc import Iterator

import msgspec

from wharfinger.scanning.cataloguers.elf import Elf
from wharfinger.scanning.contents import exactly
from wharfinger.scanning.layers import Found, Statement
from wharfinger.scanning.limits import MIB, Unreadable

_LARGEST = 8 * MIB


class _Crate(msgspec.Struct):
    name: str
    version: str
    source: str = "crates.io"
    kind: str = "runtime"


class _Crates(msgspec.Struct):
    packages: list[_Crate] = []


def crates(program: Elf) -> Iterator[Statement]:
    """The crates. Nothing where there is no list; raises Unreadable where it is broken."""
    section = program.sections.find(b".dep-v0")
    if section is None:
        return
    for crate in _crates(exactly(program.content, section.start, min(section.size, _LARGEST))):
        if crate.kind != "build":
            detail = {} if crate.source in ("crates.io", "registry") else {"origin": crate.source}
            yield Found("cargo", crate.name, crate.version, detail=detail)


def _crates(packed: bytes) -> list[_Crate]:
    unpacking = zlib.decompressobj()
    try:
        raw = unpacking.decompress(packed, _LARGEST)
        if not unpacking.eof:
            raise Unreadable("the list of crates is incomplete, or larger than any is")
        return msgspec.json.decode(raw, type=_Crates).packages
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"the list of crates cannot be read: {error}") from error
