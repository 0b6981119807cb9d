"""What rules forbid, as tables and as properties. No database."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharfinger.errors import RequestInvalid
from wharfinger.select.versions import parse_version
from wharfinger.tagging import examples, floating, parsing
from wharfinger.tagging.moments import past
from wharfinger.tagging.rules import Asked, Rule, Verb, judge

NOW = 1_800_000_000.0


def rule(**fields: object) -> Rule:
    return parsing.rule({"name": "r", "repositories": "**"} | {k.rstrip("_"): v for k, v in fields.items()})


def verdict(found: Rule, verb: Verb, tag: str, who: Sequence[str] = ("ann",), now: float = NOW) -> bool:
    """Whether it is allowed."""
    return judge([found], Asked("shop/web", tag, verb, frozenset(who), now)) is None


MAKE, MOVE, REMOVE = Verb.MAKE, Verb.MOVE, Verb.REMOVE

# the rule's fields, the tag, and which of: make, move, remove are allowed
TABLE = [
    ({"immutable": True}, "1.0", "make remove"),
    ({"immutable": True, "except": "1.*"}, "1.0", "make move remove"),
    ({"immutable": True, "except": ["latest", "dev-*"]}, "dev-7", "make move remove"),
    ({"immutable": True, "tags": "semver", "except": "floating"}, "1.4", "make move remove"),
    ({"immutable": True, "tags": "semver", "except": "floating"}, "1.4.2", "make remove"),
    ({"immutable": True, "tags": "semver", "except": "floating"}, "1.4.2-rc.1", "make remove"),
    ({"immutable": True, "tags": "semver"}, "nightly", "make move remove"),
    ({"undeletable": True}, "1.0", "make move"),
    ({"undeletable": {"until": str(NOW + 1)}}, "1.0", "make move"),
    ({"undeletable": {"until": str(NOW)}}, "1.0", "make move remove"),
    ({"immutable": True, "undeletable": True}, "1.0", "make"),
    ({"form": "semver"}, "1.0.0", "make move remove"),
    ({"form": "semver"}, "x", "remove"),
    ({"form": ["semver", "git-sha"]}, "a1b2c3d", "make move remove"),
    ({"form": ["semver", "git-sha"]}, "A1B2C3D", "remove"),
    ({"form": {"any": ["semver", {"all": ["floating", {"not": "1"}]}]}}, "2", "make move remove"),
    ({"form": {"any": ["semver", {"all": ["floating", {"not": "1"}]}]}}, "1", "remove"),
    ({"form": {"calver": "YYYY.0M.0D"}}, "2026.01.31", "make move remove"),
    ({"moved_by": "ann"}, "x", "make move remove"),
    ({"moved_by": ["bob", "group:ops"]}, "x", ""),
    ({"moved_by": ["bob", "group:ops"], "tags": "prod-*"}, "x", "make move remove"),
]


@pytest.mark.parametrize(("fields", "tag", "allowed"), TABLE)
def test_a_rule_forbids_what_the_table_says(fields: dict[str, object], tag: str, allowed: str) -> None:
    found = rule(**fields)
    assert {verb.value for verb in Verb if verdict(found, verb, tag)} == set(allowed.split())


def test_groups_count_and_parts_of_the_registry_are_not_asked_who_they_are() -> None:
    found = rule(moved_by=["group:ops"])
    assert verdict(found, MOVE, "x", ("ann", "group:ops"))
    assert judge([found], Asked("shop/web", "x", MOVE, None, NOW)) is None


def test_a_rule_is_about_its_repositories_alone() -> None:
    found = parsing.rule({"name": "r", "repositories": "shop/*", "immutable": True})
    assert [found.covers(name, "x") for name in ("shop/web", "shop/a/b", "other")] == [True, False, False]


def test_of_several_rules_each_may_forbid_and_the_first_is_named() -> None:
    rules = [rule(immutable=True, except_="x"), rule(undeletable=True)]
    assert [judge(rules, Asked("a", "x", verb, frozenset(), NOW)) is None for verb in (MOVE, REMOVE)] == [True, False]
    both = [parsing.rule({"name": name, "repositories": "**", "immutable": True}) for name in ("one", "two")]
    refused = judge(both, Asked("a", "x", MOVE, frozenset(), NOW))
    assert refused is not None
    assert refused.rule == "one"


# the tag; the tags of the image it is at; those of the image it goes to; whether it may
FORWARD = [
    ("1.4", ["1.4", "1.4.2"], ["1.4.3"], True),
    ("1.4", ["1.4", "1.4.2"], ["1.4.1"], False),
    ("1.4", ["1.4", "1.4.10"], ["1.4.9"], False),
    ("1.4", ["1.4", "1.4.9"], ["1.4.10"], True),
    ("1.4", ["1.4", "1.4.2"], ["v1.4.2"], True),
    ("1.4", ["1.4", "1.4.2"], ["1.5.0"], False),  # another line: no version of 1.4
    ("1.4", ["1.4", "1.4.2"], ["1.5.0", "1.4.3"], True),
    ("1.4", ["1.4", "1.4.2"], [], False),
    ("1.4", ["1.4"], ["1.4.0"], True),
    ("1.4", ["1.4"], [], False),
    ("1.4", ["1.4", "1.4.2"], ["1.4.3-rc.1"], True),
    ("1.4", ["1.4", "1.4.3"], ["1.4.3-rc.1"], False),
    ("1", ["1", "1.4.2"], ["1.5.0"], True),
    ("1", ["1", "1.10.0"], ["1.9.9"], False),
    ("1", ["1", "1.0.0", "2.0.0"], ["1.0.1"], True),
    ("v1.4", ["v1.4", "v1.4.2"], ["v1.4.1"], False),
    ("1.4-alpine", ["1.4-alpine", "1.4.2-alpine"], ["1.4.3-alpine"], True),
    ("1.4-alpine", ["1.4-alpine", "1.4.2-alpine"], ["1.4.3"], False),
    ("1.4-alpine", ["1.4-alpine", "1.4.2-alpine"], ["1.4.1-alpine", "1.4.9"], False),
    ("stable", ["stable", "2.0.0"], ["1.9.0"], False),
    ("stable", ["stable", "1.9.0"], ["2.0.0"], True),
    ("1.4.2", ["1.4.2"], [], True),  # does not float: whether it may move is for `immutable` to say
]


@pytest.mark.parametrize(("tag", "before", "after", "may"), FORWARD)
def test_a_floating_tag_moves_forward_only(tag: str, before: list[str], after: list[str], may: bool) -> None:
    asked = Asked("shop/web", tag, MOVE, frozenset(), NOW, before, after)
    assert (judge([rule(forward_only=True)], asked) is None) == may


numbers_ = st.tuples(*[st.integers(0, 12)] * 3)


@given(st.lists(numbers_, min_size=1, max_size=8))
def test_a_floating_tag_ends_at_the_highest_version_whatever_the_order(pushed: list[tuple[int, int, int]]) -> None:
    """Each is offered to the floating tag of its line; it takes those that the rule lets it take."""
    found, at = [rule(forward_only=True)], dict[int, str]()
    for numbers in pushed:
        version, line = ".".join(map(str, numbers)), numbers[0]
        shown = [at[line]] if line in at else []
        verb = MOVE if shown else MAKE
        if judge(found, Asked("a", str(line), verb, frozenset(), NOW, shown, [version])) is None:
            at[line] = version
    for line, version in at.items():
        assert version == ".".join(map(str, max(each for each in pushed if each[0] == line)))


@given(numbers_, st.lists(numbers_, max_size=6))
def test_a_floating_tag_follows_a_version_unless_a_higher_one_of_its_line_is_there(
    numbers: tuple[int, int, int], others: list[tuple[int, int, int]]
) -> None:
    version = ".".join(map(str, numbers))
    present = [".".join(map(str, each)) for each in others]
    minor, major = floating.following(version)  # type: ignore[arg-type]
    assert (minor, major) == (f"{numbers[0]}.{numbers[1]}", f"{numbers[0]}")
    for tag, fixed in ((minor, 2), (major, 1)):
        higher = floating.above(version, tag, present)  # type: ignore[arg-type]
        line = [each for each in others if each[:fixed] == numbers[:fixed]]
        assert (higher is not None) == any(each > numbers for each in line)


def test_nothing_follows_a_prerelease_and_a_v_stays() -> None:
    assert floating.following("1.4.2-rc.1") == []  # type: ignore[arg-type]
    assert floating.following("v1.4.2") == ["v1.4", "v1"]  # type: ignore[arg-type]
    assert floating.above("1.4.2", "1.4", ["1.4.3-rc.1"]) is None  # type: ignore[arg-type]
    for tag in ("1.4", "latest"):
        with pytest.raises(RequestInvalid, match="no full version"):
            floating.following(tag)  # type: ignore[arg-type]


FORMS = [
    "semver",
    "git-sha",
    "floating",
    "pr-*",
    "build-[0-9]?",
    "{alpha,beta}-x",
    {"semver": ">=2.3 <3"},
    {"semver": "^1.4.2"},
    {"semver": "1.x"},
    {"calver": "YYYY.0M.0D"},
    {"calver": "YY.MINOR"},
    {"git_sha": "full"},
    {"git_sha": "short", "prefix": "sha-"},
    {"any": ["x-*", "semver*"]},
    {"any": ["git-sha"]},
    {"regex": "v[0-9]+\\.[0-9]+\\.[0-9]+"},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_example_is_of_the_form(form: object) -> None:
    found = rule(form=form)
    assert found.form is not None
    assert found.form.matches(found.example)


def test_a_form_of_which_no_example_comes_to_mind_wants_one_that_is_of_it() -> None:
    form = {"regex": "release-[a-z]+"}
    with pytest.raises(RequestInvalid, match="form: say under 'example'"):
        rule(form=form)
    assert rule(form=form, example="release-x").example == "release-x"
    with pytest.raises(RequestInvalid, match=r"example: '1\.0' is not of the form"):
        rule(form=form, example="1.0")


@given(st.sampled_from("abc01.*?-[]{},!").flatmap(lambda _: st.text("ab1.*?-[]{},!", min_size=1, max_size=8)))
def test_an_example_of_a_glob_is_found_right_or_not_at_all(glob: str) -> None:
    try:
        found = parsing.tags_of(glob, "")
    except RequestInvalid:
        return
    example = examples.of(found, glob)
    assert example is None or found.matches(example)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h-ago", NOW - 7200),
        ("90s-ago", NOW - 90),
        ("1w-ago", NOW - 604800),
        ("2027-01-01", 1_798_761_600.0),
        ("2027-01-01T01:00+01:00", 1_798_761_600.0),
    ],
)
def test_a_past_time_is_read(text: str, seconds: float) -> None:
    assert past(text, NOW) == seconds


@pytest.mark.parametrize("text", ["2y-ago", "ago", "h-ago", "-2h-ago", "yesterday", "2099-01-01", "9999999h-ago", ""])
def test_what_is_no_past_time_is_refused(text: str) -> None:
    with pytest.raises(RequestInvalid):
        past(text, NOW)


def test_versions_are_those_of_the_selectors() -> None:
    assert parse_version("1.4") is not None
