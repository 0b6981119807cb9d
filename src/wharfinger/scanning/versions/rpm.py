"""AlmaLinux, Rocky, Red Hat, SUSE and the like: ``[epoch:]version[-release]``, as librpm compares."""

import re

from wharfinger.scanning.versions.encoding import VersionInvalid, checked, number, word

_PIECE = re.compile(r"~|\^|[0-9]+|[A-Za-z]+")
_TILDE, _END, _CARET, _LETTERS, _DIGITS = (bytes((mark,)) for mark in range(1, 6))


def key(version: str) -> bytes:
    epoch, colon, rest = checked(version).partition(":")
    if not colon:
        epoch, rest = "", version
    upstream, dash, release = rest.rpartition("-")
    if not dash:
        upstream, release = rest, ""
    if not (epoch or "0").isdecimal() or not upstream:
        raise VersionInvalid(f"{version!r} is no version of an RPM")
    return number(epoch or "0") + _part(upstream) + _part(release)


def _part(text: str) -> bytes:
    """What stands between runs of letters and runs of digits only parts them."""
    out = []
    for piece in _PIECE.findall(text):
        if piece == "~":
            out.append(_TILDE)
        elif piece == "^":
            out.append(_CARET)
        else:
            out.append(_DIGITS + number(piece) if piece.isdecimal() else _LETTERS + word(piece))
    return b"".join(out) + _END
