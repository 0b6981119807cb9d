"""Selectors: each kind, what is refused and where, narrowness, and the way there and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharfinger import select
from wharfinger.errors import RequestInvalid
from wharfinger.select import globs
from wharfinger.select.linear import Linear


@pytest.mark.parametrize(
    ("data", "meant", "not_meant"),
    [
        ("prod-*", ["prod-", "prod-99"], ["prod", "xprod-1", "prod-a/b"]),
        ("shop/*", ["shop/web"], ["shop", "shop/web/x", "shops/web"]),
        ("shop/**", ["shop/web", "shop/web/x"], ["shop", "shops/web"]),
        ("**", ["a", "a/b"], []),
        ("**/web", ["web", "shop/web", "a/b/web"], ["xweb", "shop/web2"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["az", "a/z/b"]),
        ("v?", ["v1"], ["v", "v12", "v/"]),
        ("v[0-9][!a-c]", ["v1d", "v1-"], ["v1a", "vxd", "v1/"]),
        ("{dev,test{1,2}}-*", ["dev-1", "test2-x"], ["test-1", "test3-"]),
        ("1.4.2", ["1.4.2"], ["1x4.2", "1.4.2-rc"]),
        (["a", "b*"], ["a", "bc"], ["c", "ab"]),
        ({"regex": "v[0-9]+"}, ["v10"], ["v10-rc", "xv1"]),
        ({"semver": ">=1.2 <2"}, ["1.2.0", "v1.9.9"], ["2.0.0", "1.1.9", "1.3", "1.3.0-rc.1", "latest"]),
        ({"semver": ">=1.2 <2", "prereleases": True}, ["1.3.0-rc.1", "1.2.0-rc.1"], ["2.0.0-rc.1", "1.1.9"]),
        ({"semver": "^1.4"}, ["1.4.0", "1.99.0"], ["1.3.9", "2.0.0"]),
        ({"semver": "^0.2.3"}, ["0.2.3", "0.2.9"], ["0.2.2", "0.3.0"]),
        ({"semver": "^0.0.3"}, ["0.0.3"], ["0.0.4"]),
        ({"semver": "~1.4.2"}, ["1.4.2", "1.4.9"], ["1.5.0", "1.4.1"]),
        ({"semver": "~1"}, ["1.9.0"], ["2.0.0"]),
        ({"semver": "1.x"}, ["1.0.0", "1.9.9"], ["2.0.0", "0.9.0"]),
        ({"semver": "1.2.*"}, ["1.2.9"], ["1.3.0"]),
        ({"semver": "*"}, ["0.0.0", "99.0.0"], ["1.0.0-rc.1", "x", "1.4", "20260131"]),
        ({"semver": ">1.2"}, ["1.3.0"], ["1.2.9"]),
        ({"semver": "<=1.2"}, ["1.2.9"], ["1.3.0"]),
        ({"semver": ">1.2.3 <=1.3.0"}, ["1.2.4", "1.3.0"], ["1.2.3", "1.3.1"]),
        ({"semver": ">=1.2, <2"}, ["1.2.0", "1.9.9"], ["2.0.0", "1.1.9"]),
        ({"semver": "1.2 - 1.4.1 || 3.0 - 3"}, ["1.2.0", "1.4.1", "3.9.0"], ["1.1.9", "1.4.2", "4.0.0"]),
        ({"semver": "1.2.3 || >= 2.1"}, ["1.2.3", "2.1.0"], ["1.2.4", "2.0.0"]),
        ({"calver": "YYYY.MM.DD"}, ["2026.01.31", "2026.1.31", "v2026.12.01"], ["2026.02.30", "2026.13.1", "26.1.1"]),
        ({"calver": "YYYY.0M"}, ["2026.01"], ["2026.1", "2026.01.1"]),
        ({"calver": "YY.MINOR"}, ["26.10", "6.0"], ["2026.1", "26.01"]),
        ({"git_sha": True}, ["a1b2c3d", "a" * 40], ["a1b2c3", "a" * 41, "A1B2C3D", "g1b2c3d"]),
        ({"git_sha": "short"}, ["a1b2c3d"], ["a" * 40]),
        ({"git_sha": "full", "prefix": "sha-"}, ["sha-" + "0" * 40], ["0" * 40, "sha-a1b2c3d"]),
        ({"any": ["a", {"not": "b*"}]}, ["a", "c"], ["b", "bc"]),
        ({"all": ["a*", {"not": "*z"}]}, ["ab"], ["az", "b"]),
    ],
)
def test_what_is_meant(data: Any, meant: list[str], not_meant: list[str]) -> None:
    selector = select.parse(data)
    assert [text for text in meant if not selector.matches(text)] == []
    assert [text for text in not_meant if selector.matches(text)] == []
    assert selector.plain() == data
    assert select.parse(selector.plain()) == selector
    assert str(selector)


@pytest.mark.parametrize(
    ("data", "path", "said"),
    [
        ("", "tags", "empty pattern"),
        ("a{b", "tags", "does not close"),
        ("a}b", "tags", "closes or escapes nothing"),
        ("a[b", "tags", "does not close"),
        ("[]", "tags", "empty"),
        ("[z-a]", "tags", "impossible range"),
        ("[.-0]", "tags", "impossible range"),
        ("a\\*", "tags", "escapes nothing"),
        ("a***", "tags", "more than two"),
        ("a" * 513, "tags", "more than 512"),
        ("{" * 11 + "}" * 11, "tags", "nests braces"),
        (7, "tags", "want a pattern"),
        ([], "tags", "empty list"),
        ({}, "tags", "want exactly one"),
        ({"glob": "a", "regex": "b"}, "tags", "at once"),
        ({"any": ["a", {"regex": "("}]}, "tags.any[1].regex", "not a regular expression"),
        ({"regex": "(?=a)"}, "tags.regex", "not a regular expression"),
        ({"regex": r"(a)\1"}, "tags.regex", "not a regular expression"),
        ({"regex": "((a{1000}){1000}){1000}"}, "tags.regex", "not a regular expression"),
        ({"regex": ""}, "tags.regex", "empty"),
        ({"semver": ">=2 <1"}, "tags.semver", "no version can be"),
        ({"semver": "<*"}, "tags.semver", "no version can be"),
        ({"semver": "1.2.3.4"}, "tags.semver", "no range"),
        ({"semver": "latest"}, "tags.semver", "no range"),
        ({"semver": ">=1.2, "}, "tags.semver", "no range"),
        ({"semver": ">=2, <1"}, "tags.semver", "no version can be"),
        ({"semver": ">= 1.2 - 1.4"}, "tags.semver", "no range"),
        ({"semver": "1.2 -1.4"}, "tags.semver", "no range"),
        ({"semver": ""}, "tags.semver", "no range"),
        ({"semver": "01.2"}, "tags.semver", "no range"),
        ({"semver": ">=1.2.0-rc.1"}, "tags.semver", "add prereleases"),
        ({"semver": "*", "prereleases": "often"}, "tags.prereleases", "true or false"),
        ({"semver": "*", "prefix": "v"}, "tags.prefix", "unknown key"),
        ({"calver": "YYYY.QQ"}, "tags.calver", "no format"),
        ({"calver": "MM.DD"}, "tags.calver", "no year"),
        ({"git_sha": "tiny"}, "tags.git_sha", "want one of"),
        ({"not": [{"all": []}]}, "tags.not[0].all", "empty list"),
        ({"any": "a"}, "tags.any", "want a list"),
    ],
)
def test_what_is_not_one_is_refused_with_its_place(data: object, path: str, said: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        select.parse(data, "tags")
    assert refused.value.detail["path"] == path
    assert said in refused.value.message


def test_a_letter_that_cannot_be_in_it_is_refused() -> None:
    for of, pattern in (("tag", "prod/*"), ("tag", "prod *"), ("repository", "Shop/*"), ("repository", "shop/[A-Z]*")):
        with pytest.raises(RequestInvalid, match="matches nothing"):
            select.parse(pattern, of=of)  # type: ignore[arg-type]
    assert select.parse("Prod-[!x]*", of="tag").matches("Prod-y")
    assert select.parse("sha256:ab*", of="digest").matches("sha256:abc")


def test_a_selector_may_be_neither_deep_nor_many() -> None:
    deep: Any = "a"
    for _ in range(10_000):
        deep = {"not": deep}
    for data, said in ((deep, "deep"), (["a"] * 1001, "parts"), ({"all": [["a"] * 600, ["b"] * 600]}, "parts")):
        with pytest.raises(RequestInvalid, match=said):
            select.parse(data)


def test_how_narrow_it_is() -> None:
    ordered = ["**", "s*", "shop/*", "shop/w*", "shop/web"]
    found = [select.parse(text).narrowness("shop/web") for text in ordered[2:]]
    assert found == [(False, 5), (False, 6), (True, 8)]
    listed = select.parse(["shop/web", "shop/*", "**"])
    assert listed.narrowness("shop/web") == (True, 8)
    assert listed.narrowness("shop/api") == (False, 5)
    assert listed.narrowness("other") == (False, 0)
    assert (listed.literal_prefix, listed.is_exact) == ("", False)
    assert select.parse(["shop/a", "shop/b"]).literal_prefix == "shop/"
    assert select.parse({"all": ["shop/*", {"not": "shop/x"}]}).narrowness("shop/x") is None
    assert select.parse({"not": "shop/*"}).narrowness("other") == (False, 0)


HOSTILE = ["*a" * 200, "{a,a}" * 90, "**" + "a**b" * 80, "?" * 500, "[a-z]*" * 80, "{" * 10 + "a*,b*" + "}" * 10]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_a_hostile_glob_takes_linear_time(pattern: str) -> None:
    """Nothing is timed: a matcher that tries everything would not come back."""
    assert not select.parse(pattern).matches("a" * 20_000 + "/!")


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(.*)*b", "(a*)*(a*)*(a*)*b", "((a?){50}){10}b"])
def test_a_hostile_expression_takes_linear_time(pattern: str) -> None:
    selector = select.parse({"regex": pattern})
    assert not selector.matches("a" * 20_000)


def test_text_that_is_no_text_matches_nothing() -> None:
    assert not Linear(".*").matches("\ud800")
    assert not select.parse({"glob": "a*b"}).matches("a\ud800b")
    with pytest.raises(RequestInvalid):
        select.parse({"regex": "\ud800"})


def reference(glob: str, text: str) -> bool:  # noqa: PLR0911  a case for each
    """The same by trying everything; exponential, and plain to read."""
    if not glob:
        return not text
    if glob.startswith("**"):
        rest = glob[2:]
        return any(reference(rest, text[i:]) for i in range(len(text) + 1))
    if glob[0] == "*":
        stop = text.find("/") if "/" in text else len(text)
        return any(reference(glob[1:], text[i:]) for i in range(stop + 1))
    if glob[0] == "{":
        options, _, rest = glob[1:].partition("}")
        return any(reference(option + rest, text) for option in options.split(","))
    if not text:
        return False
    if glob[0] == "[":
        inside, _, rest = glob[1:].partition("]")
        negated = inside.startswith("!")
        found = any(inside.removeprefix("!")[0] <= text[0] <= inside[-1] for _ in "x")
        return text[0] != "/" and found != negated and reference(rest, text[1:])
    return (text[0] != "/" if glob[0] == "?" else glob[0] == text[0]) and reference(glob[1:], text[1:])


PIECES = st.sampled_from(["a", "b", "-", "x*", "x**", "?", "[a-b]", "[!a]", "{a,b-}", "{,a}", "/", "."])


@given(st.lists(PIECES, min_size=1, max_size=6), st.text("ab-x/.", max_size=8))
def test_globs_are_those_of_the_reference(pieces: list[str], text: str) -> None:
    glob = "".join(pieces)
    assert select.parse(glob).matches(text) == reference(glob, text)


@given(st.text("ab*?[]{},!-/\\^", min_size=1, max_size=12))
def test_whatever_is_written_is_a_glob_or_refused(text: str) -> None:
    try:
        selector = select.parse(text)
    except RequestInvalid:
        return
    assert str(selector) == text
    assert globs.prefix(text) == selector.literal_prefix
