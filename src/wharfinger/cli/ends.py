"""When something ends: a time from now, a day, or never."""

import time

from wharfinger.access.moments import moment_of
from wharfinger.config import values
from wharfinger.errors import Refusal


def ends_at(text: str) -> float | None:
    """Seconds since the epoch; None for ``never``. Raises Refusal."""
    if text == "never":
        return None
    if text[:1].isdigit() and text[-1:].isalpha():
        try:
            return time.time() + values.duration(text).total_seconds()
        except ValueError as error:
            raise Refusal(f"{text!r} is no time from now: {error}") from error
    return moment_of(text)
