"""What deleting gives back: the blobs that nothing that stays has, each counted once. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from wharfinger.spec.needs import Key, Packed, unpack

Shared: TypeAlias = Mapping[Key, tuple[int, int]]
"""Of each blob that more than one repository has: how many do, and its size."""


@dataclass(slots=True)
class Freed:
    """What one repository gives back: first all that stays is told, then each that goes.

    ``alone`` are the blobs that nothing else has. ``waiting`` is left for :class:`Across`: those that here nothing
    keeps, and that other repositories have.
    """

    shared: Shared
    staying: set[Key] = field(default_factory=set)
    alone: dict[Key, int] = field(default_factory=dict)
    waiting: set[Key] = field(default_factory=set)

    def keep(self, needed: Packed) -> None:
        """Something stays that needs this."""
        self.staying.update([blob for blob, _ in unpack(needed)])

    def give_up(self, needed: Packed) -> int:
        """An image goes that needs this; what it alone counts for."""
        staying, shared, alone, frees = self.staying, self.shared, self.alone, 0
        for blob, size in unpack(needed):
            if blob in staying:
                continue
            if blob in shared:
                self.waiting.add(blob)
            else:
                alone[blob] = size
                frees += size
        return frees

    @property
    def in_all(self) -> int:
        """What all together give back."""
        return sum(self.alone.values())


class Across:
    """Sums up blobs that several repositories have: they go when they go from all of them."""

    def __init__(self) -> None:
        self._given_up: Counter[Key] = Counter()

    def add(self, waiting: Iterable[Key]) -> None:
        """Note what one more repository gives up."""
        self._given_up.update(waiting)

    def bytes(self, shared: Shared) -> int:
        """Those of blobs that every repository gives up that has them."""
        known = ((shared[blob], count) for blob, count in self._given_up.items())
        return sum(size for (repositories, size), count in known if count == repositories)
