"""Handing out: whoever administers a pattern gives, within it, what it holds; and so nobody gets what nobody had."""

from dataclasses import replace
from ipaddress import ip_network
from itertools import product

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.kit.effort import times
from tests.kit.policies import NAMES, NOW, PEOPLE, Question, grants_, numbered, questions_
from wharfinger.access import patterns
from wharfinger.access.actions import ROLES, Action
from wharfinger.access.grants import Grant, Identity, Limits, Policy, decide, may_hand_out

ANN = Identity("ann", ("ann", "group:dev"))
SOME_TAGS, SOME_ADDRESSES = (None, "v1", "latest"), ("10.0.0.1", "10.1.0.1", "2001:db8::1", "")
OFFICE = ip_network("10.0.0.0/8")


def grant(principal: str, role: str, pattern: str, id: int = 1, **more: object) -> Grant:
    return Grant(id, principal, role, patterns.parse(pattern), ROLES[role], **more)  # type: ignore[arg-type]


def may(held: Grant | tuple[Grant, ...], wanted: Grant, *, giver: Identity = ANN, address: str = "10.0.0.1") -> bool:
    grants = held if isinstance(held, tuple) else (held,)
    return may_hand_out(Policy(grants), giver, wanted, NOW, address).allowed


@pytest.mark.parametrize("principal", ["ann", "group:dev"])
def test_one_may_give_within_what_one_administers(principal: str) -> None:
    held = grant(principal, "administrator", "shop/**")
    for pattern in ("shop/web", "shop/*", "shop/**", "shop/a/b", "shop/a/**"):
        for role in ROLES:
            assert may(held, grant("bob", role, pattern))
            assert may(held, grant("bob", role, pattern, deny=True))
    for pattern in ("shop", "**", "shops/web", "other/**", "shop-a/*"):
        assert not may(held, grant("bob", "reader", pattern))
        assert not may(held, grant("bob", "reader", pattern, deny=True))


@pytest.mark.parametrize("role", ["reader", "publisher", "maintainer", "auditor"])
def test_who_does_not_administer_gives_nothing(role: str) -> None:
    assert not may(grant("ann", role, "**"), grant("bob", "reader", "shop/web"))


def test_one_gives_only_actions_that_one_holds() -> None:
    granter = replace(grant("ann", "reader", "shop/**"), actions=frozenset({Action.ADMIN, Action.PULL}))
    assert may(granter, grant("bob", "reader", "shop/web"))
    for role in ("publisher", "auditor", "administrator"):
        assert not may(granter, grant("bob", role, "shop/web"))
    beside = grant("ann", "publisher", "shop/*", 2)
    assert may((granter, beside), grant("bob", "publisher", "shop/web"))
    assert not may((granter, beside), grant("bob", "publisher", "shop/**"))


def test_what_ends_may_be_given_until_then() -> None:
    held = grant("ann", "administrator", "**", until=NOW + 10)
    assert may(held, grant("bob", "reader", "**", until=NOW + 10))
    assert not may(held, grant("bob", "reader", "**", until=NOW + 11))
    assert not may(held, grant("bob", "reader", "**"))
    assert not may(replace(held, until=NOW), grant("bob", "reader", "**", until=NOW))


def test_what_counts_from_a_network_may_be_given_within_it() -> None:
    held = grant("ann", "administrator", "**", networks=(OFFICE, ip_network("2001:db8::/32")))
    assert may(held, grant("bob", "reader", "**", networks=(OFFICE,)))
    assert may(held, grant("bob", "reader", "**", networks=(ip_network("10.1.0.0/16"), ip_network("2001:db8:1::/48"))))
    assert not may(held, grant("bob", "reader", "**"))
    assert not may(held, grant("bob", "reader", "**", networks=(OFFICE, ip_network("11.0.0.0/8"))))
    assert not may(held, grant("bob", "reader", "**", networks=(ip_network("8.0.0.0/5"),)))
    assert not may(held, grant("bob", "reader", "**", networks=(OFFICE,)), address="11.0.0.1")


