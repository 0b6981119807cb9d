"""Secrets that we make: of service accounts, personal tokens, logins. All look alike but for the word in front.

``wharf_`` so that a secret scanner knows one, a letter for its kind, 256 random bits, and a checksum so that a mistyped
or invented one is refused without looking it up. Only the SHA-256 is stored.
"""

import base64
import hashlib
import re
import secrets
import zlib
from enum import StrEnum

PREFIX = "wharf_"


class Kind(StrEnum):
    """What a secret is for; the letter after the prefix."""

    LOGIN = "l"  # the command line's
    PAGE = "w"  # a browser's session
    REFRESH = "r"  # a client of the token protocol
    DEVICE = "d"  # a login that waits for approval
    SECRET = "s"  # noqa: S105  a service account's
    TOKEN = "p"  # noqa: S105  a person's, narrowed


LIFETIME = 12 * 3600.0
"""Seconds that a login lasts."""

_TOKEN = re.compile(r"(wharf_[lwrdsp][A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})", re.ASCII)


def generate(kind: Kind) -> str:
    """A secret nobody has seen before."""
    body = PREFIX + kind.value + secrets.token_urlsafe(32)
    return body + _checksum(body)


def kind_of(text: str) -> Kind | None:
    """What kind of secret ``text`` is, here or elsewhere; None for what :func:`generate` did not make."""
    match = _TOKEN.fullmatch(text)
    if match is None or _checksum(match[1]) != match[2]:
        return None
    return Kind(text[len(PREFIX)])


def has_our_form(text: str) -> bool:
    """Whether ``text`` could be such a secret, mistyped perhaps: for anything else, a password, it is not taken."""
    return _TOKEN.fullmatch(text) is not None


def fingerprint(token: str) -> str:
    """What is stored of a secret. With 256 random bits there is nothing to guess, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(body: str) -> str:
    return base64.urlsafe_b64encode(zlib.crc32(body.encode()).to_bytes(4, "big")).rstrip(b"=").decode()
