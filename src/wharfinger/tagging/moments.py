"""Past times as people write them: ``2h-ago``, a day, a time. Pure."""

import re

from wharfinger.access.moments import moment_of
from wharfinger.errors import RequestInvalid

_AGO = re.compile(r"([0-9]{1,6})(s|m|h|d|w)-ago", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def past(text: str, now: float) -> float:
    """Seconds since the epoch. Raises RequestInvalid, also for a time to come."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - int(ago[1]) * _SECONDS[ago[2]]
    if text.endswith("ago"):
        raise RequestInvalid(f"{text[:60]!r} is no time: want a number and one of s, m, h, d, w, as in 2h-ago")
    try:
        found = moment_of(text)
    except RequestInvalid as error:
        raise RequestInvalid(f"{error.message}, or how long ago, as in 2h-ago") from error
    if found > now:
        raise RequestInvalid(f"{text[:60]} has not been yet")
    return found
