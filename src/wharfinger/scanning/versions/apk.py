"""Alpine: ``1.2.3b_rc1_p2-r3``, token by token as apk-tools 2 compares."""

import re

from wharfinger.scanning.versions.encoding import VersionInvalid, checked, number

_BEFORE = ("alpha", "beta", "pre", "rc")
_AFTER = ("cvs", "svn", "git", "hg", "p")
_GRAMMAR = re.compile(
    r"(?P<first>[0-9]+)(?P<numbers>(?:\.[0-9]+)*)(?P<letter>[a-z]?)"
    r"(?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)(?:-r(?P<revision>[0-9]+))?"
)
_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")

# What may come next, from least to greatest.
_SUFFIX_BEFORE, _END, _REVISION, _SUFFIX_NUMBER, _SUFFIX_AFTER, _LETTER, _DIGITS, _PART = (
    bytes((mark,)) for mark in range(1, 9)
)


def key(version: str) -> bytes:
    match = _GRAMMAR.fullmatch(checked(version))
    if match is None:
        raise VersionInvalid(f"{version!r} is no Alpine version")
    out = [_DIGITS, _value(match["first"])]
    out += [_dotted(digits) for digits in match["numbers"].split(".")[1:]]
    if match["letter"]:
        out.append(_LETTER + match["letter"].encode())
    out += [_suffix(name, digits) for name, digits in _SUFFIX.findall(match["suffixes"])]
    if match["revision"]:
        out += [_REVISION, _value(match["revision"])]
    return b"".join(out) + _END


def _value(digits: str) -> bytes:
    return b"\x80" + number(digits)


def _dotted(digits: str) -> bytes:
    """A part with leading zeros is read as a fraction: the more zeros, the less, then the number that follows."""
    if not digits.startswith("0"):
        return _PART + _value(digits)
    rest = digits.lstrip("0")
    zeros = len(digits) - len(rest)
    if zeros > 100:
        raise VersionInvalid("a number with more than 100 leading zeros")
    return _PART + bytes((0x7F - zeros,)) + _DIGITS + _value(rest)


def _suffix(name: str, digits: str) -> bytes:
    mark = _SUFFIX_BEFORE if name in _BEFORE else _SUFFIX_AFTER
    place = (*_BEFORE, *_AFTER).index(name)
    return mark + bytes((place,)) + (_SUFFIX_NUMBER + _value(digits) if digits else b"")
