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

from wharfinger.access.named_items import Form
from wharfinger.access.plain_values import listed
from wharfinger.access.policy_sections import Section
from wharfinger.access.policy_things import Item
from wharfinger.scanning.admission import parsing

WORD = "gates"
NOUN = "gate_rule"
RULES_AT_MOST = 500

FORM = Form(NOUN, "rule", parsing.FIELDS, ("name", "repositories"), parsing.whole, at_most=RULES_AT_MOST)


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
    told += [f"as {', '.join(listed(fields['scanners']))} found"] if "scanners" in fields else []
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

SECTION = Section(WORD, NOUN, FORM.read, words)
