"""npm, crates.io and Hex: semantic versions 2.0. Parts that are left out are 0, as OSV writes them."""

import re

from wharfinger.scanning.versions.encoding import VersionInvalid, checked, number, word

_GRAMMAR = re.compile(
    r"[v=]?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_END, _NUMBER, _WORD, _RELEASE = (bytes((mark,)) for mark in range(1, 5))


def key(version: str) -> bytes:
    match = _GRAMMAR.fullmatch(checked(version))
    if match is None:
        raise VersionInvalid(f"{version!r} is no semantic version")
    major, minor, patch, before = match.groups()
    return number(major) + number(minor or "") + number(patch or "") + prerelease(before)


def prerelease(text: str | None) -> bytes:
    """Identifiers parted by dots, numbers before words; without any it is the release, which comes last."""
    if text is None:
        return _RELEASE
    identifiers = (_NUMBER + number(each) if each.isdecimal() else _WORD + word(each) for each in text.split("."))
    return b"".join(identifiers) + _END
