"""The pieces of an order-preserving key: numbers of any length, words, and what lies beyond every version.

A key is bytes, and two keys compare as the versions do. So a range of versions is a range of keys, half-open, and
whether a version is in it is one indexed comparison. Every key is built of marks (one byte that says what follows, in
the order the ecosystem gives to the kinds), numbers and words; nothing begins with a byte of 0xf0 or more.
"""

import re
from functools import lru_cache

LONGEST = 256
"""Characters of a version; real ones have at most about eighty."""

FIRST = b""
"""Before every version."""
BEYOND = b"\xfe"
"""After every version that can be ordered."""

_VISIBLE = re.compile(r"[\x21-\x7e]+")


class VersionInvalid(ValueError):
    """Not a version of its ecosystem, so that it has no place in the order."""


def checked(version: str) -> str:
    """The version, if it is one word of visible ASCII and not overlong. Raises VersionInvalid."""
    if len(version) > LONGEST or not _VISIBLE.fullmatch(version):
        raise VersionInvalid(f"{version[:80]!r} is no version")
    return version


@lru_cache(maxsize=16_384)
def number(digits: str) -> bytes:
    """Leading zeros do not count; a longer number is greater, so its length comes first."""
    plain = digits.lstrip("0")
    if len(plain) > 200:
        raise VersionInvalid("a number with more than 200 digits")
    return bytes((len(plain),)) + plain.encode()


def word(text: str) -> bytes:
    """Ends with a byte below every character, so that a word comes before the words it begins."""
    return text.encode() + b"\0"


def after(key: bytes) -> bytes:
    """The least key that is greater: what a range that includes its last version ends before."""
    return key + b"\0"


def unordered(version: str) -> bytes:
    """For a version that cannot be ordered: beyond every range, equal only to itself."""
    return BEYOND + b"\xfe" + version.encode()[:1024]
