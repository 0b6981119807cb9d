"""Compiled programs that carry a list of what they were built of: those of Go, and of Rust by cargo-auditable. Pure."""

from collections.abc import Iterator

from wharfinger.scanning.cataloguers import elf, go, rust
from wharfinger.scanning.cataloguers.kind import Cataloguer
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Statement


def _program(file: File) -> Iterator[Statement]:
    """Looked into once; nearly all of an image's programs carry none."""
    program = elf.opened(file.content)
    yield from go.modules(program)
    yield from rust.crates(program)


PROGRAMS = Cataloguer("program", _program, magic=elf.MAGIC)
