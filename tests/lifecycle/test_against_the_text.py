"""Random policies and images, decided by the product and by an evaluator written from the specification alone."""

import json
from itertools import product
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.effort import times
from tests.lifecycle import naive
from wharfinger.lifecycle import images as reading
from wharfinger.lifecycle import parsing, units, writing
from wharfinger.lifecycle.evaluate import evaluate
from wharfinger.lifecycle.rules import Policy

NOW = "2026-01-31T00:00:00+00:00"
DAY = units.duration("1d")
TAGS = ["prod-1", "prod-2", "dev-1", "dev-2", "1.0", "1.4.0", "1.4.2", "2.0.0", "latest"]
PATTERNS = st.sampled_from(["prod-*", "dev-*", "*", "1.*", "latest", "*-1"])


def moments() -> st.SearchStrategy[str]:
    """Whole days, so that ages at a cut-off are frequent, and some a microsecond beside."""
    at = st.tuples(st.integers(0, 8), st.sampled_from([0, 0, 0, 1, -1]))
    return at.map(lambda pair: units.written(max(0, units.moment(NOW) - pair[0] * DAY + pair[1])))


LENGTHS = st.integers(0, 8).map(lambda days: f"{days}d")
SELECTORS = st.recursive(
    PATTERNS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2),
        inner.map(lambda each: {"not": each}),
        st.lists(inner, min_size=1, max_size=2).map(lambda each: {"all": each}),
        st.lists(inner, min_size=1, max_size=2).map(lambda each: {"any": each}),
    ),
    max_leaves=3,
)
CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "tags": SELECTORS,
    "all_tags": SELECTORS,
    "untagged": st.booleans(),
    "untagged_for": LENGTHS,
    "never_pulled": st.booleans(),
    "protected": st.booleans(),
    "larger_than": st.integers(0, 3),
    "smaller_than": st.integers(0, 3),
    "labels": st.fixed_dictionaries({"team": PATTERNS}),
    **{
        f"{what}_{which}": LENGTHS
        for what in ("pushed", "tagged", "pulled", "created")
        for which in ("before", "within")
    },
}
BY = st.sampled_from(["tagged", "pushed", "pulled", "active", "created", "version"])


@st.composite
def groups(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    keys = draw(st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=2, unique=True))
    found: dict[str, Any] = {key: draw(CONDITIONS[key]) for key in keys}
    if depth < 2 and draw(st.integers(0, 2)) == 0:
        key = draw(st.sampled_from(["any", "all", "not"]))
        inner = groups(depth + 1)
        found[key] = draw(inner if key == "not" else st.lists(inner, min_size=1, max_size=2))
    if draw(st.integers(0, 2)) == 0:
        found["newest"] = draw(st.integers(1, 3))
        if draw(st.booleans()):
            found["by"] = draw(BY)
        per = draw(st.sampled_from([None, None, None, "major", "minor", "kind"]))
        if per == "kind":
            found["tags"] = {"regex": "(?P<kind>[a-z]+)-[0-9]"}
        if per is not None:
            found["per"] = per
    return found


RULE = st.tuples(st.sampled_from(["keep", "delete", "delete", "untag"]), groups()).map(lambda pair: {pair[0]: pair[1]})


@st.composite
def policies(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        {
            "name": f"p{number}",
            "repositories": draw(st.sampled_from(["**", "shop/*", "shop/w*", "shop/web", ["shop/web", "s**"]])),
            "rules": draw(st.lists(RULE, min_size=1, max_size=4)),
        }
        | ({"binding": True} if draw(st.integers(0, 2)) == 0 else {})
        for number in range(draw(st.integers(1, 3)))
    ]


@st.composite
def inventories(draw: st.DrawFn) -> list[dict[str, Any]]:
    numbers = range(draw(st.integers(1, 7)))
    ids = [f"sha256:{number:064x}" for number in numbers]
    cosign = [f"sha256-{id[7:]}{end}" for id in (*ids, f"sha256:{99:064x}") for end in ("", ".sig", ".att", ".sbom")]
    free = list(TAGS)
    found = []
    for id in draw(st.permutations(ids)):
        image: dict[str, Any] = {"id": id, "pushed": draw(moments())}
        names = draw(st.lists(st.sampled_from(free), max_size=2, unique=True)) if free else []
        names += [draw(st.sampled_from(cosign))] if draw(st.integers(0, 5)) == 0 else []
        free = [name for name in free if name not in names]
        image["tags"] = [draw(tags(name)) for name in names]
        for key in ("pulled", "created", "untagged_since", "held_until"):
            if draw(st.integers(0, 3 if key != "held_until" else 7)) == 0:
                image[key] = (
                    draw(moments()) if key != "held_until" else draw(st.sampled_from([NOW, "2026-02-01T00:00:00Z"]))
                )
        if draw(st.integers(0, 8)) == 0:
            image["in_use"] = True
        if draw(st.integers(0, 2)) == 0:
            image["size"] = draw(st.integers(0, 3))
            image["labels"] = {draw(st.sampled_from(["team", "x"])): draw(st.sampled_from(["dev-1", "prod-1"]))}
        later = [each for each in ids if each > id]  # a digest cannot stand in what it is the digest of
        if later and draw(st.integers(0, 2)) == 0:
            image["children"] = draw(st.lists(st.sampled_from([*later, "gone"]), max_size=2, unique=True))
        elif later and draw(st.integers(0, 3)) == 0:
            image["subject"] = draw(st.sampled_from([*later, "gone"]))
        found.append(image)
    if draw(st.booleans()):
        return [{"repository": "shop/web"} | image for image in found]
    return [{"repository": draw(st.sampled_from(["shop/web", "shop/api"]))} | image for image in found]


@st.composite
def tags(draw: st.DrawFn, name: str) -> Any:
    fields: dict[str, Any] = {"name": name}
    if draw(st.booleans()):
        fields["pushed"] = draw(moments())
    if draw(st.integers(0, 8)) == 0:
        fields["protected"] = True
    return fields if len(fields) > 1 or draw(st.booleans()) else name


@settings(max_examples=times(80), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(policies(), min_size=3, max_size=3), st.lists(inventories(), min_size=3, max_size=3))
def test_nothing_is_decided_differently(
    several: list[list[dict[str, Any]]], stocks: list[list[dict[str, Any]]]
) -> None:
    """Each of three lists of policies on each of three inventories: 2,250 in all."""
    for policies, inventory in product(several, stocks):
        parsed = parsing.parse(policies)
        assert parsing.parse(writing.plain(parsed)) == parsed
        decided_alike(parsed, policies, inventory)


def decided_alike(parsed: tuple[Policy, ...], policies: list[dict[str, Any]], inventory: list[dict[str, Any]]) -> None:
    ours = evaluate(parsed, reading.parse(json.loads(json.dumps(inventory))), units.moment(NOW))
    theirs = naive.verdicts(policies, inventory, NOW)
    for verdict, (outcome, rule, removed), image in zip(ours, theirs, inventory, strict=True):
        assert (verdict.id, verdict.verdict, list(verdict.tags_removed)) == (image["id"], outcome, removed)
        assert rule in {verdict.rule, "shared"}
