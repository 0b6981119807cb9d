"""Ruby gems: numbers and words in turn; a word makes it a prerelease, and zeros at the end do not count."""

import re

from wharfinger.scanning.versions.encoding import VersionInvalid, checked, number, word

_GRAMMAR = re.compile(r"[0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_SEGMENT = re.compile(r"[0-9]+|[a-zA-Z]+")
# A shorter version goes on with zeros, and a word is less than a zero.
_WORD, _ZERO_THEN_WORD, _END, _ZERO_THEN_NUMBER, _NUMBER = (bytes((mark,)) for mark in range(1, 6))


def key(version: str) -> bytes:
    if _GRAMMAR.fullmatch(checked(version)) is None:
        raise VersionInvalid(f"{version!r} is no version of a gem")
    segments = _SEGMENT.findall(version.replace("-", ".pre."))
    words = [at for at, segment in enumerate(segments) if segment.isalpha()]
    first = words[0] if words else len(segments)
    return _encoded(_without_zeros(segments[:first]) + _without_zeros(segments[first:]))


def _without_zeros(segments: list[str]) -> list[str]:
    while segments and not segments[-1].strip("0"):
        segments = segments[:-1]
    return segments


def _encoded(segments: list[str]) -> bytes:
    out = [_END]
    following = _ZERO_THEN_NUMBER
    for segment in reversed(segments):
        if segment.isalpha():
            following = _ZERO_THEN_WORD
            out.append(_WORD + word(segment))
        elif segment.strip("0"):
            following = _ZERO_THEN_NUMBER
            out.append(_NUMBER + number(segment))
        else:
            out.append(following)
    return b"".join(reversed(out))
