"""Patterns: what they are about, and when one lies within another."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.policies import NAMES, patterns_
from wharfinger.access import patterns
from wharfinger.access.patterns import EVERYTHING, Pattern, Reach, tag_matches
from wharfinger.errors import RequestInvalid
from wharfinger.spec import names
from wharfinger.spec.names import RepoName

MORE = [*NAMES, *(RepoName(f"{name}/z") for name in NAMES)]
"""With a level that no pattern names."""


@pytest.mark.parametrize(
    ("text", "matching", "others"),
    [
        ("shop", ["shop"], ["shop/web", "shops", "sho", "a/shop"]),
        ("shop/web", ["shop/web"], ["shop", "shop/web/x", "shop/webs", "web"]),
        ("shop/*", ["shop/web", "shop/a.b-c"], ["shop", "shop/web/x", "shops/web", "a/shop/web"]),
        ("shop/**", ["shop/web", "shop/web/x", "shop/a/b/c"], ["shop", "shops/web", "a/shop/web"]),
        ("shop/web/*", ["shop/web/x"], ["shop/web", "shop/x", "shop/web/x/y"]),
        ("**", ["shop", "shop/web", "a/b/c/d"], []),
    ],
)
def test_what_a_pattern_is_about(text: str, matching: list[str], others: list[str]) -> None:
    pattern = patterns.parse(text)
    assert str(pattern) == text
    assert [name for name in matching if not pattern.matches(name)] == []
    assert [name for name in others if pattern.matches(name)] == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "*", "/", "/*", "/**", "***", "shop*", "shop/w*", "*/web", "**/web", "shop/*/web", "shop/**/web"),
        *("shop/***", "shop/", "/shop", "shop//web", "shop//*", "Shop", "shop/WEB", "shop web", "shop/*\n", "**\n"),
        *("shop\0", "sh\u00f6p", "..", "shop/..", "shop/.", "shop/web.", "a" * 256, "a" * 256 + "/*", "shop/**/", "!x"),
    ],
)
def test_what_is_no_pattern_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(RequestInvalid, match=re.escape("want a name like shop/web, shop/*")):
        patterns.parse(text)


@given(patterns_)
def test_a_pattern_is_what_its_text_says(pattern: Pattern) -> None:
    assert patterns.parse(str(pattern)) == pattern


@given(patterns_, patterns_)
def test_containment_and_overlap_agree_with_trying_every_name(one: Pattern, other: Pattern) -> None:
    mine, theirs = ({name for name in MORE if each.matches(name)} for each in (one, other))
    assert one.contains(other) == (theirs <= mine)
    assert one.overlaps(other) == bool(mine & theirs)
    assert one.overlaps(other) == other.overlaps(one)


@given(patterns_)
def test_everything_contains_all_and_nothing_else_contains_everything(pattern: Pattern) -> None:
    assert EVERYTHING.contains(pattern)
    assert pattern.contains(EVERYTHING) == (pattern == EVERYTHING)


@given(patterns_, st.sampled_from(MORE))
def test_the_candidates_of_a_name_are_the_patterns_that_match_it(pattern: Pattern, name: RepoName) -> None:
    assert (str(pattern) in list(patterns.candidates(name))) == pattern.matches(name)


@given(st.sampled_from(MORE))
def test_candidates_come_narrowest_first_and_each_once(name: RepoName) -> None:
    found = [patterns.parse(text) for text in patterns.candidates(name)]
    assert len(set(found)) == len(found)
    assert all(later.contains(earlier) for earlier, later in pairwise(found))


@given(st.from_regex(r"[a-c.*-]{0,6}", fullmatch=True), st.from_regex(r"[a-c.-]{0,8}", fullmatch=True))
def test_tags_match_as_the_same_regular_expression_would(pattern: str, tag: str) -> None:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    assert tag_matches(pattern, tag) == (re.fullmatch(expression, tag) is not None)


@pytest.mark.parametrize("text", ["v1", "v*", "*", "**", "*-rc*", "1.*", "_", "*.x", "V*", "x" * 128])
def test_what_is_a_tag_pattern(text: str) -> None:
    assert patterns.tag_pattern(text) == text


@pytest.mark.parametrize(
    "text", ["", "a b", "a/b", "a:b", "a\n", "\0", "\u00e4*", "x" * 129, "[a-z]", "a?", "(a|b)", "a+", ".x*", "-x"]
)
def test_what_is_no_tag_pattern(text: str) -> None:
    with pytest.raises(RequestInvalid):
        patterns.tag_pattern(text)


@given(st.text("a-.*", min_size=1, max_size=128).filter(lambda text: text[0] not in "-."))
def test_a_tag_pattern_that_is_taken_matches_something(pattern: str) -> None:
    tag = pattern.replace("*", "x")
    assert patterns.tag_pattern(pattern) == pattern
    assert names.is_tag(tag)
    assert tag_matches(pattern, tag)


def test_a_hostile_tag_pattern_is_answered() -> None:
    """Where each star tries again what the ones before it tried, this does not end."""
    assert not tag_matches("a*" * 63 + "b", "a" * 128)


def test_reach_is_all_that_there_is() -> None:
    assert {reach.value for reach in Reach} == {"", "*", "**"}
