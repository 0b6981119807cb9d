"""When something ends: a time from now, a day, or never."""

import re
import time

from wharfinger.access.moments import moment_of
from wharfinger.config import values
from wharfinger.errors import Refusal

_LENGTH = re.compile(r"[0-9]+ ?[A-Za-z]+")


def ends_at(text: str) -> float | None:
    """Seconds since the epoch; None for ``never``. Raises Refusal."""
    if text == "never":
        return None
    if _LENGTH.fullmatch(text):
        try:
            return int(time.time()) + values.duration(text).total_seconds()
        except ValueError as error:
            why = str(error) or f"want {values.DURATION.wanted}"
            raise Refusal(f"{text!r} is no time from now: {why}") from error
    return moment_of(text)
