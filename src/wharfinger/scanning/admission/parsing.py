"""Gate rules from plain data, one key at a time. Whatever is wrong is refused with its path."""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from wharfinger.config import values
from wharfinger.errors import RequestInvalid
from wharfinger.scanning.admission.rules import Condition, Outcome, Rule, Stale
from wharfinger.scanning.findings import Severity
from wharfinger.select import parse

T = TypeVar("T")

NAME_AT_MOST = 100
CONDITIONS_AT_MOST = 20
SCANNERS_AT_MOST = 20
SCANNER = "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"
LEVELS = tuple(each for each in Severity if each not in {Severity.UNKNOWN, Severity.NONE})
EFFECTS = ("block", "warn", "unscanned", "partial", "not_assessed", "stale")
"""The keys of which a rule must have one, or it would say nothing."""


def rule(fields: Mapping[str, object]) -> Rule:
    """The rule that these fields are. Raises RequestInvalid."""
    found = {key: _known(FIELDS, key, key)(value, key) for key, value in fields.items()}
    wrong = whole(fields)
    if wrong is not None:
        raise _wrong(*wrong)
    return Rule(**found)


def whole(fields: Mapping[str, object]) -> tuple[str, str] | None:
    """(path, what is wrong) of a rule whose single fields are right."""
    for key in ("name", "repositories"):
        if key not in fields:
            return "", f"{key} is missing"
    if not any(key in fields for key in EFFECTS):
        return "", f"it says nothing of any pull: want one of {', '.join(EFFECTS)}"
    if "grace" in fields and "block" not in fields:
        return "grace", "there is no block that it could put off"
    return None


def _name(value: object, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= NAME_AT_MOST or not value.isprintable():
        raise _wrong(path, f"want a name of at most {NAME_AT_MOST} characters")
    return value


def _conditions(value: object, path: str) -> tuple[Condition, ...]:
    """One condition, or a list of which any will do."""
    if not isinstance(value, list):
        return (_condition(value, path),)
    if not 0 < len(value) <= CONDITIONS_AT_MOST:
        raise _wrong(path, f"want at least one condition and at most {CONDITIONS_AT_MOST}")
    return tuple(_condition(each, f"{path}[{number}]") for number, each in enumerate(value))


def _condition(value: object, path: str) -> Condition:
    if not isinstance(value, Mapping) or not value:
        raise _wrong(path, f"want a mapping of some of {', '.join(CONDITION)}")
    return Condition(
        **{key: _known(CONDITION, key, f"{path}.{key}")(each, f"{path}.{key}") for key, each in value.items()}
    )


def _word(kind: Callable[[str], T], known: tuple[str, ...]) -> Callable[[object, str], T]:
    def read(value: object, path: str) -> T:
        if not isinstance(value, str) or value not in known:
            raise _wrong(path, f"want one of {', '.join(known)}")
        return kind(value)

    return read


def _scanners(value: object, path: str) -> frozenset[str]:
    names = value if isinstance(value, list) else [value]
    if not 0 < len(names) <= SCANNERS_AT_MOST:
        raise _wrong(path, f"want at least one scanner and at most {SCANNERS_AT_MOST}")
    for each in names:
        if not isinstance(each, str) or not re.fullmatch(SCANNER, each, re.ASCII):
            raise _wrong(path, "want the name of a scanner, as wharf scanner list shows it, or wharfinger")
    return frozenset(names)


def _flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(path, "want true or false")
    return value


def _length(value: object, path: str) -> float:
    try:
        return values.duration(value).total_seconds()
    except ValueError as error:
        raise _wrong(path, str(error) or f"want {values.DURATION.wanted}") from error


def _stale(value: object, path: str) -> Stale:
    if not isinstance(value, Mapping) or set(value) != {"after", "then"}:
        raise _wrong(path, "want {after: 7d, then: warn}")
    return Stale(_length(value["after"], f"{path}.after"), _outcome(value["then"], f"{path}.then"))


def _known(table: Mapping[str, Callable[[object, str], Any]], key: object, path: str) -> Callable[[object, str], Any]:
    if key in table:
        return table[str(key)]
    close = get_close_matches(str(key), table, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(table)}"
    raise _wrong(path, f"unknown key {str(key)[:60]!r}: {hint}")


def _wrong(path: str, problem: str) -> RequestInvalid:
    return RequestInvalid(f"{path}: {problem}" if path else problem, path=path, problem=problem)


_severity = _word(Severity, tuple(LEVELS))
_outcome = _word(Outcome, tuple(Outcome))

CONDITION: Mapping[str, Callable[[object, str], Any]] = {
    "severity": _severity,
    "fixable": _flag,
    "known_exploited": _flag,
    "older_than": _length,
}
"""The keys of a condition on a finding."""

FIELDS: Mapping[str, Callable[[object, str], Any]] = {
    "name": _name,
    "repositories": lambda value, path: parse(value, path, of="repository"),
    "block": _conditions,
    "warn": _conditions,
    "grace": _length,
    "unscanned": _outcome,
    "partial": _outcome,
    "not_assessed": _outcome,
    "stale": _stale,
    "unknown_as": _severity,
    "scanners": _scanners,
}
"""The keys of a rule."""
