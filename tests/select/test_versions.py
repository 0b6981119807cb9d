"""Versions are ordered as semver.org says, and ranges are what their definitions say."""

from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharfinger import select
from wharfinger.select import parse_version

NUMBER = st.integers(0, 12)
PART = st.one_of(st.integers(0, 12).map(str), st.sampled_from(["alpha", "beta", "rc", "a-1", "-", "A", "0a"]))
PRERELEASE = st.lists(PART, max_size=3).map(".".join)
VERSION = st.tuples(NUMBER, NUMBER, NUMBER, PRERELEASE)


def written(version: tuple[int, int, int, str]) -> str:
    *numbers, prerelease = version
    return ".".join(map(str, numbers)) + (f"-{prerelease}" if prerelease else "")


def by_the_rules(left: tuple[int, int, int, str], right: tuple[int, int, int, str]) -> int:  # noqa: PLR0911
    """semver.org, item 11, sentence by sentence: -1, 0 or 1."""
    for one, other in zip(left[:3], right[:3], strict=True):
        if one != other:
            return -1 if one < other else 1
    if not left[3] or not right[3]:
        return bool(right[3]) * 1 - bool(left[3]) * 1
    for mine, theirs in zip_longest(left[3].split("."), right[3].split(".")):
        if mine is None or theirs is None:
            return -1 if mine is None else 1  # a larger set of fields has a higher precedence
        if mine == theirs:
            continue
        if mine.isdigit() and theirs.isdigit():
            return -1 if int(mine) < int(theirs) else 1
        if mine.isdigit() or theirs.isdigit():
            return -1 if mine.isdigit() else 1
        return -1 if mine < theirs else 1
    return 0


@given(VERSION, VERSION)
def test_the_order_is_that_of_semver(left: tuple[int, int, int, str], right: tuple[int, int, int, str]) -> None:
    mine, theirs = parse_version(written(left)), parse_version(written(right))
    assert mine is not None
    assert theirs is not None
    assert (mine > theirs) - (mine < theirs) == by_the_rules(left, right)
    assert (mine == theirs) == (by_the_rules(left, right) == 0)
    assert (mine >= theirs) == (by_the_rules(left, right) >= 0)
    assert (mine <= theirs) == (by_the_rules(left, right) <= 0)


def test_the_order_of_the_specification_itself() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"]
    ordered += ["1.0.0-rc.1", "1.0.0", "1.0.1", "1.10"]
    versions = [parse_version(text) for text in reversed(ordered)]
    found = sorted(version for version in versions if version)
    assert [str(version) for version in found] == ordered


def test_what_is_a_version() -> None:
    for text in ("1", "v1", "1.4", "1.4.2", "v1.4.2-rc.1", "1.4-alpine", "1.4.2+b.7", "1.0.0--", "1.0.0-0a"):
        assert parse_version(text), text
    for text in ("", "v", "latest", "01.2.3", "1.02", "1.2.3.4", "1.2.3-01", "1.2.3-", "1..2", "1.2.3-a..b", "V1", "١"):
        assert parse_version(text) is None, text
    assert parse_version("9" * 257) is None
    version = parse_version("v1.4-rc.1")
    assert version is not None
    assert (version.major, version.minor, version.patch, version.prerelease) == (1, 4, 0, "rc.1")
    assert version.is_floating
    full = parse_version("1.4.0-rc.1+b1")
    assert full == version
    assert hash(full) == hash(version)
    assert full is not None
    assert not full.is_floating


@given(VERSION, VERSION, st.sampled_from([">=", "<=", ">", "<", "=", ""]))
def test_a_bound_of_three_numbers_is_that_bound(
    version: tuple[int, int, int, str], bound: tuple[int, int, int, str], operator: str
) -> None:
    order = by_the_rules(version, bound)
    wanted = {">=": order >= 0, "<=": order <= 0, ">": order > 0, "<": order < 0, "=": order == 0, "": order == 0}
    if operator == "<" and written(bound) == "0.0.0-0":
        return  # nothing is below it, and it is refused
    selector = select.parse({"semver": f"{operator}{written(bound)}", "prereleases": True})
    assert selector.matches(written(version)) == wanted[operator]


@pytest.mark.parametrize("operator", ["^", "~"])
@given(bound=st.tuples(NUMBER, NUMBER, NUMBER), version=st.tuples(NUMBER, NUMBER, NUMBER))
def test_caret_and_tilde_by_their_definitions(
    operator: str, bound: tuple[int, int, int], version: tuple[int, int, int]
) -> None:
    if operator == "~":
        same = version[:2] == bound[:2]
    else:
        leading = next((i for i, number in enumerate(bound) if number), 2)
        same = version[: leading + 1] == bound[: leading + 1]
    selector = select.parse({"semver": operator + ".".join(map(str, bound))})
    assert selector.matches(".".join(map(str, version))) == (same and version >= bound)
