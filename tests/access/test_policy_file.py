"""The policy file: what it says, what is wrong with it, and where."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.access.random_access import UNHURRIED
from wharfinger.access import policy_file, policy_text, yaml_tree
from wharfinger.access.moments import moment_of, moment_or_seconds, written
from wharfinger.errors import RequestInvalid

WHOLE = """
version: 1
access:
  roles: {releaser: [pull, push]}
  groups: {shop-maintainers: [bob, alice], nobody: []}
  service_accounts:
    - {name: ci-shop, owner: alice}
    - {name: old, disabled: true}
  grants:
    - {principal: ci-shop, role: publisher, on: shop/**}
    - {principal: 'group:shop-maintainers', role: releaser, on: "**", deny: true}
    - {principal: prod, role: reader, on: shop/*, tags: [prod-*], from: 10.0.0.0/8, until: 2027-01-31}
  issuers:
    - {url: https://ci.example.org, audience: registry, jwks: '{"keys": [{"kty": "EC", "x": "1"}]}'}
  trust:
    - {issuer: https://ci.example.org, account: ci-shop, claims: {repository_id: 123, ref: [b, a]}}
    - {issuer: https://ci.example.org, account: ci-shop, claims: {project_path: shop}, allow_names: true}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(RequestInvalid) as refused:
        policy_file.parse(text)
    return list(refused.value.detail.get("problems", [refused.value.message]))


def access(indented: str) -> str:
    return f"version: 1\naccess:\n  {indented}\n"


def test_everything_is_read() -> None:
    found = policy_file.parse(WHOLE).access
    assert found.groups == {"shop-maintainers": ("alice", "bob"), "nobody": ()}
    assert found.grants is not None
    last = found.grants[2]
    assert (last.pattern, last.tags, last.networks) == ("shop/*", ("prod-*",), ("10.0.0.0/8",))
    assert last.until == moment_of("2027-01-31")
    assert found.trusts is not None
    assert found.trusts[0].values == {"ref": ["a", "b"], "repository_id": ["123"]}
    assert found.places["access.grants[2].on"] == yaml_tree.Place(12, 43)


def test_what_is_written_is_read_as_the_same() -> None:
    found = policy_file.parse(WHOLE)
    assert policy_file.parse(policy_text.render(found.access)) == found


def test_a_section_that_is_not_there_is_not_an_empty_one() -> None:
    assert policy_file.parse("version: 1").access.grants is None
    assert policy_file.parse(access("grants: []")).access.grants == ()


def test_every_problem_is_told_at_once_with_its_place() -> None:
    text = """version: 2
acces: {}
access:
  grants:
    - {principal: UP, role: reader, on: shop/***}
    - {principal: ci, role: reader}
"""
    assert [problem.split(": ", 2)[:2] for problem in problems(text)] == [
        ["2:8", "acces"],
        ["1:10", "version"],
        ["5:19", "access.grants[0].principal"],
        ["5:41", "access.grants[0].on"],
        ["6:7", "access.grants[1]"],
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is nothing in it"),
        ("version: 2\naccess: {}", "version '2' is not known here"),
        ("version: 1\nversion: 1", "given twice"),
        ("version: 1\naccess:", "no value"),
        ("- 1", "want a mapping"),
        ("version: [1]", "want one value"),
        (access("rolls: {}"), "unknown key"),
        (access("roles: {reader: [pull]}"), "always there"),
        (access("roles: {x: [fly]}"), "no such action"),
        (access("roles: {x: []}"), "no action is named"),
        (access("groups: {g: [a, a]}"), "given twice"),
        (access("groups: {'-': [a]}"), "invalid group name"),
        (access("groups: {g: [anonymous]}"), "invalid account name"),
        (access("service_accounts: [{name: a}, {name: a}]"), "there twice"),
        (access("service_accounts: [{name: a, disabled: yes}]"), "true or false"),
        (access("service_accounts: [{name: a, password: s3cret}]"), "unknown key"),
        (access("service_accounts: {a: b}"), "want a list"),
        (access("grants: [{principal: a, role: reader, on: '**', tags: []}]"), "an empty list"),
        (access("grants: [{principal: a, role: reader, on: '**', from: }]"), "no value"),
        (access("grants: [{principal: a, role: reader, on: '**', from: 10.0.0.1/8}]"), "invalid network"),
        (access("grants: [{principal: a, role: reader, on: '**', until: soon}]"), "no day or time"),
        (access("grants: [{principal: a, role: reader, on: '**', until: nan}]"), "no day or time"),
        (access("grants: [{principal: a, role: r, on: a}, {principal: a, role: r, on: a}]"), "the same as"),
        (access("issuers: [{url: 'http://ci.example.org', audience: a}]"), "not an issuer"),
        (access("issuers: [{url: 'https://u:p@ci.example.org', audience: a}]"), "not an issuer"),
        (access('issuers: [{url: \'https://x.org\', audience: a, jwks: \'{"keys": [{"d": "1"}]}\'}]'), "private key"),
        (access("trust: [{issuer: 'https://x.org', account: a, claims: {repository: a/b}}]"), "only names"),
        (access("trust: [{issuer: 'https://x.org', account: a, claims: {exp: '1'}}]"), "no matter of a rule"),
        (access("trust: [{issuer: 'https://x.org', account: a, claims: {project_id: ['1*']}}]"), "no wildcards"),
        (access("trust: [{issuer: 'https://x.org', account: a, claims: {}}]"), "at least one claim"),
        ("version: &a 1", "anchors and aliases"),
        ("version: !!python/object/apply:os.system ['true']", "tags like"),
        ("version: 1\n---\nversion: 1", "second document"),
        ("version: 1\na: [", "not YAML"),
        (f"version: {'[' * 101}{']' * 101}", "nested more than"),
        (f"version: {'x' * 70_000}", "a value of more than"),
        (f"version: [{'1,' * 100_001}]", "more than 100000 values"),
        ("#" * (1024 * 1024 + 1), "more than 1048576 bytes"),
        ("version: \x00", "not YAML"),
    ],
)
def test_what_is_wrong_is_refused(text: str, said: str) -> None:
    found = problems(text)
    assert any(said in problem for problem in found), found


def test_a_refused_secret_is_not_repeated() -> None:
    assert "s3cret" not in str(problems(access("service_accounts: [{name: a, password: s3cret}]")))


def test_a_problem_of_anything_has_a_bounded_message() -> None:
    text = access("grants: [" + "{principal: UP}," * 5000 + "]")
    assert len(problems(text)) == 100
    with pytest.raises(RequestInvalid) as refused:
        policy_file.parse(text)
    assert len(refused.value.message) < 100_000


SCALARS = st.text(alphabet="ab1*/:-[]{},'\"&!|>#\n \t", max_size=12)


@UNHURRIED
@given(
    st.text(max_size=200) | st.lists(SCALARS, max_size=20).map(lambda words: "version: 1\naccess: " + "".join(words))
)
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    with suppress(RequestInvalid):
        policy_file.parse(text)


@UNHURRIED
@given(st.floats(min_value=-1e12, max_value=1e18, allow_nan=False) | st.integers(0, 4_000_000_000).map(float))
def test_every_time_can_be_written(seconds: float) -> None:
    assert moment_or_seconds(written(seconds)) == seconds
