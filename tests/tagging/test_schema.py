"""The published JSON Schema says of tag rules what the reader says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.tagging.test_policy import WHOLE
from wharfinger.cli import policy_sections
from wharfinger.errors import RequestInvalid
from wharfinger.tagging import parsing

PAGE = Path(__file__).parents[2] / "docs" / "policy.schema.json"
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "tags.md"
SCHEMA = jsonschema.Draft202012Validator(policy_sections.schema())

RIGHT = [
    {"immutable": True},
    {"immutable": True, "tags": ["a*", {"not": "ab"}], "except": "floating"},
    {"undeletable": {"until": "2027-01-31"}},
    {"undeletable": True, "forward_only": True},
    {"form": ["semver", {"regex": "x"}], "example": "x"},
    {"moved_by": "ann"},
    {"moved_by": ["ann", "group:ops"]},
]
WRONG = [
    {},
    {"imutable": True},
    {"immutable": "true"},
    {"undeletable": {"til": "x"}},
    {"undeletable": "2027-01-31"},
    {"immutable": True, "example": "x"},
    {"immutable": True, "tags": {"regx": "x"}},
    {"immutable": True, "tags": []},
    {"moved_by": []},
    {"immutable": True, "name": ""},
    {"immutable": True, "repositories": None},
]


def is_valid(fields: dict[str, object]) -> bool:
    document: dict[str, Any] = {"version": 1, "tags": [{"name": "r", "repositories": "**"} | fields]}
    return bool(SCHEMA.is_valid(document))


@pytest.mark.parametrize("fields", RIGHT, ids=str)
def test_what_is_right_is_right_to_both(fields: dict[str, object]) -> None:
    parsing.rule({"name": "r", "repositories": "**"} | fields)
    assert is_valid(fields)


@pytest.mark.parametrize("fields", WRONG, ids=str)
def test_what_is_wrong_is_wrong_to_both(fields: dict[str, object]) -> None:
    with pytest.raises(RequestInvalid):
        parsing.rule({"name": "r", "repositories": "**"} | fields)
    assert not is_valid(fields)


def test_the_published_schema_is_the_one_of_the_commands() -> None:
    published = json.loads(PAGE.read_text())
    assert published == policy_sections.schema(), "wharf policy schema > docs/policy.schema.json"
    jsonschema.Draft202012Validator.check_schema(published)


def test_the_policy_of_the_guide_is_one() -> None:
    text = GUIDE.read_text().partition("```yaml\n")[2].partition("```")[0]
    assert len(policy_sections.parse(text).beside["tags"]) == 4
    for policy in (text, WHOLE):
        document = yaml.safe_load(policy)
        for rule in document["tags"]:
            if isinstance(rule.get("undeletable"), dict):
                rule["undeletable"]["until"] = str(rule["undeletable"]["until"])  # a date to YAML, text to JSON
        SCHEMA.validate(document)
