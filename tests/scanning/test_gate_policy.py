"""Gate rules as code: read with their places, exported as they were written; the schema says what the reader says."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.api.caller import Caller
from tests.conftest import Registry
from wharfinger.access import policy_text
from wharfinger.access.policy_file import Access
from wharfinger.cli import policy_sections
from wharfinger.errors import RequestInvalid
from wharfinger.scanning.admission import parsing

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "gates.md"
SCHEMA = jsonschema.Draft202012Validator(policy_sections.schema())

WHOLE = """version: 1
gates:
- name: production
  repositories:
  - shop/**
  - not: shop/sandbox/**
  block:
  - severity: critical
    fixable: true
  - severity: high
    older_than: 30d
  warn:
    severity: high
  grace: 14d
  unscanned: warn
  partial: allow
  not_assessed: block
  stale:
    after: 7d
    then: warn
  unknown_as: medium
- name: exploited
  repositories: '**'
  block:
    known_exploited: true
"""
RIGHT: list[dict[str, object]] = [
    {"block": {"severity": "critical"}},
    {"warn": [{"fixable": False}, {"known_exploited": True, "older_than": "3d"}]},
    {"unscanned": "block"},
    {"stale": {"after": "12h", "then": "block"}},
    {"block": {"severity": "low"}, "grace": "1d", "unknown_as": "low"},
]
WRONG: list[tuple[dict[str, object], str]] = [
    ({}, "it says nothing of any pull"),
    ({"grace": "14d"}, "it says nothing of any pull"),
    ({"grace": "14d", "warn": {"severity": "low"}}, "grace: there is no block"),
    ({"block": {}}, "block: want a mapping of some of"),
    ({"block": []}, "block: want at least one condition"),
    ({"block": {"severity": "unknown"}}, "block.severity: want one of critical, high, medium, low"),
    ({"block": {"sevrity": "high"}}, "block.sevrity: unknown key 'sevrity': did you mean severity?"),
    ({"block": [{"fixable": "true"}]}, "block[0].fixable: want true or false"),
    ({"block": {"older_than": "soon"}}, "block.older_than: want a length of time"),
    ({"unscanned": "refuse"}, "unscanned: want one of allow, warn, block"),
    ({"stale": "7d"}, "stale: want {after: 7d, then: warn}"),
    ({"stale": {"after": "7d", "then": "deny"}}, "stale.then: want one of"),
    ({"unscanned": "warn", "repositories": {"globb": "*"}}, "repositories: "),
    ({"unscanned": "warn", "name": ""}, "name: want a name"),
]


def with_names(fields: dict[str, object]) -> dict[str, Any]:
    return {"name": "r", "repositories": "**"} | fields


@pytest.mark.parametrize("fields", RIGHT, ids=str)
def test_what_is_right_is_right_to_reader_and_schema(fields: dict[str, object]) -> None:
    parsing.rule(with_names(fields))
    assert SCHEMA.is_valid({"version": 1, "gates": [with_names(fields)]})


@pytest.mark.parametrize(("fields", "said"), WRONG, ids=str)
def test_what_is_wrong_is_wrong_to_both(fields: dict[str, object], said: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        parsing.rule(with_names(fields))
    assert caught.value.message.startswith(said)
    assert not SCHEMA.is_valid({"version": 1, "gates": [with_names(fields)]})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("- {name: a, repositories: '**', blok: {severity: high}}", "3:39: gates[0].blok: unknown key 'blok': did you"),
        (
            "- {name: a, repositories: '**', block: {severity: hi}}",
            "3:51: gates[0].block.severity: want one of critical",
        ),
        (
            "- {name: a, repositories: '**', block: [{fixable: 1}]}",
            "3:51: gates[0].block[0].fixable: want true or false",
        ),
        ("- {name: a, repositories: A, unscanned: warn}", "3:27: gates[0].repositories: 'A' matches nothing"),
        ("- {name: a, repositories: '**'}", "3:3: gates[0]: it says nothing of any pull"),
        ("- {repositories: '**', unscanned: warn}", "3:3: gates[0]: name is missing"),
        ("- {name: a, repositories: '**', unscanned: }", "3:44: gates[0].unscanned: no value"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(line: str, said: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        policy_sections.parse(f"version: 1\ngates:\n{line}")
    assert any(problem.startswith(said) for problem in caught.value.detail["problems"]), caught.value.detail


def test_names_are_unique() -> None:
    rule = "- {name: a, repositories: '**', unscanned: warn}\n"
    with pytest.raises(RequestInvalid) as caught:
        policy_sections.parse(f"version: 1\ngates:\n{rule}{rule}")
    assert caught.value.detail["problems"] == ["4:3: gates[1].name: there are two rules of the name a"]


def test_what_is_read_is_written_as_it_was() -> None:
    items = policy_sections.parse(WHOLE).beside["gates"]
    assert policy_text.render(Access(), {"gates": [item.plain for item in items]}) == WHOLE
    SCHEMA.validate({"version": 1, "gates": [item.plain for item in items]})


async def test_rules_are_planned_applied_and_exported_as_they_were_written(registry: Registry) -> None:
    api = Caller(registry.client)
    plan = await api("POST", "/policy/plan", {"policy": WHOLE})
    told = (
        "gate rule production in shop/** or not shop/sandbox/**: block critical and fixable or high or worse and "
        "older than 30d, warn high or worse, grace 14d, unscanned: warn, partial: allow, not assessed: block, "
        "advisories older than 7d: warn, unknown severity as medium"
    )
    more = "gate rule exploited in **: block known to be exploited"
    assert [change["text"] for change in plan["changes"]] == [told, more]
    await api("POST", "/policy/apply", {"policy": WHOLE, "hash": plan["hash"]})
    exported = (await api("GET", "/policy"))["policy"]
    assert exported.endswith(WHOLE.removeprefix("version: 1\n"))
    again = await api("POST", "/policy/plan", {"policy": exported, "prune": True})
    assert (again["changes"], again["problems"]) == ([], [])
