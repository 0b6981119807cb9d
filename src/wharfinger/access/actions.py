"""What may be done, and roles: named sets of it."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from wharfinger.errors import RequestInvalid


class Action(StrEnum):
    """What a request does, as far as permission is concerned."""

    PULL = "pull"
    PUSH = "push"  # uploads, manifests, new tags
    TAG = "tag"  # move or remove a tag that is there
    DELETE = "delete"  # manifests and blobs, by digest
    SCAN = "scan"
    APPROVE = "approve"  # let an exception, or a VEX document, count against what scanning found
    PURGE = "purge"  # delete content at once and for good, without trash or grace
    AUDIT = "audit"  # read who did what
    ADMIN = "admin"  # decide who may do what


Actions = frozenset[Action]

ROLES: Mapping[str, Actions] = {
    "reader": frozenset({Action.PULL}),
    "publisher": frozenset({Action.PULL, Action.PUSH, Action.TAG}),
    "maintainer": frozenset({Action.PULL, Action.PUSH, Action.TAG, Action.DELETE, Action.SCAN}),
    "auditor": frozenset({Action.PULL, Action.AUDIT}),
    "administrator": frozenset(Action),
}
"""The roles that are always there. Others are made by administrators, under other names."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)


def role_name(text: str) -> str:
    """The role name that ``text`` is. Raises RequestInvalid."""
    if _NAME.fullmatch(text):
        return text
    raise RequestInvalid(f"invalid role name {text[:80]!r}: want at most 63 lower-case letters, digits and '-'")


def parse_actions(words: Iterable[str]) -> Actions:
    """The actions that ``words`` name. Raises RequestInvalid for one that is none, and for none at all."""
    found = set()
    for word in words:
        try:
            found.add(Action(word))
        except ValueError as error:
            raise RequestInvalid(f"no such action {word[:40]!r}: want some of {', '.join(Action)}") from error
    if not found:
        raise RequestInvalid(f"no action is named: want some of {', '.join(Action)}")
    return frozenset(found)


def ordered(actions: Actions) -> list[str]:
    """The actions as words, always in the same order."""
    return [action.value for action in Action if action in actions]
