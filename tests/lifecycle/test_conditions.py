"""Each condition at its cut-off and beside it, and how policies are refused."""

from typing import Any

import pytest

from tests.lifecycle.stock import ago, image, outcomes, policy, tag
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import images, parsing, reading, units, writing

YES, NO = True, False


@pytest.mark.parametrize(
    ("group", "stock", "holds"),
    [
        *(
            (f"{what}_{which}: 7d", image("a", tag("x", age), pushed=age, pulled=ago(age), created=ago(age)), holds)
            for what in ("pushed", "tagged", "pulled", "created")
            for which, ages in (
                ("before", {"7d": NO, "7d-": NO, "7d+": YES}),
                ("within", {"7d": YES, "7d-": YES, "7d+": NO}),
            )
            for age, holds in ages.items()
        ),
        ("pulled_before: 7d", image("a", pushed="8d"), YES),
        ("pulled_before: 7d", image("a", pushed="7d"), NO),
        ("pulled_within: 7d", image("a", pushed="1d"), NO),
        ("created_before: 7d", image("a", pushed="8d"), YES),
        ("tagged_within: 7d", image("a", pushed="7d"), YES),
        ("tags: x, tagged_within: 7d", image("a", tag("x", "9d"), tag("y", "1d")), NO),
        ("tagged_within: 7d", image("a", tag("x", "9d"), tag("y", "1d")), YES),
        ("untagged_for: 7d", image("a", pushed="90d", untagged_since=ago("7d")), NO),
        ("untagged_for: 7d", image("a", pushed="90d", untagged_since=ago("7d+")), YES),
        ("untagged_for: 7d", image("a", "x", pushed="90d"), NO),
        ("untagged: true", image("a"), YES),
        ("untagged: true", image("a", "x"), NO),
        ("untagged: false", image("a", "x"), YES),
        ("never_pulled: true", image("a"), YES),
        ("never_pulled: true", image("a", pulled=ago("1d")), NO),
        ("never_pulled: false", image("a", pulled=ago("1d")), YES),
        ("tags: x*", image("a", "y", "x1"), YES),
        ("tags: x*", image("a"), NO),
        ("not: {tags: x*}", image("a", "y", "x1"), NO),
        ("tags: {not: x*}", image("a", "y", "x1"), YES),
        ("tags: {all: [x*, '*1']}", image("a", "x2", "y1"), NO),
        ("all: [{tags: x*}, {tags: '*1'}]", image("a", "x2", "y1"), YES),
        ("all_tags: x*", image("a", "x1", "x2"), YES),
        ("all_tags: x*", image("a", "x1", "y"), NO),
        ("all_tags: x*", image("a"), NO),
        ("repositories: shop/*", image("a", repository="shop/web"), YES),
        ("repositories: shop/*", image("a", repository="web"), NO),
        ("digest: 'sha256:a*'", image("sha256:ab"), YES),
        ("digest: 'sha256:a*'", image("sha256:b"), NO),
        ("protected: true", image("a", in_use=True), YES),
        ("protected: true", image("a", tag("x", "1d", protected=True)), YES),
        ("protected: true", image("a", held_until=ago("0d")), NO),
        ("protected: false", image("a"), YES),
        ("larger_than: 1kB", image("a", size=1000), NO),
        ("tags: semver", image("a", "1.4.2-rc.1"), YES),
        ("tags: {not: floating}", image("a", "1.4"), NO),
        ("all_tags: {any: [git-sha, semver]}", image("a", "a1b2c3d", "v1.0.0"), YES),
        ("tags: {glob: semver}", image("a", "1.4.2"), NO),
        ("larger_than: 1kB", image("a", size=1001), YES),
        ("smaller_than: 1KiB", image("a", size=1024), NO),
        ("smaller_than: 1KiB", image("a", size=1023), YES),
        ("smaller_than: 1KiB", image("a"), NO),
        ("labels: {team: web, kind: '*'}", image("a", labels={"team": "web", "kind": "x"}), YES),
        ("labels: {team: web, kind: '*'}", image("a", labels={"team": "web"}), NO),
        ("annotations: {team: [a, b]}", image("a", annotations={"team": "b"}), YES),
        ("annotations: {team: [a, b]}", image("a", labels={"team": "b"}), NO),
        ("platform: linux/*", image("a", platform="linux/amd64"), YES),
        ("platform: linux/*", image("a"), NO),
        ("artifact_type: '**sbom**'", image("a", artifact_type="application/vnd.sbom+json"), YES),
        ("artifact_type: '**'", image("a"), NO),
        ("has_subject: true", image("a", subject="sha256:absent"), YES),
        ("has_subject: true", image("a"), NO),
        ("has_subject: false", image("a"), YES),
        ("severity: high", image("a", severity="critical"), YES),
        ("severity: high", image("a", severity="high"), YES),
        ("severity: high", image("a", severity="medium"), NO),
        ("severity: low", image("a", severity="none"), NO),
        ("severity: low", image("a"), NO),
        ("severity: high", image("a", fixable_severity="high"), NO),
        ("not: {severity: high}", image("a"), YES),
        ("fixable_severity: medium", image("a", severity="high", fixable_severity="medium"), YES),
        ("fixable_severity: medium", image("a", severity="high", fixable_severity="low"), NO),
        (f"untagged_after: '{ago('7d')}'", image("a", untagged_since=ago("7d-")), YES),
        (f"untagged_after: '{ago('7d')}'", image("a", untagged_since=ago("7d")), NO),
        (f"untagged_after: '{ago('7d')}'", image("a", pushed="1d"), NO),
        (f"untagged_after: '{ago('7d')}'", image("a", "x", untagged_since=ago("1d")), NO),
        ("any: [{untagged: true}, {tags: x}]", image("a", "x"), YES),
        ("any: [{untagged: true}, {tags: x}]", image("a", "y"), NO),
        ("not: {any: [{untagged: true}, {not: {tags: x}}]}", image("a", "x"), YES),
        ("", image("a"), YES),
    ],
)
def test_when_it_holds(group: str, stock: dict[str, Any], holds: bool) -> None:
    text = policy(f"keep: {{{group}}}", "delete: {}")
    kept = next(iter(_decided(text, stock).values()))
    assert (kept == "p/1") == holds
    parsed = reading.parse(text)
    assert reading.parse(writing.text(parsed)) == parsed
    assert all(str(rule.group) for each in parsed for rule in each.rules)


