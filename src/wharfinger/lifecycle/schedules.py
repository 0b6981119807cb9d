"""When runs begin by themselves: the five fields of cron, in UTC."""

from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

from wharfinger.errors import RequestInvalid

LENGTH_AT_MOST = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def checked(text: str) -> str:
    """The schedule, which is one. Raises RequestInvalid."""
    if not _is_one(text):
        raise RequestInvalid(f"{text[:60]!r} is no schedule: want the five fields of cron, in UTC, like '0 3 * * *'")
    return text


def _is_one(text: str) -> bool:
    if len(text) > LENGTH_AT_MOST or len(text.split()) != 5:
        return False
    try:
        return next(CronSim(text, _EPOCH)) > _EPOCH
    except (CronSimError, StopIteration):  # the second is of a day that no month has
        return False


def due(text: str, after: float, now: float) -> float | None:
    """The last time that the schedule has between ``after``, exclusive, and ``now``, inclusive; in seconds.

    None when there is none. Whoever was away for a week begins once, and not seven times.
    """
    backward = CronSim(text, _EPOCH + timedelta(seconds=now + 60), reverse=True)
    for at in backward:
        seconds = (at - _EPOCH).total_seconds()
        if seconds <= after:
            return None
        if seconds <= now:
            return seconds
    return None
