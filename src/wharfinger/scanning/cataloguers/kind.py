"""What a cataloguer is: which files it wants to see, and what it makes of one. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Statement
from wharfinger.scanning.limits import MIB, Unreadable

T = TypeVar("T")

DECLARED = {"declared": "true"}
"""The detail of a package that a lock file names: it may be installed, or not any more."""

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


def json_of(file: File, type: type[T], most: int = 32 * MIB) -> T:
    """What the JSON says, as far as ``type`` has a place for it. Raises Unreadable."""
    try:
        return msgspec.json.decode(file.raw(most).removeprefix(b"\xef\xbb\xbf"), type=type)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"its JSON cannot be read: {error}") from error