def _decided(text: str, stock: dict[str, Any]) -> dict[str, str | None]:
    from tests.lifecycle.stock import decide

    return {id: verdict.rule for id, verdict in decide(text, stock).items()}


def test_every_condition_is_in_the_table() -> None:
    table = test_when_it_holds.pytestmark[0].args[1]
    words = " ".join(group for group, _, _ in table)
    assert [key for key in parsing.CONDITIONS if f"{key}:" not in words] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is nothing in it"),
        ("lifecycle:", "1:11: lifecycle: no value"),
        ("version: 2\nlifecycle: [{}]", "1:10: version"),
        ("lifecycle: {}", "want a list"),
        ("cycle: []", "did you mean lifecycle?"),
        (policy("keep: {tag: x}"), "5:21: lifecycle[0].rules[0].keep.tag: unknown key 'tag': did you mean tags?"),
        (policy("keep: {tags: '[x'}"), "5:22: lifecycle[0].rules[0].keep.tags: the pattern '[x'"),
        (policy("keep: {tags: 'x y'}"), "matches nothing"),
        (
            policy("keep: {tags: {any: [a, {regex: '('}]}}"),
            "lifecycle[0].rules[0].keep.tags.any[1].regex: not a regular",
        ),
        (policy("keep: {tags: a, tags: b}"), "given twice"),
        (policy("keep: {signed: true}"), "unknown key 'signed'"),
        (policy("keep: {severity: bad}"), "want one of critical, high, medium, low"),
        (policy("keep: {}\n        delete: {}"), "want exactly one of keep, delete, untag"),
        (policy("name: x"), "want exactly one of"),
        (policy("delete:"), "no value"),
        (policy("keep: {newest: 0}"), "want a number from 1"),
        (policy("keep: {newest: ten}"), "want a number from 1"),
        (policy("keep: {by: pushed}"), "by says something of newest"),
        (policy("keep: {newest: 1, by: size}"), "want one of tagged"),
        (policy("keep: {newest: 1, per: part}"), "want one of major, minor"),
        (policy("keep: {untagged_for: 7}"), "is no duration"),
        (policy("keep: {untagged_for: 7 days}"), "is no duration"),
        (policy("keep: {larger_than: 7XB}"), "is no size"),
        (policy("keep: {untagged: 'true'}"), "want true or false"),
        (policy("keep: {any: []}"), "an empty list"),
        (policy("keep: {labels: {}}"), "at least one name"),
        (policy("keep: {}\n        name: a/b"), "want a name"),
        (
            policy("keep: {}\n        name: a", "keep: {}\n        name: a"),
            "8:15: lifecycle[0].rules[1].name: there are two rules",
        ),
        (policy("keep: {}") + "\n" + policy("keep: {}", more="#"), "there are two policies of the name p"),
        (policy("keep: {}") + "\n    mode: dry", "want one of active, observe"),
        (policy("keep: " + "{not: " * 60 + "{}" + "}" * 60), "nested more than"),
        (policy("keep: " + "{not: " * 200 + "{}" + "}" * 200), "nested more than 100 deep"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        reading.parse(text)
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "want a JSON array"),
        ([1], "[0]: want an object"),
        ([image("a"), {"id": "b", "tags": []}], "[1].pushed is missing"),
        ([image("a") | {"in_used": True}], "[0]: unknown key 'in_used'"),
        ([image("a"), image("b"), image("a")], "[2].id: 'a' is there twice"),
        ([image("a") | {"pushed": "2026-01-31T00:00:00"}], "[0].pushed: '2026-01-31T00:00:00' is no time"),
        ([image("a", {"name": "x", "at": 1})], "[0].tags[0]: unknown key 'at'"),
        ([image("a", {"pushed": ago("1d")})], "[0].tags[0]: want a name"),
        ([image("a", tag("x", "1d"), tag("x", "2d"))], "[0].tags[1]: 'x' is there twice"),
        ([image("a", 1)], "[0].tags[0]: want a name"),
        ([image("a", size="1")], "[0].size: want a number"),
        ([image("a", size=True)], "[0].size: want a number"),
        ([image("a", in_use=1)], "[0].in_use: want true or false"),
        ([image("a", labels=[])], "[0].labels: want an object"),
        ([image("a", children="b")], "[0].children: want a list"),
        ([image("\ud800")], "[0].id: want text"),
    ],
)
def test_images_that_are_wrong_are_refused_with_index_and_key(data: Any, said: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        images.parse(data)
    assert said in refused.value.message


def test_times_durations_and_sizes() -> None:
    assert units.moment("2026-01-31T01:00:00.1234567+01:00") == units.moment("2026-01-31T00:00:00.123456Z")
    assert units.moment("2016-12-31T23:59:60Z") == units.moment("2017-01-01T00:00:00Z")
    assert units.written(units.moment("2026-01-31T00:00:00Z")) == "2026-01-31T00:00:00Z"
    assert units.duration("1w1d2h3m4s") == (8 * 86400 + 2 * 3600 + 3 * 60 + 4) * units.SECOND
    assert units.duration_written(units.duration("1w12h")) == "7d12h"
    assert units.duration_written(0) == "0s"
    assert [units.size(text) for text in ("5", "5B", "2kB", "2KiB", "1 GB")] == [5, 5, 2000, 2048, 10**9]
    for size in (0, 1, 1000, 1024, 1536, 10**9):
        assert units.size(units.size_written(size)) == size
    for wrong in (
        "2026-02-30T00:00:00Z",
        "2026-01-31",
        "2026-01-31T00:00:60Z",
        "9999-12-31T23:59:60Z",
        "2026-01-31T00:00:00+99:00",
    ):
        with pytest.raises(RequestInvalid):
            units.moment(wrong)
    for wrong in ("", "7", "d", "1h1d", "1000000000d", "999999999w"):
        with pytest.raises(RequestInvalid):
            units.duration(wrong)


def test_observing_says_what_it_would_do() -> None:
    assert outcomes(policy("delete: {}") + "\n    mode: observe", image("a")) == {"a": "delete"}
