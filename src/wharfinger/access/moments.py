"""Days and times as people write them."""

import math
from datetime import UTC, datetime

from wharfinger.errors import RequestInvalid


def moment_of(text: str) -> float:
    """Seconds since the epoch of a day or a time; UTC where it says no zone. Raises RequestInvalid."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise RequestInvalid(f"{text[:60]!r} is no day or time: want 2027-01-31 or 2027-01-31T18:00Z") from error


def moment_or_seconds(text: str) -> float:
    """The same; or seconds since the epoch, which is how a time is written that no calendar has exactly."""
    if text.isdigit() and len(text) == len("20270131"):
        return moment_of(text)
    try:
        seconds = float(text)
    except ValueError:
        return moment_of(text)
    if not math.isfinite(seconds):
        raise RequestInvalid(f"{text[:60]!r} is no day or time")
    return seconds


def written(seconds: float) -> str:
    """What :func:`moment_or_seconds` reads as exactly these seconds: a day, else a time, else the number."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return repr(seconds)
    for text in (f"{moment:%Y-%m-%d}", moment.isoformat().replace("+00:00", "Z")):
        if moment.year >= 1000 and moment_of(text) == seconds:
            return text
    return repr(float(seconds))
