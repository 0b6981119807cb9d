"""The Authorization header, read strictly and before anything else looks at it."""

import binascii
import re
from dataclasses import dataclass, field

from wharfinger.errors import Unauthorized

MAX_HEADER = 16384
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows: a name with a password or secret (Basic), or a token alone (Bearer)."""

    name: str | None
    secret: str = field(repr=False)


def refused(error: str = "") -> Unauthorized:
    """One refusal for every reason: which part was wrong is nobody's business."""
    return Unauthorized("authentication required: the credentials are missing, wrong or no longer valid", error=error)


def parse(authorization: str | None) -> Credentials:
    """The credentials in the header. Raises Unauthorized."""
    if authorization is None or len(authorization) > MAX_HEADER or not authorization.isascii():
        raise refused()
    scheme, _, value = authorization.partition(" ")
    match scheme.lower():
        case "basic":
            return _basic(value.strip(" "))
        case "bearer":
            return Credentials(None, value.strip(" "))
        case _:
            raise refused()


def _basic(encoded: str) -> Credentials:
    """RFC 7617: base64 of UTF-8 ``name:password``, where only the name cannot have a colon."""
    try:
        text = binascii.a2b_base64(encoded, strict_mode=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise refused() from error
    name, colon, password = text.partition(":")
    if not name or not colon or _CONTROL.search(text):
        raise refused()
    return Credentials(name, password)
