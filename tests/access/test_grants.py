"""The decision, by itself: examples of each rule, and a second decision that it must agree with."""

import re
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings

from tests.kit.effort import times
from tests.kit.policies import NAMES, NOW, TAGS, Question, questions_
from wharfinger.access import patterns
from wharfinger.access.actions import ROLES, Action
from wharfinger.access.grants import SOME_TAG, Decision, Grant, Identity, Limits, Policy, decide, prefixes
from wharfinger.spec import names
from wharfinger.spec.names import RepoName

ALICE = Identity("alice", ("alice", "group:shop"))
STRANGER = Identity("anonymous", ())
WEB = names.repository("shop/web")


def grant(principal: str, role: str, pattern: str, id: int = 1, **more: object) -> Grant:
    return Grant(id, principal, role, patterns.parse(pattern), ROLES[role], **more)  # type: ignore[arg-type]


def allowed(
    *grants: Grant,
    action: Action = Action.PULL,
    repository: RepoName | None = WEB,
    who: Identity = ALICE,
    tag: str | None = None,
    now: float = NOW,
    address: str = "",
) -> bool:
    return decide(Policy(grants), who, action, repository, tag=tag, now=now, address=address).allowed


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", Action)
def test_a_role_allows_exactly_its_actions(role: str, action: Action) -> None:
    policy = Policy((grant("alice", role, "shop/**"),))
    decision = decide(policy, ALICE, action, names.repository("shop/web"), now=NOW)
    assert decision.allowed == (action in ROLES[role])
    assert not decide(policy, ALICE, action, names.repository("other/web"), now=NOW).allowed


@pytest.mark.parametrize("action", Action)
def test_nothing_granted_is_nothing_allowed(action: Action) -> None:
    for repository in (WEB, None):
        assert not allowed(action=action, repository=repository)
        assert not allowed(grant("bob", "administrator", "**"), action=action, repository=repository)


@pytest.mark.parametrize("principal", ["alice", "group:shop", "anonymous"])
def test_one_may_what_the_account_its_groups_and_everybody_may(principal: str) -> None:
    assert allowed(grant(principal, "reader", "shop/web"))


def test_what_is_public_is_so_for_strangers() -> None:
    public = grant("anonymous", "reader", "public/**")
    assert allowed(public, who=STRANGER, repository=RepoName("public/web"))
    assert not allowed(public, who=STRANGER)
    assert not allowed(grant("alice", "reader", "**"), who=STRANGER)


@pytest.mark.parametrize("denied", ["alice", "group:shop"])
@pytest.mark.parametrize("granted", ["alice", "group:shop", "anonymous"])
@pytest.mark.parametrize("patterns_", [("shop/web", "**"), ("**", "shop/web"), ("shop/**", "shop/*")])
def test_a_deny_beats_every_grant(denied: str, granted: str, patterns_: tuple[str, str]) -> None:
    given_, taken = patterns_
    both = (grant(granted, "administrator", given_, 1), grant(denied, "reader", taken, 2, deny=True))
    for order in (both, both[::-1]):
        assert not allowed(*order)
        assert allowed(*order, action=Action.PUSH) == (granted != "nobody")


def test_a_deny_about_others_is_nothing_to_one() -> None:
    assert allowed(grant("alice", "reader", "**"), grant("bob", "administrator", "**", 2, deny=True))


def test_the_registry_as_a_whole_takes_a_grant_on_everything() -> None:
    assert allowed(grant("alice", "auditor", "**"), action=Action.AUDIT, repository=None)
    assert not allowed(grant("alice", "auditor", "shop/**"), action=Action.AUDIT, repository=None)


def test_a_grant_ends_at_its_time() -> None:
    until = grant("alice", "reader", "**", until=NOW)
    assert allowed(until, now=NOW - 0.001)
    assert not allowed(until, now=NOW)


def test_a_deny_ends_as_well() -> None:
    both = (grant("alice", "reader", "**"), grant("alice", "reader", "**", 2, deny=True, until=NOW))
    assert not allowed(*both, now=NOW - 0.001)
    assert allowed(*both, now=NOW)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        *(("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("2001:db8::7", True)),
        *(("11.1.2.3", False), ("2001:db9::7", False), ("::10.1.2.3", False)),
        *(("", False), ("localhost", False), ("10.1.2.3.4", False), ("10.1.2.3, 11.0.0.1", False)),
    ],
)
def test_a_grant_counts_from_its_networks(address: str, expected: bool) -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    assert allowed(grant("alice", "reader", "**", networks=networks), address=address) == expected


@pytest.mark.parametrize(("address", "expected"), [("10.1.2.3", False), ("11.1.2.3", True), ("", False), ("x", False)])
def test_a_deny_counts_from_its_networks_and_from_where_nobody_knows(address: str, expected: bool) -> None:
    denied = grant("alice", "reader", "**", 2, deny=True, networks=(ip_network("10.0.0.0/8"),))
    assert allowed(grant("alice", "reader", "**"), denied, address=address) == expected


def test_tags_limit_a_grant_to_them_and_to_content() -> None:
    limited = grant("alice", "maintainer", "shop/web", tags=("dev-*", "latest"))
    for action in Action:
        in_role = action in ROLES["maintainer"]
        assert allowed(limited, action=action, tag="dev-1") == in_role
        assert allowed(limited, action=action, tag="latest") == in_role
        assert not allowed(limited, action=action, tag="1.0")
        assert allowed(limited, action=action, tag=None) == (action in {Action.PULL, Action.PUSH})


