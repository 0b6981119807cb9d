"""Times, durations and sizes as policies and image lists have them.

Times and durations are whole microseconds: what lies exactly at a cut-off must not depend on how a computer rounds.
"""

import re
from datetime import UTC, datetime, timedelta

from wharfinger.errors import RequestInvalid

SECOND = 1_000_000
ENDLESS = 253_402_214_400 * SECOND
"""The last day of the year 9999: until when something is held that is held without an end."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


def moment(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 time, which has a zone. Raises RequestInvalid."""
    found = _TIME.fullmatch(text)
    whole = _whole(found[1], found[3]) if found else None
    if found is None or whole is None:
        raise RequestInvalid(f"{text[:60]!r} is no time: want RFC 3339 with a zone, like 2026-01-31T00:00:00Z")
    fraction = (found[2] or ".")[1:7].ljust(6, "0")
    return (whole - _EPOCH) // _MICROSECOND + int(fraction)


def _whole(text: str, zone: str) -> datetime | None:
    # RFC 3339 has the leap second, :60, and Python does not: it is the second after :59.
    leap = text.endswith(":59:60")
    try:
        whole = datetime.fromisoformat((f"{text[:-2]}59" if leap else text.upper()) + _offset(zone))
        return whole + timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None


def _offset(zone: str) -> str:
    return "+00:00" if zone in "Zz" else zone


def written(at: int) -> str:
    """The time as :func:`moment` reads it."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")


_UNITS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(
    r"(?:([0-9]{1,9})w)?(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?", re.ASCII
)
LONGEST = 1000 * 366 * 86400 * SECOND


def duration(text: str) -> int:
    """Microseconds of a duration such as 7d, 12h or 1d12h. Raises RequestInvalid."""
    found = _DURATION.fullmatch(text) if text else None
    if found is None:
        raise RequestInvalid(
            f"{text[:40]!r} is no duration: want one like 30d, 12h or 1d12h (w, d, h, m for minutes, s)"
        )
    total = (
        sum(int(n) * unit for n, unit in zip(found.groups(), _UNITS.values(), strict=True) if n is not None) * SECOND
    )
    if total > LONGEST:
        raise RequestInvalid(f"{text[:40]!r} is longer than a thousand years")
    return total


def duration_written(length: int) -> str:
    """The duration as :func:`duration` reads it, which whole seconds have: in days and less."""
    seconds = length // SECOND
    parts = []
    for unit, each in list(_UNITS.items())[1:]:
        count, seconds = divmod(seconds, each)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


_SIZES: dict[str, int] = {"B": 1} | {
    f"{prefix}{end}": int(base**power)
    for end, base, prefixes in (("B", 1000, "kMGTP"), ("iB", 1024, "KMGTP"))
    for power, prefix in enumerate(prefixes, start=1)
}
_SIZE = re.compile(r"([0-9]{1,18}) ?([a-zA-Z]{0,3})", re.ASCII)


def size(text: str) -> int:
    """Bytes of a size such as 500MB or 2GiB. Raises RequestInvalid."""
    found = _SIZE.fullmatch(text)
    unit = _SIZES.get({"KB": "kB", "": "B"}.get(found[2], found[2])) if found else None
    if found is None or unit is None:
        raise RequestInvalid(f"{text[:40]!r} is no size: want one like 500MB or 2GiB, of {', '.join(_SIZES)}")
    return int(found[1]) * unit


def size_written(size: int) -> str:
    """The size as :func:`size` reads it."""
    fitting = [(unit, name) for name, unit in _SIZES.items() if size and size % unit == 0]
    unit, name = max(fitting, default=(1, "B"))
    return f"{size // unit}{name}"
