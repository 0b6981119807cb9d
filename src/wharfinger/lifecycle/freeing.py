"""What deleting gives back: the blobs that nothing that stays has, each counted once. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Shared: TypeAlias = Mapping[str, tuple[int, int]]
"""Of each blob that more than one repository has: how many do, and its size."""


@dataclass(slots=True)
class Freed:
    """What one repository gives back: first all that stays is told, then each that goes.

    ``each`` is by digest what each image alone counts for. ``waiting`` is left for :class:`Across`: the blobs that here
    nothing keeps, and that other repositories have.
    """

    shared: Shared
    staying: set[str] = field(default_factory=set)
    each: dict[str, int] = field(default_factory=dict)
    alone: dict[str, int] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)

    def keep(self, blobs: Iterable[str]) -> None:
        """Something stays that needs these."""
        self.staying.update(blobs)

    def give_up(self, manifest: str, blobs: Mapping[str, int]) -> None:
        """An image goes that needs these."""
        staying, shared, alone, frees = self.staying, self.shared, self.alone, 0
        for blob, size in blobs.items():
            if blob in staying:
                continue
            if blob in shared:
                self.waiting.add(blob)
            else:
                alone[blob] = size
                frees += size
        self.each[manifest] = frees

    @property
    def in_all(self) -> int:
        """What all together give back."""
        return sum(self.alone.values())


class Across:
    """Sums up blobs that several repositories have: they go when they go from all of them."""

    def __init__(self) -> None:
        self._given_up: Counter[str] = Counter()

    def add(self, waiting: Iterable[str]) -> None:
        """Note what one more repository gives up."""
        self._given_up.update(waiting)

    def bytes(self, shared: Shared) -> int:
        """Those of blobs that every repository gives up that has them."""
        known = ((shared[blob], count) for blob, count in self._given_up.items())
        return sum(size for (repositories, size), count in known if count == repositories)
