"""What a trust rule asks, and what it means. Nothing here is a pattern: text is equal or it is not."""

import string
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.parts.issuer import github, gitlab, kubernetes, kubernetes_legacy
from wharfinger.access import claims, providers
from wharfinger.errors import RequestInvalid

GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"
OTHER = "https://issuer.test"
CLUSTER = "https://kubernetes.default.svc.cluster.local"


def matches(rule: Mapping[str, list[str]], token: Mapping[str, Any]) -> bool:
    return claims.matches(rule, token)


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        ("main", "main", True),
        ("main", "Main", False),
        ("main", "main ", False),
        ("main", "mainly", False),
        ("m.in", "main", False),
        ("123", 123, True),
        ("123", "123", True),
        ("0123", 123, False),
        ("-5", -5, True),
        ("1e2", 100, False),
        ("100", 100.0, False),
        ("100.0", 100.0, False),
        ("true", True, True),
        ("true", "true", True),
        ("True", True, False),
        ("1", True, False),
        ("0", False, False),
        ("None", None, False),
        ("null", None, False),
        ("build", ["build", "other"], True),
        ("build", ["builder"], False),
        ("build", [], False),
        ("build", [["build"]], False),
        ("7", [7, "x"], True),
        ("null", [None], False),
        ("{}", {}, False),
        ("a", {"a": "a"}, False),
        ("é", "e\u0301", False),
    ],
)
def test_values_are_compared_whole_and_only_where_there_is_one_way_to_write_them(
    wanted: str, value: object, *, expected: bool
) -> None:
    assert matches({"claim": [wanted]}, {"claim": value}) is expected
    assert matches({"claim": ["another", wanted]}, {"claim": value}) is expected


def test_all_claims_must_match_and_a_rule_without_any_matches_nothing() -> None:
    token = {"a": "1", "b": "2"}
    assert matches({"a": ["1"], "b": ["2", "3"]}, token)
    assert not matches({"a": ["1"], "b": ["3"]}, token)
    assert not matches({"a": ["1"], "c": ["2"]}, token)
    assert not matches({}, token)


def test_a_pointer_leads_into_what_is_nested_and_a_name_does_not() -> None:
    token = kubernetes(CLUSTER, 0)
    assert matches({"/kubernetes.io/namespace": ["build"]}, token)
    assert matches({"/kubernetes.io/serviceaccount/uid": ["uid-of-build-ci"]}, token)
    for claim in ("kubernetes.io.namespace", "kubernetes.io/namespace", "/kubernetes/io/namespace", "/kubernetes.io"):
        assert not matches({claim: ["build"]}, token)
    assert not matches({"/kubernetes.io/serviceaccount/name": ["ci"]}, kubernetes_legacy(CLUSTER))
    flat = {"kubernetes.io/serviceaccount/namespace": ["build"]}
    assert matches(flat, kubernetes_legacy(CLUSTER))
    assert not matches(flat, token)


def test_a_pointer_escapes_as_json_pointers_do_and_does_not_count_into_lists() -> None:
    assert matches({"/a~1b/c~0d": ["x"]}, {"a/b": {"c~d": "x"}})
    assert not matches({"/a~01b": ["x"]}, {"a/b": "x"})
    assert matches({"/sub": ["x"]}, {"sub": "x"})
    assert not matches({"/a/0": ["x"]}, {"a": ["x"]})
    assert matches({"/a/b": ["x"]}, {"a": {"b": ["y", "x"]}})


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "1 to 20 claims"),
        ({str(n): "x" for n in range(21)}, "1 to 20 claims"),
        ({"": "x"}, "invalid claim"),
        ({"a" * 201: "x"}, "invalid claim"),
        ({"a\nb": "x"}, "invalid claim"),
        ({" ": "x"}, "invalid claim"),
        ({"/": "x"}, "after a slash"),
        ({"/a//b": "x"}, "after a slash"),
        ({"/a~2": "x"}, "after a slash"),
        ({"iss": "x"}, "no matter of a rule"),
        ({"exp": "x"}, "no matter of a rule"),
        ({"/iss": "x"}, "no matter of a rule"),
        ({"sub": []}, "1 to 50 values"),
        ({"sub": [str(n) for n in range(51)]}, "1 to 50 values"),
        ({"sub": ""}, "printable characters"),
        ({"sub": "a" * 501}, "printable characters"),
        ({"sub": "a\x00"}, "printable characters"),
        ({"sub": "repo:acme/*"}, "no wildcards"),
        ({"sub": ["fine", "*"]}, "no wildcards"),
    ],
)
def test_a_malformed_rule_is_refused_with_its_place(wanted: dict[str, str | list[str]], said: str) -> None:
    with pytest.raises(RequestInvalid, match=said):
        claims.parse(OTHER, wanted, allow_names=True)


