"""Explaining is deciding, and what it proposes does what it says."""

import shlex
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.access.random_access import (
    ADDRESSES,
    ALL_ROLES,
    GROUPS,
    NOW,
    REPOSITORIES,
    TAGS,
    UNHURRIED,
    identities,
    policies,
)
from wharfinger.access import patterns
from wharfinger.access.actions import Action
from wharfinger.access.explaining import Question, Subject, World, answer, explain
from wharfinger.access.grants import NOBODY, Grant, Identity, Policy, decide
from wharfinger.access.matrix import sample
from wharfinger.spec.names import RepoName

ALICE = Identity("alice", ("alice", "group:devs"))


def questions() -> st.SearchStrategy[Question]:
    return st.builds(
        Question,
        st.sampled_from(Action),
        st.none() | st.sampled_from(REPOSITORIES).map(RepoName),
        st.none() | st.sampled_from(TAGS),
        st.sampled_from(ADDRESSES),
        st.just(NOW),
    )


def decided(policy: Policy, identity: Identity, asked: Question) -> bool:
    decision = decide(
        policy, identity, asked.action, asked.repository, tag=asked.tag, now=asked.now, address=asked.address
    )
    return decision.allowed


def after(policy: Policy, identity: Identity, commands: tuple[str, ...]) -> Policy:
    """The policy after the commands, which are read as a shell and the program read them."""
    grants = list(policy.grants)
    for command in commands:
        words = shlex.split(command)
        if words[:3] == ["wharf", "grant", "rm"]:
            grants = [grant for grant in grants if grant.id != int(words[3])]
        else:
            assert words[:3] == ["wharf", "grant", "add"], command
            who, role, where, *rest = words[3:]
            tags = tuple(rest[1:]) if rest else ()
            grants.append(Grant(99, who, role, patterns.parse(where), ALL_ROLES[role], tags))
    assert identity.name
    return Policy(tuple(grants))


@UNHURRIED
@given(policies(), identities() | st.just(NOBODY), questions())
def test_explaining_agrees_with_deciding(policy: Policy, identity: Identity, asked: Question) -> None:
    world = World(policy, ALL_ROLES, GROUPS)
    found = explain(world, Subject(identity.name, identity), asked)
    decision = decide(
        policy, identity, asked.action, asked.repository, tag=asked.tag, now=asked.now, address=asked.address
    )
    assert (found.allowed, found.grant, found.reason) == (decision.allowed, decision.grant, decision.reason)


@UNHURRIED
@given(policies(), identities() | st.just(NOBODY), questions())
def test_what_is_proposed_allows_it_and_nothing_less_would(policy: Policy, identity: Identity, asked: Question) -> None:
    found = explain(World(policy, ALL_ROLES, ()), Subject(identity.name, identity), asked)
    if found.allowed:
        assert found.commands == ()
        return
    if not found.commands:
        assert identity is NOBODY  # everybody may only ever pull
        assert asked.action is not Action.PULL or any(g.deny for g in policy.grants)
        return
    assert decided(after(policy, identity, found.commands), identity, asked)
    for i in range(len(found.commands)):
        fewer = (*found.commands[:i], *found.commands[i + 1 :])
        assert not decided(after(policy, identity, fewer), identity, asked)


@UNHURRIED
@given(policies(), identities(), questions())
def test_a_group_that_is_named_would_do(policy: Policy, identity: Identity, asked: Question) -> None:
    found = explain(World(policy, ALL_ROLES, GROUPS), Subject(identity.name, identity), asked)
    named = {near.text.split()[3] for near in found.near if near.aspect == "group" and not found.allowed}
    for group in (f"group:{name}" for name in GROUPS):
        if found.allowed or (found.grant is not None and not named):
            continue
        member = replace(identity, principals=(*identity.principals, group))
        would = group not in identity.principals and decided(policy, member, asked)
        assert (group in named) == would


