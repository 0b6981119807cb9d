"""The published schema says what the reader reads."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.lifecycle.stock import DEFAULT, policy
from tests.lifecycle.test_conditions import test_when_it_holds as table
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import parsing, schema
from wharfinger.select.parsing import _Parser as SelectorParser

PUBLISHED = Path(__file__).parents[2] / "docs" / "policy.schema.json"
VALIDATOR = Draft202012Validator(schema.document())


def test_the_published_schema_is_the_readers() -> None:
    published, ours = json.loads(PUBLISHED.read_text()), schema.document()
    assert published["properties"]["lifecycle"] == ours["properties"]["lifecycle"]
    assert published["$defs"].items() >= ours["$defs"].items(), "wharf policy schema > docs/policy.schema.json"
    Draft202012Validator.check_schema(schema.document())


def test_schema_and_reader_know_the_same_words() -> None:
    definitions = schema.definitions()
    assert set(definitions["group"]["properties"]) == set(parsing.GROUP_KEYS)
    assert set(definitions["rule"]["properties"]) == {*parsing.ACTIONS, "name"}
    assert set(schema.lifecycle()["items"]["properties"]) == set(parsing.POLICY_KEYS)
    mappings = [each for each in definitions["selector"]["anyOf"] if each["type"] == "object"]
    assert {each["required"][0] for each in mappings} == set(SelectorParser("text")._kinds)


def test_what_the_reader_reads_is_valid() -> None:
    for text in (DEFAULT, *(policy(f"keep: {{{group}}}") for group, _, _ in table.pytestmark[0].args[1])):
        VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "rule",
    [
        {"keep": {"tag": "x"}},
        {"keep": {}, "delete": {}},
        {"name": "x"},
        {"keep": {"by": "pushed"}},
        {"keep": {"newest": 0}},
        {"keep": {"newest": 1, "by": "size"}},
        {"keep": {"untagged_for": "7 days"}},
        {"keep": {"untagged_for": ""}},
        {"keep": {"larger_than": "5K"}},
        {"keep": {"tags": {"glob": "a", "regex": "b"}}},
        {"keep": {"tags": []}},
        {"keep": {"any": []}},
        {"keep": {"labels": {}}},
        {"keep": {"untagged": "yes"}},
        {"keep": {}, "name": "a/b"},
    ],
)
def test_what_the_reader_refuses_is_not_valid(rule: dict[str, Any]) -> None:
    section = [{"name": "p", "repositories": "**", "rules": [rule]}]
    with pytest.raises(RequestInvalid):
        parsing.parse(section)
    assert not VALIDATOR.is_valid({"lifecycle": section})