def test_what_is_limited_to_tags_gives_nothing() -> None:
    held = (replace(grant("ann", "reader", "**"), actions=frozenset({Action.ADMIN})),)
    assert not may((*held, grant("ann", "reader", "**", 2, tags=("v*",))), grant("bob", "reader", "**", tags=("v*",)))


@pytest.mark.parametrize("denied", ["shop/web", "shop/*", "shop/**", "**"])
def test_what_is_denied_to_the_giver_is_not_given(denied: str) -> None:
    held = grant("ann", "administrator", "**"), grant("group:dev", "reader", denied, 2, deny=True)
    assert not may(held, grant("bob", "reader", "shop/**"))
    assert not may(held, grant("bob", "reader", "shop/web"))
    assert may(held, grant("bob", "reader", "other/**")) == (denied != "**")


def test_a_token_gives_only_what_it_is_for() -> None:
    held = grant("ann", "administrator", "**")
    limits = Limits((patterns.parse("shop/**"),), frozenset({Action.ADMIN, Action.PULL}))
    narrowed = replace(ANN, limits=limits)
    assert may(held, grant("bob", "reader", "shop/web"), giver=narrowed)
    assert not may(held, grant("bob", "publisher", "shop/web"), giver=narrowed)
    assert not may(held, grant("bob", "reader", "other/web"), giver=narrowed)
    assert not may(held, grant("bob", "reader", "**"), giver=narrowed)


@st.composite
def gifts_(draw: st.DrawFn) -> tuple[Question, Grant]:
    """A policy and somebody who, mostly, administers something; and a grant that it would like to make."""
    asked = draw(questions_())
    wanted = draw(grants_((*PEOPLE, "group:ops", "anonymous")))
    mine = draw(grants_(asked.who.principals or ("ann",)))
    wide = draw(st.sampled_from([wanted.pattern, patterns.EVERYTHING, mine.pattern]))
    actions = wanted.actions | {Action.ADMIN}
    until = draw(st.sampled_from([None, NOW + 1, NOW + 2]))
    held = replace(mine, deny=False, pattern=wide, actions=actions, tags=(), until=until)
    who = asked.who
    if who.limits is not None:
        limits = Limits(
            (draw(st.sampled_from([wanted.pattern, wide])),), draw(st.sampled_from([actions, who.limits.actions]))
        )
        who = replace(who, limits=limits)
    return replace(asked, who=who, policy=numbered([held, *asked.policy.grants])), replace(wanted, id=99)


@settings(
    max_examples=times(40), deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(gifts_())
def test_nobody_can_do_after_a_gift_what_the_giver_could_not(made: tuple[Question, Grant]) -> None:
    asked, wanted = made
    wanted = replace(wanted, deny=False)
    assume(may_hand_out(asked.policy, asked.who, wanted, NOW, asked.address).allowed)
    after = Policy((*asked.policy.grants, wanted))
    assert_no_gain(asked.who, asked.policy, after, wanted)


@settings(
    max_examples=times(40), deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(gifts_())
def test_nobody_can_do_after_a_deny_is_taken_back_what_who_took_it_could_not(made: tuple[Question, Grant]) -> None:
    asked, wanted = made
    wanted = replace(wanted, deny=True)
    before = Policy((*asked.policy.grants, wanted))
    assume(may_hand_out(before, asked.who, wanted, NOW, asked.address).allowed)
    assert_no_gain(asked.who, before, asked.policy, wanted)


def assert_no_gain(giver: Identity, before: Policy, after: Policy, changed: Grant) -> None:
    """Whoever gains something by the change gains what the giver had before it."""
    receiver = Identity("bob", (changed.principal, "bob", "group:ops"))
    names = [None, *[name for name in NAMES if changed.pattern.matches(name)][::3]]
    for action, name, tag, address, now in product(changed.actions, names, SOME_TAGS, SOME_ADDRESSES, (NOW, NOW + 1)):

        def can(policy: Policy, who: Identity) -> bool:
            return decide(policy, who, action, name, tag=tag, now=now, address=address).allowed  # noqa: B023  # called here

        if can(after, receiver) and not can(before, receiver):
            assert can(before, giver), (action, name, tag, now, address)
