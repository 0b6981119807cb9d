"""What a process knows of access, built from rows: who is whom, by what, and until when."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.kit.granting import grant_row
from wharfinger.access import patterns, snapshot
from wharfinger.access.actions import ROLES, Action
from wharfinger.access.grants import NOBODY, Limits, decide
from wharfinger.access.snapshot import Snapshot
from wharfinger.meta.accounts import Account
from wharfinger.meta.grants import Everything, SecretRow, TrustRow

NOW = 1000.0
EMPTY = Everything(3, [], [], {}, [], [], [], [], [])
ANN = Account("ann", "hash", disabled=False, generation=5, created_at=0)
SECRET = SecretRow("s1", "ann", "token", "", "fingerprint", None, None, 0, "ann", NOW + 10, None)
TRUST = TrustRow(7, "https://ci.example", "ann", {"sub": ["x"]}, 0, "admin")


def built(**rows: object) -> Snapshot:
    return snapshot.build(replace(EMPTY, accounts=[ANN], **rows))  # type: ignore[arg-type]


def test_an_account_is_itself_and_its_groups() -> None:
    known = built(members=[("dev", "ann"), ("ops", "ann"), ("dev", "bob")])
    identity = known.identity("ann", "password", NOW)
    assert identity is not None
    assert identity.principals == ("ann", "group:dev", "group:ops")
    assert (identity.name, identity.generation, identity.credential) == ("ann", 5, "password")
    assert known.revision == 3


@pytest.mark.parametrize(
    ("name", "credential", "generation"),
    [
        *(("bob", "password", None), ("ann", "password", 4), ("ann", "secret:s1", 5), ("ann", "token:s2", None)),
        *(("ann", "trust:8", None), ("ann", "trust:", None), ("ann", "token:", None), ("anonymous", "", None)),
    ],
)
def test_what_is_not_there_any_more_is_nobody(name: str, credential: str, generation: int | None) -> None:
    known = built(trusts=[TRUST])
    assert known.identity(name, credential, NOW, generation) is None


def test_a_disabled_account_is_nobody_by_any_credential() -> None:
    known = snapshot.build(replace(EMPTY, accounts=[replace(ANN, disabled=True)], secrets=[SECRET], trusts=[TRUST]))
    for credential in ("password", "token:s1", "trust:7", "login"):
        assert known.identity("ann", credential, NOW) is None


def test_a_secret_counts_for_its_own_account_until_it_ends() -> None:
    bob = replace(ANN, name="bob")
    known = snapshot.build(replace(EMPTY, accounts=[ANN, bob], secrets=[SECRET]))
    assert known.identity("ann", "token:s1", NOW + 9.9)
    assert known.identity("ann", "token:s1", NOW + 10) is None
    assert known.identity("bob", "token:s1", NOW) is None
    assert known.secrets["fingerprint"] is known.secret_ids["s1"]


def test_a_trust_rule_counts_for_its_own_account() -> None:
    known = snapshot.build(replace(EMPTY, accounts=[ANN, replace(ANN, name="bob")], trusts=[TRUST]))
    assert known.identity("ann", "trust:7", NOW)
    assert known.identity("bob", "trust:7", NOW) is None


@pytest.mark.parametrize(
    ("actions", "within", "expected"),
    [
        (None, None, None),
        (("pull",), None, Limits((patterns.EVERYTHING,), frozenset({Action.PULL}))),
        (None, ("shop/*",), Limits((patterns.parse("shop/*"),), frozenset(Action))),
        ((), None, Limits((patterns.EVERYTHING,), frozenset())),
        (None, (), Limits((), frozenset(Action))),
    ],
)
def test_a_personal_token_is_narrowed_to_what_it_says(
    actions: tuple[str, ...] | None, within: tuple[str, ...] | None, expected: Limits | None
) -> None:
    known = built(secrets=[replace(SECRET, actions=actions, patterns=within)])
    identity = known.identity("ann", "token:s1", NOW)
    assert identity is not None
    assert identity.limits == expected


def test_grants_have_the_actions_of_their_roles_and_none_of_a_role_that_is_gone() -> None:
    rows = [grant_row("ann", "own", "a"), grant_row("ann", "gone", "b"), grant_row("ann", "reader", "c")]
    known = built(roles={"own": ["tag", "scan"]}, grants=rows)
    assert [grant.actions for grant in known.policy.grants] == [
        frozenset({Action.TAG, Action.SCAN}),
        frozenset(),
        ROLES["reader"],
    ]
    assert set(known.roles) == {*ROLES, "own"}


def test_nothing_in_it_can_be_changed() -> None:
    known = built(secrets=[SECRET])
    mappings: list[Mapping[str, object]] = [known.accounts, known.roles, known.secrets, known.secret_ids, known.issuers]
    for mapping in mappings:
        with pytest.raises(TypeError):
            mapping["x"] = 1  # type: ignore[index]
    with pytest.raises(AttributeError):
        known.revision = 4  # type: ignore[misc]


def test_a_process_that_knows_nothing_lets_nobody_do_anything() -> None:
    assert Snapshot().identity("ann", "password", NOW) is None
    for action in Action:
        assert not decide(Snapshot().policy, NOBODY, action, now=NOW).allowed
