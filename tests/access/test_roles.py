import pytest

from wharfinger.access.roles import Action, Identity, Role, allows, decide
from wharfinger.spec import names

MAY = {
    Role.READER: "pull",
    Role.PUBLISHER: "pull push tag",
    Role.ADMINISTRATOR: "pull push tag delete scan audit admin",
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_includes_exactly_its_actions(role: Role, action: Action) -> None:
    assert allows(role, action) == (action in MAY[role].split())
    assert decide(Identity("x", role, 1), action, None).allowed == allows(role, action)


def test_a_refusal_says_who_what_where_and_who_could() -> None:
    decision = decide(Identity("ci", Role.PUBLISHER, 1), Action.DELETE, names.repository("shop/web"))
    assert decision.reason == (
        "ci may not delete in shop/web: the role publisher does not include it, administrator does"
    )


def test_a_permission_has_a_reason_too() -> None:
    assert decide(Identity("ci", Role.PUBLISHER, 1), Action.PUSH).reason == "the role publisher includes push"
