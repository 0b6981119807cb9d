"""The decision, by itself."""

import pytest

from wharfinger.access import patterns
from wharfinger.access.actions import ROLES, Action
from wharfinger.access.grants import Grant, Identity, Policy, decide
from wharfinger.spec import names

ALICE = Identity("alice", ("alice", "group:shop"))
NOW = 1000.0


def grant(principal: str, role: str, pattern: str, id: int = 1, **more: object) -> Grant:
    return Grant(id, principal, role, patterns.parse(pattern), ROLES[role], **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", Action)
def test_a_role_allows_exactly_its_actions(role: str, action: Action) -> None:
    policy = Policy((grant("alice", role, "shop/**"),))
    decision = decide(policy, ALICE, action, names.repository("shop/web"), now=NOW)
    assert decision.allowed == (action in ROLES[role])
    assert not decide(policy, ALICE, action, names.repository("other/web"), now=NOW).allowed
