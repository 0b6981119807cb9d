"""Everything that decides, as one process knows it: immutable, and of one revision."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from types import MappingProxyType

from wharfinger.access import patterns
from wharfinger.access.actions import ROLES, Action, Actions
from wharfinger.access.grants import GROUP, Grant, Identity, Limits, Policy
from wharfinger.meta.accounts import Account
from wharfinger.meta.grants import Everything, GrantRow, IssuerRow, KeyRow, SecretRow, TrustRow


@dataclass(frozen=True, slots=True)
class Known:
    """An account, for those who check credentials."""

    account: Account = field(repr=False)
    identity: Identity


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every account, group, grant, secret, trust rule and key at one revision.

    ``secrets`` are by the SHA-256 of the secret, ``members`` by account.
    """

    revision: int = -1
    accounts: Mapping[str, Known] = field(default_factory=dict)
    roles: Mapping[str, Actions] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    secrets: Mapping[str, SecretRow] = field(default_factory=dict)
    secret_ids: Mapping[str, SecretRow] = field(default_factory=dict)
    issuers: Mapping[str, IssuerRow] = field(default_factory=dict)
    trusts: tuple[TrustRow, ...] = ()
    keys: tuple[KeyRow, ...] = ()

    def identity(self, name: str, credential: str, now: float, generation: int | None = None) -> Identity | None:
        """The account as somebody who has proved it by ``credential``; None when that counts no more.

        It does not when the account is gone or disabled, when it is no longer what it was at ``generation``, or when
        the secret, personal token or trust rule that the credential names is gone or has run out.
        """
        known = self.accounts.get(name)
        if known is None or known.account.disabled or generation not in {None, known.account.generation}:
            return None
        kind, _, id = credential.partition(":")
        limits = None
        if kind in {"secret", "token"}:
            secret = self.secret_ids.get(id)
            if secret is None or secret.account != name or not _is_current(secret, now):
                return None
            limits = _limits(secret)
        elif kind == "trust" and not any(str(rule.id) == id and rule.account == name for rule in self.trusts):
            return None
        base = known.identity
        return Identity(base.name, base.principals, base.generation, limits, credential)


def _is_current(secret: SecretRow, now: float) -> bool:
    return secret.expires_at is None or now < secret.expires_at


def _limits(secret: SecretRow) -> Limits | None:
    if secret.actions is None and secret.patterns is None:
        return None
    actions = frozenset(Action) if secret.actions is None else frozenset(Action(word) for word in secret.actions)
    within = (patterns.EVERYTHING,) if secret.patterns is None else tuple(map(patterns.parse, secret.patterns))
    return Limits(within, actions)


def build(rows: Everything) -> Snapshot:
    """The snapshot that these rows make."""
    roles = dict(ROLES) | {name: frozenset(Action(word) for word in words) for name, words in rows.roles.items()}
    groups: dict[str, list[str]] = {}
    for group, account in rows.members:
        groups.setdefault(account, []).append(f"{GROUP}{group}")
    known = {
        row.name: Known(row, Identity(row.name, (row.name, *groups.get(row.name, ())), row.generation))
        for row in rows.accounts
    }
    return Snapshot(
        revision=rows.revision,
        accounts=MappingProxyType(known),
        roles=MappingProxyType(roles),
        policy=policy_of(rows.grants, roles),
        secrets=MappingProxyType({row.hash: row for row in rows.secrets}),
        secret_ids=MappingProxyType({row.id: row for row in rows.secrets}),
        issuers=MappingProxyType({row.url: row for row in rows.issuers}),
        trusts=tuple(rows.trusts),
        keys=tuple(rows.keys),
    )


def policy_of(rows: Iterable[GrantRow], roles: Mapping[str, Actions]) -> Policy:
    """The grants with their roles' actions; one of a role that is gone grants nothing."""
    return Policy(tuple(grant_of(row, roles) for row in rows))


def grant_of(row: GrantRow, roles: Mapping[str, Actions]) -> Grant:
    """The grant that the row is."""
    return Grant(
        id=row.id,
        principal=row.principal,
        role=row.role,
        pattern=patterns.parse(row.pattern),
        actions=roles.get(row.role, frozenset()),
        tags=row.tags,
        until=row.until,
        networks=tuple(ip_network(text) for text in row.networks),
        deny=row.deny,
    )