def test_a_rule_is_kept_in_one_form() -> None:
    assert claims.parse(OTHER, {"sub": "x", "aud": ["b", "a", "b"]}) == {"aud": ["b", "a"], "sub": ["x"]}


OLD_SUB = "repo:acme/shop:ref:refs/heads/main"
NEW_SUB = "repo:acme@11/shop@123:ref:refs/heads/main"


@pytest.mark.parametrize(
    ("issuer", "wanted"),
    [
        (GITHUB, {"repository_id": "1"}),
        (GITHUB, {"repository_owner_id": "1", "ref": "x"}),
        (GITHUB, {"sub": NEW_SUB}),
        (GITLAB, {"project_id": "1"}),
        (GITLAB, {"namespace_id": "1"}),
        (CLUSTER, {"/kubernetes.io/serviceaccount/uid": "x"}),
        (CLUSTER, {"/kubernetes.io/namespace": "x", "/kubernetes.io/serviceaccount/name": "y"}),
        (CLUSTER, {"sub": "system:serviceaccount:build:ci"}),
        (OTHER, {"sub": "anything"}),
        (OTHER, {"repository_id": "1"}),
        (OTHER, {"project_id": "1", "project_path": "a/b"}),
    ],
)
def test_a_rule_with_something_that_lasts_is_accepted(issuer: str, wanted: dict[str, str]) -> None:
    assert claims.parse(issuer, wanted)


@pytest.mark.parametrize(
    ("issuer", "wanted", "said"),
    [
        (GITHUB, {"repository": "acme/shop"}, "repository_id or repository_owner_id"),
        (GITHUB, {"sub": OLD_SUB}, "repository_id"),
        (GITHUB, {"sub": [NEW_SUB, OLD_SUB]}, "repository_id"),
        (GITHUB, {"project_id": "1"}, "repository_id"),
        ("https://token.actions.acme.ghe.com", {"sub": OLD_SUB}, "repository_id"),
        ("https://github.acme.test/_services/token", {"sub": "x"}, "repository_id"),
        (OTHER, {"sub": OLD_SUB}, "repository_id"),
        (GITLAB, {"project_path": "acme/shop"}, "project_id or namespace_id"),
        (GITLAB, {"sub": "project_path:acme/shop:ref_type:branch:ref:main"}, "project_id"),
        (OTHER, {"sub": "project_path:acme/shop:ref_type:branch:ref:main"}, "project_id"),
        (GITLAB, {"job_project_id": "1"}, "yours in the pipeline of a fork"),
        (CLUSTER, {"/kubernetes.io/namespace": "x"}, "/kubernetes.io/serviceaccount/uid"),
        (CLUSTER, {"sub": "system:serviceaccount:build"}, "/kubernetes.io/serviceaccount/uid"),
        (OTHER, {"sub": "system:serviceaccount:build"}, "/kubernetes.io/serviceaccount/uid"),
        (OTHER, {"email": "ci@acme.test"}, "--allow-names"),
    ],
)
def test_a_rule_of_names_alone_needs_to_say_so(issuer: str, wanted: dict[str, str | list[str]], said: str) -> None:
    with pytest.raises(RequestInvalid, match=said):
        claims.parse(issuer, wanted)
    assert claims.parse(issuer, wanted, allow_names=True)


