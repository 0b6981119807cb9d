"""What a cataloguer is: which files it wants to see, and what it makes of one. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Statement

Reading = Callable[[File], Iterable[Statement]]
"""What a file says. Raises Unreadable where it is not what its name promises; what was said before counts."""


def _any(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Cataloguer:
    """Sees a file by its name, the name's ending (with the dot), the folder it is in, or the magic it begins with.

    Of these only what it ``accepts`` by path.
    ``beside``: endings of files that belong to such a file, and are wanted with it. ``follows``: links count.
    """

    name: str
    read: Reading
    names: frozenset[str] = field(default_factory=frozenset)
    endings: frozenset[str] = field(default_factory=frozenset)
    folders: frozenset[str] = field(default_factory=frozenset)
    magic: bytes = b""
    accepts: Callable[[str], bool] = _any
    beside: tuple[str, ...] = ()
    follows: bool = False
