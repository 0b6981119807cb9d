"""Assertions about a policy file, and the least-privilege pattern that comes with its own."""

import pytest

from wharfinger.access import policy_file, policy_tests, scaffold
from wharfinger.access.moments import moment_of
from wharfinger.access.policy_tests import Outcome
from wharfinger.access.scaffold import Asked
from wharfinger.errors import Refusal, RequestInvalid

POLICY = """
version: 1
access:
  groups: {shop: [alice]}
  service_accounts: [{name: ci}, {name: old, disabled: true}]
  grants:
    - {principal: ci, role: publisher, on: shop/**, from: 10.0.0.0/8, until: 2027-06-01}
    - {principal: old, role: publisher, on: shop/**}
    - {principal: 'group:shop', role: maintainer, on: shop/**}
    - {principal: anonymous, role: reader, on: open/*}
"""
NOW = moment_of("2027-01-01")


def run(tests: str, policy: str = POLICY) -> list[Outcome]:
    return policy_tests.parse(f"version: 1\naccess:\n{tests}").run(policy_file.parse(policy), NOW)


def test_what_holds_passes() -> None:
    outcomes = run("""
  - {principal: ci, may: [pull, push, tag], repository: shop/web:1.0, from: 10.1.2.3}
  - {principal: ci, may_not: push, repository: shop/web, from: 192.168.0.1}
  - {principal: ci, may_not: push, repository: shop/web, from: 10.1.2.3, on: 2027-06-01}
  - {principal: ci, may_not: delete, repository: shop/web, from: 10.1.2.3}
  - {principal: old, may_not: [pull, push], repository: shop/web}
  - {principal: alice, may: delete, may_not: admin, repository: shop/web}
  - {principal: 'group:shop', may: delete, repository: shop/web}
  - {principal: anybody-else, may: pull, may_not: push, repository: open/x}
  - {principal: anonymous, may: pull, repository: open/x:1}
  - {principal: alice, may_not: admin, repository: '**'}
""")
    assert [outcome.name for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) == 15


def test_what_does_not_hold_is_told_with_the_grant() -> None:
    (outcome,) = run("  - {principal: alice, may_not: delete, repository: shop/web:1.0}")
    assert not outcome.passed
    assert (outcome.expected, outcome.actual) == ("deny", "allow")
    assert outcome.name == "alice may not delete shop/web:1.0"
    assert outcome.because == "grant 3: group:shop maintainer on shop/**"
    assert str(outcome.place) == "3:5"
    (outcome,) = run("  - {principal: ci, may: delete, repository: shop/web}")
    assert (outcome.expected, outcome.actual) == ("allow", "deny")


def test_a_group_that_the_file_lacks_holds_to_nothing() -> None:
    outcomes = run("  - {principal: 'group:shpo', may_not: delete, may: pull, repository: shop/web}")
    assert [(outcome.passed, outcome.actual) for outcome in outcomes] == [(False, "unknown")] * 2
    assert outcomes[0].because == "there is no group:shpo in the file"


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("", "there is nothing in it"),
        ("version: 1", "there is no test in it"),
        ("version: 1\naccess: []", "there is no test in it"),
        ("version: 1\nlifecycle: []", "unknown key"),
        ("version: 2", "version '2' is not known here"),
        ("version: 1\naccess: [{principal: ci, repository: a}]", "may or may_not"),
        ("version: 1\naccess: [{principal: ci, may: [], repository: a}]", "no action is named"),
        ("version: 1\naccess: [{principal: ci, may: fly, repository: a}]", "no such action"),
        ("version: 1\naccess: [{principal: ci, may: pull}]", "repository is missing"),
        ("version: 1\naccess: [{principal: ci, may: pull, repository: shop/*}]", "invalid repository name"),
        ("version: 1\naccess: [{principal: CI, may: pull, repository: a}]", "invalid account name"),
        ("version: 1\naccess: [{principal: ci, may: pull, repository: a, from: here}]", "no address"),
        ("version: 1\naccess: [{principal: ci, may: pull, repository: a, on: soon}]", "no day"),
    ],
)
def test_tests_that_are_wrong_are_refused_and_so_are_none(tests: str, said: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        policy_tests.parse(tests)
    assert said in refused.value.message


def test_a_policy_that_is_not_whole_in_itself_is_not_tested() -> None:
    policy = "version: 1\naccess: {grants: [{principal: 'group:shop', role: mine, on: '**'}]}"
    with pytest.raises(RequestInvalid) as refused:
        run("  - {principal: ci, may: pull, repository: a}", policy)
    assert len(refused.value.detail["problems"]) == 2


CIS = [
    Asked("shop"),
    Asked("shop", ci="github:acme/shop", repository_id="123", audience="registry", maintainers=("alice", "bob")),
    Asked("shop", ci="github:acme/shop"),
    Asked("shop/backend", ci="gitlab:acme/sub/shop", repository_id="7", prod_tags=("prod-*", "release-1")),
    Asked("shop", ci="kubernetes:builds/ci", issuer="https://cluster.example.org", audience="registry"),
    Asked("shop", prod_tags=("*",)),
]


@pytest.mark.parametrize("asked", CIS, ids=str)
def test_the_scaffold_is_a_policy_that_holds_its_own_tests(asked: Asked) -> None:
    policy = policy_file.parse(scaffold.policy(asked))
    outcomes = policy_tests.parse(scaffold.tests(asked)).run(policy, NOW)
    assert [outcome for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) > 15


def test_the_scaffold_trusts_by_number_and_never_by_name() -> None:
    for asked in CIS:
        for trust in policy_file.parse(scaffold.policy(asked)).access.trusts or ():
            assert trust.values.keys() & {"repository_id", "project_id", "sub"}


def test_the_tests_of_a_scaffold_fail_for_a_broader_policy() -> None:
    broad = scaffold.policy(Asked("shop")).replace("shop/**", "'**'")
    outcomes = policy_tests.parse(scaffold.tests(Asked("shop"))).run(policy_file.parse(broad), NOW)
    assert sum(not outcome.passed for outcome in outcomes) >= 4


INJECTED = "\n    - {issuer: 'https://evil.org', account: ci-shop, claims: {sub: x}}\n    #"


@pytest.mark.parametrize(
    "asked",
    [
        Asked("Shop"),
        Asked("shop\n- x"),
        Asked("shop", ci="github"),
        Asked("shop", ci="github:acme"),
        Asked("shop", ci="github:acme/shop\n  evil: true"),
        Asked("shop", ci=f"github:acme/shop{INJECTED}", repository_id="1", audience="ours"),
        Asked("shop", ci="svn:acme/shop"),
        Asked("shop", ci="kubernetes:a/b"),
        Asked("shop", ci="kubernetes:a/b/c", issuer="https://x.org"),
        Asked("shop", ci="github:a/b", issuer="http://x.org"),
        Asked("shop", maintainers=("Not-A-Name",)),
        Asked("shop", prod_tags=('"]',)),
        Asked("x" * 64),
    ],
    ids=repr,
)
def test_what_cannot_be_written_into_a_policy_is_refused(asked: Asked) -> None:
    with pytest.raises(Refusal):
        scaffold.policy(asked)