@pytest.mark.parametrize(
    ("issuer", "rule", "said"),
    [
        (GITHUB, {"repository_id": ["1"], "sub": [NEW_SUB]}, "two forms"),
        (GITHUB, {"repository_id": ["1"]}, "pull request"),
        (GITHUB, {"repository_id": ["1"], "ref": ["x"], "event_name": ["pull_request"]}, "pull requests match"),
        (GITLAB, {"project_id": ["1"], "ref": ["x"], "job_project_id": ["1"]}, "with the fork's code"),
        (GITLAB, {"project_id": ["1"]}, "merge request"),
        (OTHER, {"project_id": ["1"]}, "merge request"),
        (GITHUB, {"repository_id": ["1"], "ref": ["refs/heads/main"]}, None),
        (GITLAB, {"project_id": ["1"], "ref_protected": ["true"]}, None),
        (OTHER, {"sub": ["x"]}, None),
    ],
)
def test_what_is_risky_is_said(issuer: str, rule: dict[str, list[str]], said: str | None) -> None:
    told = providers.warnings(issuer, rule)
    assert len(told) == (said is not None)
    assert said is None or said in told[0]


def test_no_rule_of_githubs_sub_matches_the_other_form() -> None:
    old, new = github(GITHUB, 0, with_ids=False), github(GITHUB, 0)
    assert matches({"sub": [OLD_SUB]}, old)
    assert not matches({"sub": [OLD_SUB]}, new)
    assert matches({"sub": [NEW_SUB]}, new)
    assert not matches({"sub": [NEW_SUB]}, old)
    assert matches({"sub": [OLD_SUB, NEW_SUB]}, old)
    assert all(matches({"repository_id": ["123"]}, token) for token in (old, new))


def test_where_a_fork_runs_says_nothing_of_whose_code_it_is() -> None:
    fork = gitlab(GITLAB, 0, kind="fork")
    assert matches({"job_project_id": ["42"]}, fork)
    assert not matches({"project_id": ["42"]}, fork)
    assert not matches({"namespace_id": ["7"]}, fork)


@pytest.mark.parametrize(
    ("issuer", "audience", "foreign"),
    [
        (GITHUB, "https://github.com/acme", True),
        (GITHUB, GITHUB, True),
        (GITHUB, f"{GITHUB}/", True),
        (GITHUB, "sigstore", True),
        (OTHER, "sts.amazonaws.com", True),
        (OTHER, OTHER, True),
        (CLUSTER, "https://kubernetes.default.svc", True),
        (GITHUB, "https://registry.acme.test", False),
        (OTHER, "wharf", False),
    ],
)
def test_an_audience_that_others_use_is_known(issuer: str, audience: str, *, foreign: bool) -> None:
    assert providers.is_foreign_audience(issuer, audience) is foreign


def test_a_finding_is_a_sentence() -> None:
    found = claims.findings({"ref": ["refs/heads/main"], "gone": ["x"]}, {"ref": "refs/heads/main"})
    assert [str(each) for each in found] == [
        "ref is 'refs/heads/main', which is 'refs/heads/main'",
        "gone is not there, not 'x'",
    ]
    long = claims.findings({"ref": [str(n) for n in range(9)]}, {"ref": ["a" * 1000] * 9})
    assert len(str(long[0])) < 1000
    assert str(long[0]).endswith("or one of 4 more")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
VALUE = st.text(string.ascii_letters + string.digits + "/_-.", min_size=1, max_size=4)


@given(
    st.dictionaries(st.text(max_size=3), JSON),
    st.dictionaries(VALUE, st.lists(VALUE, min_size=1, max_size=3), min_size=1),
)
def test_whatever_a_token_says_a_match_means_that_every_value_is_there(
    token: dict[str, Any], rule: dict[str, list[str]]
) -> None:
    found = claims.findings(rule, token)
    assert claims.matches(rule, token) == all(each.matches for each in found)
    assert all(str(each).isprintable() for each in found)
    for claim, values in rule.items():
        if not claim.startswith("/") and claim not in token:
            assert not claims.matches(rule, token)
        if not claim.startswith("/") and isinstance(token.get(claim), str) and token[claim] not in values:
            assert not claims.matches(rule, token)


@given(st.text(min_size=1, max_size=8), st.text(max_size=8))
def test_one_text_matches_itself_alone(one: str, other: str) -> None:
    assert claims.matches({"c": [one]}, {"c": other}) == (one == other)
