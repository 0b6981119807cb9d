"""Thousands of random policies and images: a translation decides as the vendor, and so does the YAML that is written.

``WHARF_TEST_EFFORT`` multiplies how many for each vendor.
"""

from random import Random

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.kit.effort import times
from tests.lifecycle.foreign import harbor as foreign_harbor
from tests.lifecycle.foreign.random_images import images
from tests.lifecycle.foreign.random_policies import POLICIES
from tests.lifecycle.test_importers import evaluated, imported
from tests.lifecycle.vectors import EVALUATORS
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle.importers import doublestar
from wharfinger.select import parse

EXAMPLES = times(100)
# Of protected tags the semantics of ECR and Artifact Registry know nothing: with us they would stay.
PROTECTED = {"acr": 0.15, "gitlab": 0.15, "harbor": 0.1, "quay": 0.15}


@pytest.mark.parametrize("kind", sorted(POLICIES))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**64 - 1))
def test_nothing_is_decided_differently(kind: str, seed: int) -> None:
    random = Random(seed)
    text, policy = POLICIES[kind](random)
    inventory = images(random, protected=PROTECTED.get(kind, 0), signed=kind == "quay")
    note(f"{text}\n" + "\n".join(map(str, inventory)))
    foreign = EVALUATORS[kind](policy, inventory)
    assert evaluated(kind, text, inventory) == foreign
    assert imported(kind, text, inventory) == foreign


@pytest.mark.parametrize("kind", sorted(POLICIES))
def test_the_random_policies_do_something(kind: str) -> None:
    """Else the property would hold of an importer that keeps everything, or that deletes everything."""
    seen = []
    for seed in range(200):
        random = Random(seed)
        _, policy = POLICIES[kind](random)
        inventory = images(random, protected=PROTECTED.get(kind, 0), signed=kind == "quay")
        seen += [fate.verdict for fate in EVALUATORS[kind](policy, inventory).values()]
    assert seen.count("keep") > len(seen) / 5
    assert len(seen) - seen.count("keep") > len(seen) / 20


PIECES = ("a", "b", "*", "**", "?", "/", "[ab]", "[^a]", "{a,b}", "{a/b,c}", "{,a}", "\\*", "{a,{b,c}}")


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    pattern=st.lists(st.sampled_from(PIECES), max_size=4).map("".join),
    name=st.text("abc/", min_size=1, max_size=6).filter(lambda name: "//" not in name and name.strip("/") == name),
)
def test_patterns_of_harbor_match_as_doublestar_does(pattern: str, name: str) -> None:
    try:
        selector = parse(doublestar.repositories(pattern))
    except RequestInvalid:
        assert "**" in pattern  # in or beside braces
        return
    assert selector.matches(f"project/{name}") == foreign_harbor.matches(pattern, name)
