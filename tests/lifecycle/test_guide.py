"""The examples of the guide are what it says they are."""

import json
import re
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from tests.lifecycle.stock import NOW
from wharfinger.access import policy_file, policy_sections, policy_tests
from wharfinger.lifecycle import images, parsing, reading, schema, units, writing
from wharfinger.lifecycle.assertions import KINDS
from wharfinger.lifecycle.evaluate import evaluate

GUIDE = (Path(__file__).parents[2] / "docs/guides/lifecycle.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


def test_every_policy_in_it_is_one() -> None:
    own, cases, scheduled, more = EXAMPLES
    for text in (own, scheduled, more):
        policies = reading.parse(text)
        assert reading.parse(writing.text(policies)) == policies
        Draft202012Validator(schema.document()).validate(yaml.safe_load(text))
    policy = policy_file.parse(f"version: 1\n{own}", policy_sections.readers([reading.SECTION]))
    assert [outcome.passed for outcome in policy_tests.parse(cases, KINDS).run(policy, 0)] == [True, True]


def test_the_images_in_it_are_images() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    verdicts = evaluate(reading.parse(EXAMPLES[0]), images.parse(json.loads(text)), units.moment(NOW))
    assert [verdict.verdict for verdict in verdicts] == ["keep", "delete", "keep"]


def test_every_word_is_in_it() -> None:
    for word in (*parsing.GROUP_KEYS, *images.KEYS, *parsing.BY):
        assert re.search(rf"[`\"{{]{word}\b", GUIDE), word
