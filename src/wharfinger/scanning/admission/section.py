"""Gates in ``policy.yaml``: reading them and saying them.

gates:
  - name: production
    repositories: shop/**
    block: {severity: critical, fixable: true}
    warn: {severity: high}
    grace: 14d
    unscanned: warn
    partial: warn
    not_assessed: warn
    stale: {after: 7d, then: warn}
    unknown_as: high
  - {name: exploited, repositories: "**", block: {known_exploited: true}}
"""

from collections.abc import Mapping
from typing import Any

from wharfinger.access import policy_sections
from wharfinger.access.policy_reading import Reading
from wharfinger.access.policy_sections import Section
from wharfinger.access.policy_things import Item
from wharfinger.access.yaml_plain import note, plain
from wharfinger.access.yaml_tree import Tree
from wharfinger.errors import RequestInvalid
from wharfinger.scanning.admission import parsing

WORD = "gates"
NOUN = "gate_rule"
RULES_AT_MOST = 500


def read(reading: Reading, node: Tree, path: str) -> tuple[Item, ...]:
    """The rules; what is wrong is noted."""
    found: dict[str, Item] = {}
    for value, at in reading.items(node, path):
        rule = _rule(reading, value, at)
        if rule is not None and rule.name in found:
            reading.note(value, f"{at}.name", f"there are two rules of the name {rule.name}")
        elif rule is not None:
            found[rule.name] = rule
    if len(found) > RULES_AT_MOST:
        reading.note(node, path, f"more than {RULES_AT_MOST} rules")
    return tuple(found.values())


def _rule(reading: Reading, node: Tree, path: str) -> Item | None:
    noted = len(reading.problems)
    fields = {
        key: plain(reading, value, f"{path}.{key}")
        for key, value in reading.fields(node, path, tuple(parsing.FIELDS), required=("name", "repositories")).items()
    }
    for key, value in fields.items() if len(reading.problems) == noted else ():
        try:
            parsing.FIELDS[key](value, f"{path}.{key}")
        except RequestInvalid as refused:
            note(reading, f"{path}.{key}", refused)
    if len(reading.problems) > noted:
        return None
    wrong = parsing.whole(fields)
    if wrong is not None:
        key, problem = wrong
        reading.note(node, f"{path}.{key}" if key else path, problem)
        return None
    return policy_sections.item(NOUN, fields)


def words(item: Item) -> str:
    """The rule in one line."""
    fields = item.plain
    rule = parsing.rule(fields)
    told = [f"{verb} {_conditions(fields[verb])}" for verb in ("block", "warn") if verb in fields]
    told += [f"grace {fields['grace']}"] if "grace" in fields else []
    told += [
        f"{key.replace('_', ' ')}: {fields[key]}" for key in ("unscanned", "partial", "not_assessed") if key in fields
    ]
    match fields.get("stale"):
        case {"after": after, "then": then}:
            told.append(f"advisories older than {after}: {then}")
    told += [f"unknown severity as {fields['unknown_as']}"] if "unknown_as" in fields else []
    return f"gate rule {rule.name} in {rule.repositories}: {', '.join(told)}"


def _conditions(value: Any) -> str:
    return " or ".join(_condition(each) for each in (value if isinstance(value, list) else [value]))


def _condition(fields: Mapping[str, object]) -> str:
    return " and ".join(_SAID[key](value) for key, value in fields.items())


def _not(said: str, value: object) -> str:
    return said if value is True else f"not {said}"


_SAID = {
    "severity": lambda value: f"{value} or worse" if value != "critical" else "critical",
    "fixable": lambda value: _not("fixable", value),
    "known_exploited": lambda value: _not("known to be exploited", value),
    "older_than": lambda value: f"older than {value}",
}

SECTION = Section(WORD, NOUN, read, words)
