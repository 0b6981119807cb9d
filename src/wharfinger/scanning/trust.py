"""Whose VEX documents count that were pushed beside an image: rules of ``policy.yaml``, one key at a time.

Without a rule none counts: whoever may push an image would excuse its findings.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wharfinger.access.plain_values import NAME_AT_MOST, PRINCIPALS_AT_MOST, name, principals, wrong
from wharfinger.select import Selector, parse
from wharfinger.spec.names import RepoName


@dataclass(frozen=True, slots=True)
class Rule:
    """In these repositories count those that any of ``pushed_by`` has brought; of None, whoever may push there."""

    name: str
    repositories: Selector
    pushed_by: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """All rules; each adds to what counts."""

    rules: tuple[Rule, ...] = ()

    def rule(self, repository: RepoName, principals: Collection[str]) -> Rule | None:
        """The first that lets count what these have brought there."""
        for each in self.rules:
            if each.repositories.matches(repository) and (
                each.pushed_by is None or not each.pushed_by.isdisjoint(principals)
            ):
                return each
        return None


NOBODY = Trust()

FIELDS: Mapping[str, Callable[[object, str], Any]] = {
    "name": name,
    "repositories": lambda value, path: parse(value, path, of="repository"),
    "pushed_by": principals,
}
"""The keys of a rule."""
REQUIRED = ("name", "repositories")


def rule(fields: Mapping[str, object]) -> Rule:
    """The rule that these fields are. Raises RequestInvalid."""
    for key in fields:
        if key not in FIELDS:
            raise wrong(key, f"unknown key {key[:60]!r}")
    said = whole(fields)
    if said is not None:
        raise wrong(*said)
    return Rule(**{key: FIELDS[key](value, key) for key, value in fields.items()})


def whole(fields: Mapping[str, object]) -> tuple[str, str] | None:
    """(path, what is wrong) of a rule whose single fields are right."""
    return next((("", f"{key} is missing") for key in REQUIRED if key not in fields), None)


def trust(fields: Sequence[Mapping[str, object]]) -> Trust:
    """The rules of a section. Raises RequestInvalid."""
    return Trust(tuple(rule(each) for each in fields))


def schema() -> dict[str, Any]:
    """The schema of the section; its ``$ref`` leads to the selector that the whole file defines."""
    one = {"type": "string", "minLength": 1}
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": PRINCIPALS_AT_MOST}
    fields: dict[str, Any] = {
        "name": {"type": "string", "minLength": 1, "maxLength": NAME_AT_MOST},
        "repositories": {"$ref": "#/$defs/selector"},
        "pushed_by": {
            "description": "Accounts and groups (group:NAME) whose documents count; left out, of all who may push.",
            "anyOf": [one, several],
        },
    }
    properties = {key: fields[key] for key in FIELDS}
    one_rule = {"type": "object", "properties": properties, "required": list(REQUIRED), "additionalProperties": False}
    return {"type": "array", "items": one_rule}
