"""What one layer says, kept for each layer so that it is read once, whatever images it is in. Pure.

A layer does not know what lies under it. So it keeps, beside packages, what it hides: whiteouts, opaque folders, and
the hashes of all paths that it puts something at.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import msgspec

from wharfinger.scanning.limits import Unreadable
from wharfinger.scanning.packages import Distribution, Problem, Source

CATALOGUER = "wharfinger/3"
"""Kept catalogues of another version are not used any more: it changes whenever more, or something else, is found."""

HASH_BYTES = 8
_MERGED = frozenset({"bin", "sbin", "lib", "lib32", "lib64", "libx32"})


@dataclass(frozen=True, slots=True)
class Found:
    """A package as one file of a layer tells of it.

    ``inside`` is where in that file: jars have jars within. ``purl`` is given where the file has it already.
    """

    type: str
    name: str
    version: str
    source: Source | None = None
    arch: str = ""
    inside: str = ""
    purl: str = ""
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owned:
    """The files that a package of the distribution brought, as ``hashes`` of their paths."""

    package: str
    hashes: bytes


Statement = Found | Owned | Distribution
"""What a cataloguer may say of a file."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the file at ``path`` says; a link says where it leads. ``kind`` is the cataloguer that read it."""

    path: str
    kind: str
    found: tuple[Found, ...] = ()
    owned: tuple[Owned, ...] = ()
    distribution: Distribution | None = None
    target: str = ""


@dataclass(frozen=True, slots=True)
class LayerCatalogue:
    """All that one layer says. ``files`` and ``folders`` are hashes of paths, eight bytes each."""

    layer: str
    cataloguer: str = CATALOGUER
    isolation: str = ""
    evidence: tuple[Evidence, ...] = ()
    whiteouts: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    files: bytes = b""
    folders: bytes = b""
    problems: tuple[Problem, ...] = ()

    def with_problems(self, *more: Problem) -> "LayerCatalogue":
        """The same, and what else was wrong."""
        return replace(self, problems=(*self.problems, *more))

    def to_json(self) -> bytes:
        """As bytes to be kept; the same catalogue is the same bytes."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "LayerCatalogue":
        """What ``to_json`` made. Raises Unreadable for anything else."""
        try:
            kept = msgspec.json.decode(raw, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(f"this is no layer's catalogue: {error}") from error
        if any(len(each) % HASH_BYTES for each in (kept.files, kept.folders)):
            raise Unreadable("this is no layer's catalogue: a hash is incomplete")
        return kept


def place(path: str) -> str:
    """The path by which files are compared: on every distribution of today ``/lib`` is a link to ``/usr/lib``."""
    return f"usr/{path}" if path.partition("/")[0] in _MERGED else path


def hash_of(path: str) -> bytes:
    """Eight bytes that stand for a path."""
    return blake2b(place(path).encode("utf-8", "backslashreplace"), digest_size=HASH_BYTES).digest()


def hashes(paths: Iterable[str]) -> bytes:
    """The hashes of paths, one after the other, sorted."""
    return b"".join(sorted({hash_of(path) for path in paths}))


def numbers(raw: bytes) -> memoryview:
    """The hashes as numbers, to be compared with ``number_of`` on this machine."""
    return memoryview(raw).cast("Q")


def number_of(path: str) -> int:
    """The number that stands for a path on this machine."""
    return int.from_bytes(hash_of(path), sys.byteorder)
