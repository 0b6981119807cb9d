"""Calendar versions (calver.org): a format such as ``YYYY.MM.DD``, ``YYYY.0M`` or ``YY.MINOR``, and what is of it.

``MM``, ``WW`` and ``DD`` may be written with a zero before or without; ``0M``, ``0W``, ``0D`` and ``0Y`` must have it.
"""

import re
from dataclasses import dataclass
from datetime import date

from wharfinger.errors import RequestInvalid

_MONTH, _WEEK, _DAY = "0?[1-9]|1[0-2]", "0?[1-9]|[1-4][0-9]|5[0-3]", "0?[1-9]|[12][0-9]|3[01]"
_NUMBER = "0|[1-9][0-9]{0,17}"
_TOKENS = {
    "YYYY": ("year", "[1-9][0-9]{3}"),
    "YY": ("short_year", "0|[1-9][0-9]{0,2}"),
    "0Y": ("short_year", "[0-9]{2}|[1-9][0-9]{2}"),
    "MM": ("month", _MONTH),
    "0M": ("month", _MONTH.replace("0?", "0")),
    "WW": ("week", _WEEK),
    "0W": ("week", _WEEK.replace("0?", "0")),
    "DD": ("day", _DAY),
    "0D": ("day", _DAY.replace("0?", "0")),
    "MAJOR": ("major", _NUMBER),
    "MINOR": ("minor", _NUMBER),
    "MICRO": ("micro", _NUMBER),
    "MODIFIER": ("modifier", "[0-9A-Za-z]{1,128}"),
}
_SPLIT = re.compile(r"([._-])")
PARTS_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class Calendar:
    """A format."""

    text: str
    _expression: re.Pattern[str]

    def matches(self, tag: str) -> bool:
        """Whether the tag is of this format; a date must be one that the calendar has."""
        found = self._expression.fullmatch(tag) if len(tag) <= 256 else None
        return found is not None and _is_date(found.groupdict())


def parse(text: str) -> Calendar:
    """The format that ``text`` is. Raises RequestInvalid."""
    parts = _SPLIT.split(text[:200])
    tokens = parts[::2]
    unknown = [token for token in tokens if token not in _TOKENS]
    if unknown or len(text) > 200 or len(tokens) > PARTS_AT_MOST:
        raise RequestInvalid(
            f"{text[:80]!r} is no format of calendar versions: want one like YYYY.MM.DD, made of "
            f"{', '.join(_TOKENS)} with . - or _ between"
        )
    names = [_TOKENS[token][0] for token in tokens]
    if len(set(names)) < len(names) or not {"year", "short_year"} & set(names):
        raise RequestInvalid(f"{text[:80]!r} is no format of calendar versions: it has a part twice, or no year")
    named = {token: f"(?P<{name}>{pattern})" for token, (name, pattern) in _TOKENS.items()}
    expression = "".join(named.get(part, re.escape(part)) for part in parts)
    return Calendar(text, re.compile(f"v?{expression}", re.ASCII))


def _is_date(found: dict[str, str]) -> bool:
    year = int(found["year"]) if "year" in found else 2000 + int(found["short_year"])
    try:
        date(year, int(found.get("month", 1)), int(found.get("day", 1)))
    except ValueError:
        return False
    return True
