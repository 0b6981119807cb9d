"""Who makes a request, from where, with what, and what they may do."""

from dataclasses import dataclass, field
from typing import Any

from wharfinger.access import grants
from wharfinger.access.actions import Action
from wharfinger.access.grants import ANONYMOUS, Decision, Identity
from wharfinger.access.scopes import Scopes
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import Denied, Unauthorized
from wharfinger.meta.audit import Entry
from wharfinger.spec.names import RepoName


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: the client's address, what it says it is, and the id under which we log it."""

    address: str = ""
    agent: str = ""
    request: str = ""


NOWHERE = Origin()
"""Where nothing comes from over the network: our own processes."""


@dataclass(slots=True)
class Caller:
    """An identity at one moment. ``scopes`` are those of an access token, an upper bound; None where there is none.

    ``rule`` becomes the grant that let the request through, for the audit trail.
    """

    identity: Identity
    snapshot: Snapshot = field(repr=False)
    now: float
    origin: Origin = NOWHERE
    scopes: Scopes | None = None
    rule: str = ""

    @property
    def name(self) -> str:
        """The account, or ``anonymous``."""
        return self.identity.name

    @property
    def is_anonymous(self) -> bool:
        return self.identity.name == ANONYMOUS

    def decide(self, action: Action, repository: RepoName | None = None, *, tag: str | None = None) -> Decision:
        """Whether the account's grants allow it now, whatever a token says."""
        return grants.decide(
            self.snapshot.policy,
            self.identity,
            action,
            repository,
            tag=tag,
            now=self.now,
            address=self.origin.address,
        )

    def may(self, action: Action, repository: RepoName | None = None, *, tag: str | None = None) -> bool:
        """The same, without the reason."""
        return self.decide(action, repository, tag=tag).allowed

    def prefixes(self, action: Action) -> list[str]:
        """What the names of all repositories begin with where this may be allowed."""
        return grants.prefixes(self.snapshot.policy, self.identity, action)

    def require(self, action: Action, repository: RepoName | None = None, *, tag: str | None = None) -> None:
        """Raise Unauthorized where another token might do, and Denied where nothing would; else note the grant.

        Who may not even pull learns nothing: not whether the repository exists, and not what rule forbids it.
        """
        decision = self.decide(action, repository, tag=tag)
        if decision.allowed:
            self.rule = str(decision.grant)
            return
        self.rule = str(decision.grant or "")
        if self.scopes is not None:
            raise Unauthorized("what this account may do here is not enough for it", error="insufficient_scope")
        if repository is not None and not self.may(Action.PULL, repository):
            raise Denied("this account has no access to that repository, if there is one", action=str(action))
        raise Denied(decision.reason, action=str(action), account=self.name)

    def require_scope(self, word: str, repository: RepoName) -> None:
        """Raise Unauthorized unless the token, if it is one, was given for this."""
        if self.scopes is not None and not self.scopes.allow(word, repository):
            raise Unauthorized(f"the token is not for {word} in this repository", error="insufficient_scope")

    def require_catalog(self) -> None:
        """Raise Unauthorized unless the token, if it is one, was given for the catalog."""
        if self.scopes is not None and not self.scopes.catalog:
            raise Unauthorized("the token is not for the catalog", error="insufficient_scope")

    def entry(self, action: str, **fields: Any) -> Entry:
        """What the audit trail says of something that this caller does; ``fields`` are further ones of an Entry."""
        told: dict[str, Any] = {
            "at": self.now,
            "address": self.origin.address,
            "client": self.origin.agent,
            "rule": self.rule,
            "request": self.origin.request,
        }
        return Entry(action=action, account=self.name, **(told | fields))


def system(part: str, now: float, agent: str = "") -> Caller:
    """What the audit trail has for an account where none was asked for: a part of ours. No account is named so."""
    return Caller(Identity(f"system:{part}", ()), Snapshot(), now, Origin(agent=agent))
