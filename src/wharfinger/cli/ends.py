"""When something ends: a time from now, a day, or never."""

import re
import time
from datetime import UTC, datetime

from wharfinger.config import values
from wharfinger.errors import Refusal

_LENGTH = re.compile(r"[0-9]+ ?[A-Za-z]+")


def ends_at(text: str) -> float | None:
    """Seconds since the epoch; None for ``never``. Raises Refusal."""
    if text == "never":
        return None
    if _LENGTH.fullmatch(text):
        try:
            return time.time() + values.duration(text).total_seconds()
        except ValueError as error:
            why = f": {error}" if str(error) else ""
            raise Refusal(f"{text!r} is not {values.DURATION.wanted}{why}") from error
    return moment_of(text)


def moment_of(text: str) -> float:
    """Seconds since the epoch of a day or a time; UTC where it says no zone. Raises Refusal."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal(f"{text!r} is no day or time: want 2027-01-31 or 2027-01-31T18:00Z") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
