"""Byte ranges: what a client asks for (RFC 9110, section 14) and what a chunk says it is (spec.md, PATCH)."""

import re
from typing import NamedTuple

from wharfinger.errors import RangeInvalid, UploadInvalid

# Units are case-insensitive. Python converts 4300 digits; a position that takes a thousand is past any end.
_ONE_RANGE = re.compile(r"bytes=[ \t]*(\d{0,1000})-(\d{0,1000})[ \t]*", re.ASCII | re.IGNORECASE)
_CHUNK = re.compile(r"(?:bytes[ =])?(\d{1,19})-(\d{1,19})(?:/(?:\d{1,19}|\*))?", re.ASCII)


class Span(NamedTuple):
    """The bytes from ``start`` up to, but not including, ``stop``."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.stop - self.start


def requested(header: str | None, size: int) -> Span | None:
    """The span that a Range header asks of ``size`` bytes, or None when the whole is to be sent.

    Several ranges, other units and malformed headers get the whole (RFC 9110, section 14.2: a server may ignore
    Range). Raises RangeInvalid when nothing of the one range lies inside, also for ``500-0``.
    """
    match = _ONE_RANGE.fullmatch(header) if header else None
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        start, stop = max(0, size - int(match[2])), size
    else:
        start = int(match[1])
        stop = min(size, int(match[2]) + 1) if match[2] else size
    if start >= stop:
        raise RangeInvalid(f"range {match[0][:80]!r} is outside the {size} bytes there are", size=size)
    return Span(start, stop)


def chunk(header: str) -> Span:
    """The span of a chunk from its Content-Range, ``<first>-<last>`` with both ends inside. Raises UploadInvalid."""
    match = _CHUNK.fullmatch(header.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise UploadInvalid(f"invalid Content-Range {header[:80]!r}: want <first byte>-<last byte>")
    return Span(int(match[1]), int(match[2]) + 1)
