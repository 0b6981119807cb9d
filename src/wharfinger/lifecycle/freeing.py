"""What deleting gives back: the blobs that nothing that stays has, each counted once. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Protocol, TypeAlias

Shared: TypeAlias = Mapping[str, tuple[int, int]]
"""Of each blob that more than one repository has: how many do, and its size."""


class SizeOf(Protocol):
    """Knows how big blobs are: a dictionary, or what is smaller than one."""

    def get(self, blob: str, otherwise: int, /) -> int: ...


@dataclass(slots=True)
class Blobs:
    """Those of one repository: what each manifest needs, how big each is, and which others have as well.

    ``references`` has the digests in one text with commas between them, a tenth of what they need one by one.
    """

    references: dict[str, str] = field(default_factory=dict)
    sizes: SizeOf = field(default_factory=dict[str, int])
    shared: Shared = field(default_factory=dict[str, tuple[int, int]])


@dataclass(frozen=True, slots=True)
class Freed:
    """By digest what each image alone counts for, what all together do, and what is left for :class:`Across`.

    That is the blobs that here nothing keeps, and that other repositories have.
    """

    each: dict[str, int]
    in_all: int
    waiting: frozenset[str]


def freed(blobs: Blobs, doomed: Collection[str]) -> Freed:
    """What one repository gives back when these of its manifests go."""
    staying: set[str] = set()
    going: set[str] = set()
    for manifest, needed in blobs.references.items():
        (going if manifest in doomed else staying).update(needed.split(","))
    going -= staying
    alone = going.difference(blobs.shared)
    size_of = blobs.sizes.get
    sizes = {blob: size_of(blob, 0) for blob in alone}
    each = {
        manifest: sum(map(sizes.get, needed.split(","), repeat(0)))
        for manifest, needed in blobs.references.items()
        if manifest in doomed
    }
    return Freed(each, sum(sizes.values()), frozenset(going - alone))


class Across:
    """Sums up blobs that several repositories have: they go when they go from all of them."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._given_up: Counter[str] = Counter()

    def add(self, waiting: Iterable[str]) -> None:
        """Note what one more repository gives up."""
        self._given_up.update(waiting)

    @property
    def bytes(self) -> int:
        """Those of blobs that every repository gives up that has them."""
        known = ((self._shared[blob], count) for blob, count in self._given_up.items())
        return sum(size for (repositories, size), count in known if count == repositories)