def grant(id: int, role: str, where: str, **more: object) -> Grant:
    return Grant(id, "alice", role, patterns.parse(where), ALL_ROLES[role], **more)  # type: ignore[arg-type]


WEB = RepoName("shop/web")
PUSH = Question(Action.PUSH, WEB, "1.0", "10.0.0.1", NOW)


@pytest.mark.parametrize(
    ("held", "aspect"),
    [
        (grant(1, "reader", "shop/**"), "role"),
        (grant(1, "publisher", "other/**"), "pattern"),
        (grant(1, "publisher", "shop/**", tags=("prod-*",)), "tag"),
        (grant(1, "publisher", "shop/**", until=NOW), "time"),
        (grant(1, "publisher", "shop/**", networks=(ip_network("192.168.0.0/16"),)), "network"),
    ],
)
def test_a_grant_that_fails_in_one_thing_is_named_with_it(held: Grant, aspect: str) -> None:
    found = explain(World(Policy((held,)), ALL_ROLES), Subject("alice", ALICE), PUSH)
    assert not found.allowed
    assert [(near.aspect, near.grant) for near in found.near] == [(aspect, held)]


def test_a_deny_in_the_way_is_named_and_what_is_behind_it() -> None:
    policy = Policy((grant(1, "publisher", "shop/**"), grant(2, "publisher", "shop/web", deny=True)))
    found = explain(World(policy, ALL_ROLES), Subject("alice", ALICE), PUSH)
    assert found.near[0].aspect == "deny"
    assert "allowed, by grant 1" in found.near[0].text
    assert found.commands == ("wharf grant rm 2",)


def test_what_is_no_obstacle_is_not_named_as_one() -> None:
    policy = Policy(
        (
            grant(1, "publisher", "shop/**", tags=("1.*",)),
            grant(2, "publisher", "shop/web", tags=("1.0",), deny=True),
            grant(3, "publisher", "other/*"),
        )
    )
    found = explain(World(policy, ALL_ROLES), Subject("alice", ALICE), PUSH)
    assert [near.aspect for near in found.near] == ["deny"]


def test_every_deny_in_the_way_has_to_go() -> None:
    denies = (grant(1, "publisher", "shop/*", deny=True), grant(2, "maintainer", "shop/web", deny=True))
    found = explain(World(Policy(denies), ALL_ROLES), Subject("alice", ALICE), PUSH)
    assert set(found.commands[:2]) == {"wharf grant rm 1", "wharf grant rm 2"}
    assert found.commands[2:] == ("wharf grant add alice releaser shop/web --tags 1.0",)


def test_an_account_that_is_disabled_may_nothing_and_is_told_what_it_would() -> None:
    subject = Subject("alice", ALICE, barred="the account alice is disabled", enable="wharf users enable alice")
    world = World(Policy((grant(1, "publisher", "shop/**"),)), ALL_ROLES)
    found = explain(world, subject, PUSH)
    assert not answer(world, subject, PUSH).allowed
    assert not found.allowed
    assert "grant 1" in found.near[0].text
    assert found.commands == ("wharf users enable alice",)


def test_what_would_end_a_permission_is_told() -> None:
    policy = Policy((grant(1, "publisher", "shop/**", until=NOW + 10), grant(2, "publisher", "**")))
    found = explain(World(policy, ALL_ROLES), Subject("alice", ALICE), PUSH)
    assert found.allowed
    assert "still allowed, by grant 2" in found.near[0].text
    assert [near.aspect for near in found.near] == ["grant", "time"]


def test_a_sample_is_of_its_pattern_and_of_those_that_contain_it_alone() -> None:
    every = [patterns.parse(text) for text in ("shop", "shop/web", "shop/*", "shop/**", "shop/a/*", "shop/a/**", "**")]
    for one in every:
        for other in every:
            assert other.matches(sample(one)) == other.contains(one), (str(one), str(other))
