"""Actions and roles: their words, and what can be made of them."""

import pytest

from wharfinger.access import actions
from wharfinger.access.actions import ROLES, Action
from wharfinger.errors import RequestInvalid


def test_the_roles_that_are_always_there() -> None:
    assert {name: actions.ordered(words) for name, words in ROLES.items()} == {
        "reader": ["pull"],
        "publisher": ["pull", "push", "tag"],
        "maintainer": ["pull", "push", "tag", "delete", "scan"],
        "auditor": ["pull", "audit"],
        "administrator": ["pull", "push", "tag", "delete", "scan", "approve", "purge", "audit", "admin"],
    }


def test_only_who_maintains_deletes_and_only_administrators_decide_who_may_what() -> None:
    assert {name for name, words in ROLES.items() if Action.DELETE in words} == {"maintainer", "administrator"}
    assert {name for name, words in ROLES.items() if Action.ADMIN in words} == {"administrator"}


def test_purging_is_a_right_of_its_own_that_who_deletes_does_not_have() -> None:
    assert {name for name, words in ROLES.items() if Action.PURGE in words} == {"administrator"}


def test_words_are_read_in_any_order_and_told_in_one() -> None:
    found = actions.parse_actions(["tag", "pull", "tag"])
    assert actions.ordered(found) == ["pull", "tag"]


@pytest.mark.parametrize("words", [[], ["fly"], ["pull", ""], ["PULL"], ["pull,push"], ["pull\n"], ["*"]])
def test_what_is_no_action_is_refused_with_what_is_one(words: list[str]) -> None:
    with pytest.raises(
        RequestInvalid, match="want some of pull, push, tag, delete, scan, approve, purge, audit, admin"
    ):
        actions.parse_actions(words)


@pytest.mark.parametrize("name", ["a", "own-role", "r2", "x" * 63])
def test_what_is_a_role_name(name: str) -> None:
    assert actions.role_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "2r", "Own", "own role", "own_role", "x" * 64, "own\n", "\u00f6wn", "a/b"])
def test_what_is_no_role_name(name: str) -> None:
    with pytest.raises(RequestInvalid):
        actions.role_name(name)
