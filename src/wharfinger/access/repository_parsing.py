"""Rules about repositories from plain data, one key at a time. Whatever is wrong is refused with its path."""

from collections.abc import Callable, Mapping
from typing import Any

from wharfinger.access.plain_values import flag, name, principal, principals, wrong
from wharfinger.access.repository_rules import Rule
from wharfinger.select import parse

EFFECTS = ("owner", "create")
"""The keys of which a rule must have one, or it would say nothing."""


def rule(fields: Mapping[str, object]) -> Rule:
    """The rule that these fields are. Raises RequestInvalid."""
    for key in fields:
        if key not in FIELDS:
            raise wrong(key, f"unknown key {key[:60]!r}")
    said = whole(fields)
    if said is not None:
        raise wrong(*said)
    read: dict[str, Any] = {key: FIELDS[key](value, key) for key, value in fields.items()}
    return Rule(**read)


def whole(fields: Mapping[str, object]) -> tuple[str, str] | None:
    """(path, what is wrong) of a rule whose single fields are right."""
    for key in ("name", "repositories"):
        if key not in fields:
            return "", f"{key} is missing"
    if not any(key in fields for key in EFFECTS):
        return "", f"it says nothing: want one of {', '.join(EFFECTS)}"
    return None


def _create(value: object, path: str) -> bool | frozenset[str]:
    return flag(value, path) if isinstance(value, bool) else principals(value, path)


FIELDS: Mapping[str, Callable[[object, str], object]] = {
    "name": name,
    "repositories": lambda value, path: parse(value, path, of="repository"),
    "owner": principal,
    "create": _create,
}
