"""Login tokens: what ``wharf login`` keeps instead of the password.

``wharf_`` so that a secret scanner knows one, 256 random bits, and a checksum so that a mistyped or invented one is
refused without asking the database, which knows only the SHA-256 of those it has given out.
"""

import base64
import hashlib
import re
import secrets
import zlib

PREFIX = "wharf_"
LIFETIME = 12 * 3600.0

_TOKEN = re.compile(r"(wharf_[A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})")


def generate() -> str:
    """A token nobody has seen before."""
    body = PREFIX + secrets.token_urlsafe(32)
    return body + _checksum(body)


def is_token(text: str) -> bool:
    """Whether ``text`` was made by :func:`generate`, here or elsewhere; a password is not, except on purpose."""
    match = _TOKEN.fullmatch(text)
    return match is not None and _checksum(match[1]) == match[2]


def fingerprint(token: str) -> str:
    """What is stored of a token. With 256 random bits there is nothing to guess, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(body: str) -> str:
    return base64.urlsafe_b64encode(zlib.crc32(body.encode()).to_bytes(4, "big")).rstrip(b"=").decode()
