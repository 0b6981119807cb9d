"""Debian and Ubuntu: ``[epoch:]upstream[-revision]``, by the rules of deb-version(7)."""

import re

from wharfinger.scanning.versions.encoding import VersionInvalid, checked, number

_PIECE = re.compile(r"([^0-9]*)([0-9]*)")
_END = b"\x02"
# `~` sorts before the end of a part, letters before everything else.
_ORDER = bytes(1 if chr(code) == "~" else code if chr(code).isalpha() else (code + 128) % 256 for code in range(256))


def key(version: str) -> bytes:
    epoch, colon, rest = checked(version).partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    if not epoch.isdecimal() or not upstream:
        raise VersionInvalid(f"{version!r} is no Debian version")
    return number(epoch) + _part(upstream) + _part(revision)


def _part(text: str) -> bytes:
    """Pairs of a non-number and a number; one that is missing is empty, or 0."""
    out = []
    for letters, digits in _PIECE.findall(text or "0"):
        if letters or digits:
            out.append(letters.encode().translate(_ORDER) + _END + number(digits))
    return b"".join(out) + _END
