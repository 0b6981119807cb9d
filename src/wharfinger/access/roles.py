"""Who may do what: a pure decision. A role is a set of actions, the same for every repository."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from wharfinger.spec.names import RepoName


class Action(StrEnum):
    """What a request does, as far as permission is concerned."""

    PULL = "pull"
    PUSH = "push"
    TAG = "tag"  # move or remove a tag that is there; making a new one is a push
    DELETE = "delete"  # manifests and blobs, by digest
    SCAN = "scan"
    AUDIT = "audit"
    ADMIN = "admin"


class Role(StrEnum):
    """What an account is for."""

    READER = "reader"
    PUBLISHER = "publisher"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Identity:
    """An account that has proved who it is. ``generation`` changes with everything about the account."""

    name: str
    role: Role
    generation: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether, and why in words that may be shown to whoever asked."""

    allowed: bool
    reason: str


_ACTIONS: Mapping[Role, frozenset[Action]] = {
    Role.READER: frozenset({Action.PULL}),
    Role.PUBLISHER: frozenset({Action.PULL, Action.PUSH, Action.TAG}),
    Role.ADMINISTRATOR: frozenset(Action),
}


def allows(role: Role, action: Action) -> bool:
    """Whether the role includes the action."""
    return action in _ACTIONS[role]


def decide(identity: Identity, action: Action, repository: RepoName | None = None) -> Decision:
    """Whether ``identity`` may do ``action``, on ``repository`` or on the registry as a whole."""
    where = f" in {repository}" if repository else ""
    if allows(identity.role, action):
        return Decision(allowed=True, reason=f"the role {identity.role} includes {action}{where}")
    able = " or ".join(role for role in Role if allows(role, action))
    reason = f"{identity.name} may not {action}{where}: the role {identity.role} does not include it, {able} does"
    return Decision(allowed=False, reason=reason)
