"""What deleting gives back: the blobs that nothing that stays has, each counted once. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Protocol


class SizeOf(Protocol):
    """Knows how big blobs are: a dictionary, or what is smaller than one."""

    def get(self, blob: int, otherwise: int, /) -> int: ...


@dataclass(slots=True)
class Blobs:
    """Those of one repository: what each manifest needs, how big each is, and how many repositories have it."""

    references: dict[str, Sequence[int]] = field(default_factory=dict)
    sizes: SizeOf = field(default_factory=dict[int, int])
    shared: Mapping[int, int] = field(default_factory=dict)
    """Those that more than one repository has, here or elsewhere, and how many do."""


@dataclass(frozen=True, slots=True)
class Freed:
    """By digest what each image alone counts for, what all together do, and what is left for :class:`Across`."""

    each: dict[str, int]
    in_all: int
    waiting: Mapping[int, tuple[int, int]]
    """Of each blob that here nothing keeps and other repositories have: how many do, and its size."""


def freed(blobs: Blobs, doomed: Collection[str]) -> Freed:
    """What one repository gives back when these of its manifests go."""
    staying: set[int] = set()
    going: set[int] = set()
    for manifest, needed in blobs.references.items():
        (going if manifest in doomed else staying).update(needed)
    going -= staying
    waiting = {blob: (blobs.shared[blob], blobs.sizes.get(blob, 0)) for blob in going if blob in blobs.shared}
    sizes = {blob: blobs.sizes.get(blob, 0) for blob in going if blob not in waiting}
    each = {
        manifest: sum(map(sizes.get, needed, repeat(0)))
        for manifest, needed in blobs.references.items()
        if manifest in doomed
    }
    return Freed(each, sum(sizes.values()), waiting)


class Across:
    """Sums up blobs that several repositories have: they go when they go from all of them."""

    def __init__(self) -> None:
        self._missing: dict[int, int] = {}
        self.bytes = 0

    def add(self, waiting: Iterable[tuple[int, tuple[int, int]]]) -> None:
        """Note what one more repository gives up."""
        for blob, (repositories, size) in waiting:
            left = self._missing.get(blob, repositories) - 1
            self._missing[blob] = left
            if left == 0:
                self.bytes += size
