"""The port through which fsck looks at a byte store: what is really there, and what is put aside.

The registry itself never lists anything. What is put aside is out of everybody's reach and can be put back.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Item:
    """Bytes in a store. ``digest`` is the one they are sealed as, as far as the store can tell from where they are.

    ``since`` is when they were written, or put aside.
    """

    location: Location
    size: int
    since: float
    digest: Digest | None = None


class Stock(Protocol):
    """What a store holds. Every method may raise Unavailable; lists come in pages and in no order."""

    def items(self) -> AsyncIterator[list[Item]]:
        """All bytes there are, staged and sealed, but not what is aside. What changes meanwhile may be in it or not."""
        ...

    def marks(self) -> AsyncIterator[list[tuple[Location, Digest]]]:
        """Under which digests bytes were sealed, and where; what is found without a database."""
        ...

    def staged(self, location: Location) -> Location:
        """Where the bytes at ``location`` were staged before they were sealed. Pure."""
        ...

    async def put_aside(self, item: Item) -> None:
        """Move the bytes, and what says that they are sealed, out of reach. Safe to repeat; they are never nowhere."""
        ...

    def aside(self) -> AsyncIterator[list[Item]]:
        """What is put aside, by where it was."""
        ...

    async def put_back(self, item: Item) -> None:
        """Move bytes that are aside to where they were, sealed if they were. Safe to repeat."""
        ...

    async def throw_away(self, item: Item) -> None:
        """Delete bytes that are aside."""
        ...

    async def unmark(self, location: Location, digest: Digest) -> None:
        """Forget that bytes were sealed there, where there are none."""
        ...

    @property
    def tells_unfinished(self) -> bool:
        """Whether :meth:`items` has all that a killed upload leaves; where not, the store must clear it away."""
        ...

    async def close(self) -> None:
        """Give back connections and threads."""
        ...