def test_tags_limit_a_deny_to_them() -> None:
    both = (grant("alice", "maintainer", "**"), grant("alice", "publisher", "**", 2, deny=True, tags=("1.*",)))
    assert not allowed(*both, action=Action.TAG, tag="1.0")
    assert allowed(*both, action=Action.TAG, tag="dev")
    assert allowed(*both, action=Action.PUSH, tag=None)


def test_a_token_narrows_its_owner_and_gives_nothing() -> None:
    limits = Limits((patterns.parse("shop/*"),), frozenset({Action.PULL, Action.DELETE}))
    narrowed = Identity("alice", ("alice",), limits=limits)
    full = grant("alice", "publisher", "**")
    assert allowed(full, who=narrowed)
    assert not allowed(full, who=narrowed, action=Action.PUSH)
    assert not allowed(full, who=narrowed, action=Action.DELETE)
    assert not allowed(full, who=narrowed, repository=RepoName("other/web"))
    assert not allowed(full, who=narrowed, repository=None)
    assert not allowed(grant("anonymous", "reader", "**"), who=narrowed, repository=RepoName("other/web"))


def test_the_decision_names_the_grant_that_made_it() -> None:
    wide, narrow = grant("alice", "reader", "**", 1), grant("group:shop", "reader", "shop/web", 2)
    denied = grant("alice", "publisher", "shop/**", 3, deny=True)
    yes = decide(Policy((wide, narrow)), ALICE, Action.PULL, WEB, now=NOW)
    assert (yes.grant, yes.reason) == (narrow, "grant 2: group:shop reader on shop/web")
    no = decide(Policy((wide, narrow, denied)), ALICE, Action.PULL, WEB, now=NOW)
    assert (no.grant, no.reason) == (denied, "alice may not pull in shop/web: deny 3: alice publisher on shop/**")
    none = decide(Policy(), ALICE, Action.PULL, WEB, now=NOW)
    assert (none.grant, none.reason) == (None, "nothing lets alice pull in shop/web")


def test_a_grant_says_all_that_limits_it() -> None:
    limited = grant("alice", "reader", "**", 7, tags=("v*", "latest"), networks=(ip_network("10.0.0.0/8"),))
    assert str(limited) == "grant 7: alice reader on ** tags v*,latest from 10.0.0.0/8"


# --- the same decision once more: every grant is tried, nothing is looked up, and each rule is a line


def naive(
    policy: Policy, who: Identity, action: Action, repository: str | None, tag: str | None, now: float, address: str
) -> bool:
    def about(each: Grant) -> bool:
        return (
            action in each.actions
            and (each.until is None or each.until > now)
            and re.fullmatch(_expression(str(each.pattern)), repository or "\n", re.DOTALL) is not None
            and from_there(each)
            and of_tag(each)
        )

    def from_there(each: Grant) -> bool:
        try:
            ip = ip_address(address.removeprefix("::ffff:"))
        except ValueError:
            return each.deny or not each.networks
        return not each.networks or any(ip.version == net.version and ip in net for net in each.networks)

    def of_tag(each: Grant) -> bool:
        if each.tags and tag is None:
            return not each.deny and action.value in ("pull", "push")
        return not each.tags or any(re.fullmatch(each_tag.replace("*", ".*"), tag or "") for each_tag in each.tags)

    if who.limits is not None:
        within = [str(pattern) for pattern in who.limits.patterns]
        if action not in who.limits.actions:
            return False
        if not any(re.fullmatch(_expression(text), repository or "\n", re.DOTALL) for text in within):
            return False
    own = [each for each in policy.grants if each.principal in who.principals and about(each)]
    public = [each for each in policy.grants if each.principal == "anonymous" and about(each)]
    decisive = own or public
    return bool(decisive) and not any(each.deny for each in decisive)


def _expression(pattern: str) -> str:
    r"""``\n`` stands for the registry as a whole, which ``**`` alone is about."""
    if pattern == "**":
        return ".*"
    return re.escape(pattern).replace(r"/\*\*", "/[^\n]+").replace(r"/\*", "/[^/\n]+")


@settings(max_examples=times(150), deadline=None)
@given(questions_())
def test_the_decision_agrees_with_the_naive_one(asked: Question) -> None:
    who, rest = asked.who, (asked.action, asked.repository, asked.tag, asked.now, asked.address)
    decision = decide_(asked)
    assert decision.allowed == naive(asked.policy, who, *rest)
    if decision.allowed:
        assert decision.grant is not None
        assert naive(Policy((decision.grant,)), Identity(who.name, who.principals), *rest)
    if decision.grant is not None:
        assert decision.grant.deny != decision.allowed


@settings(max_examples=times(50), deadline=None)
@given(questions_())
def test_no_repository_is_outside_of_the_prefixes_where_something_is_allowed(asked: Question) -> None:
    found = prefixes(asked.policy, asked.who, asked.action)
    assert found == sorted(found)
    assert not any(one != other and one.startswith(other) for one in found for other in found)
    for name in NAMES:
        if not any(name.startswith(prefix) for prefix in found):
            for tag in (None, *TAGS, SOME_TAG):
                assert not decide_(replace(asked, repository=name, tag=tag)).allowed


@settings(max_examples=times(50), deadline=None)
@given(questions_())
def test_what_is_allowed_for_a_tag_or_without_one_is_allowed_for_some_tag(asked: Question) -> None:
    of_one = any(decide_(replace(asked, tag=tag)).allowed for tag in (None, *TAGS))
    assert decide_(replace(asked, tag=SOME_TAG)).allowed or not of_one


def decide_(asked: Question) -> Decision:
    return decide(
        asked.policy,
        asked.who,
        asked.action,
        asked.repository,
        tag=asked.tag,
        now=asked.now,
        address=asked.address,
    )
