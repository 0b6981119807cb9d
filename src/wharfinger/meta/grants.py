"""Grants, roles, groups, secrets and trust as rows; and all of them at one moment, for a process's snapshot."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select, update
from sqlalchemy.sql import Select

from wharfinger.meta import accounts as account_rows
from wharfinger.meta.accounts import REVISION, Account
from wharfinger.meta.schema_access import (
    accounts,
    grants,
    group_members,
    groups,
    issuers,
    roles,
    secrets,
    signing_keys,
    trusts,
)

LOCAL = "local"
"""The source of memberships that were made here."""
NOTED_APART = 30.0
"""Seconds between two notes of a secret's last use."""


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant as it is stored; ``id`` 0 for one that is not yet."""

    id: int
    principal: str
    role: str
    pattern: str
    tags: tuple[str, ...]
    networks: tuple[str, ...]
    until: float | None
    deny: bool
    created_at: float
    created_by: str

    def told(self) -> dict[str, object]:
        """What the audit trail says of it."""
        return {name: getattr(self, name) for name in GrantRow.__slots__}


@dataclass(frozen=True, slots=True)
class SecretRow:
    """A secret of a service account or a personal token. ``hash`` is its SHA-256; None for no limit, no expiry."""

    id: str
    account: str
    kind: str
    label: str
    hash: str
    actions: tuple[str, ...] | None
    patterns: tuple[str, ...] | None
    created_at: float
    created_by: str
    expires_at: float | None
    used_at: float | None


@dataclass(frozen=True, slots=True)
class IssuerRow:
    """An issuer of workload tokens; ``jwks`` is JSON where its keys were given.

    ``private`` when its keys may be fetched from a private network.
    """

    url: str
    audience: str
    jwks: str | None
    private: bool
    created_at: float


@dataclass(frozen=True, slots=True)
class TrustRow:
    """Which workloads of an issuer may act as ``account``: claim → the values of which it must have one."""

    id: int
    issuer: str
    account: str
    claims: Mapping[str, Sequence[str]]
    created_at: float
    created_by: str


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key that access tokens are signed with, as PEM."""

    id: str
    private: str
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Everything:
    """All there is to know of access, at one revision."""

    revision: int
    accounts: list[Account]
    members: list[tuple[str, str]]
    roles: dict[str, list[str]]
    grants: list[GrantRow]
    secrets: list[SecretRow]
    issuers: list[IssuerRow]
    trusts: list[TrustRow]
    keys: list[KeyRow]


def everything(tx: Connection) -> Everything:
    """What a process keeps in memory. ``members`` are (group, account)."""
    return Everything(
        revision=int(tx.execute(REVISION).scalar_one()),
        accounts=account_rows.every(tx),
        members=members(tx),
        roles=own_roles(tx),
        grants=every_grant(tx),
        secrets=every_secret(tx),
        issuers=every_issuer(tx),
        trusts=every_trust(tx),
        keys=every_key(tx),
    )


# --- grants and roles


def every_grant(tx: Connection) -> list[GrantRow]:
    """All grants, in the order in which they were made."""
    columns = [grants.c[field] for field in GrantRow.__slots__]
    return [_grant(row) for row in tx.execute(select(*columns).order_by(grants.c.id)).all()]


def wide_grants(tx: Connection) -> list[GrantRow]:
    """Those on every repository, and every deny: all that says who administers everything."""
    columns = [grants.c[field] for field in GrantRow.__slots__]
    wide = select(*columns).where(grants.c.deny | (grants.c.pattern == "**")).order_by(grants.c.id)
    return [_grant(row) for row in tx.execute(wide).all()]


def find_grant(tx: Connection, id: int) -> GrantRow | None:
    """The grant of this number."""
    columns = [grants.c[field] for field in GrantRow.__slots__]
    row = tx.execute(select(*columns).where(grants.c.id == id)).first()
    return _grant(row) if row else None


def add_grant(tx: Connection, row: GrantRow) -> int:
    """Store it; returns its number."""
    values = {field: getattr(row, field) for field in GrantRow.__slots__ if field != "id"}
    values |= {"tags": json.dumps(row.tags), "networks": json.dumps(row.networks)}
    return int(tx.execute(insert(grants).values(values).returning(grants.c.id)).scalar_one())


def remove_grant(tx: Connection, id: int) -> None:
    tx.execute(delete(grants).where(grants.c.id == id))


def _grant(row: Sequence[object]) -> GrantRow:
    id, principal, role, pattern, tags, networks, *rest = row
    return GrantRow(id, principal, role, pattern, _texts(tags), _texts(networks), *rest)  # type: ignore[arg-type]


def _texts(stored: object) -> tuple[str, ...]:
    return () if stored == "[]" else tuple(json.loads(str(stored)))  # most are, and there are thousands


def own_roles(tx: Connection) -> dict[str, list[str]]:
    """Roles that were made here: name → actions."""
    return {name: json.loads(actions) for name, actions in tx.execute(select(roles.c.name, roles.c.actions))}


def put_role(tx: Connection, name: str, actions: Sequence[str]) -> None:
    """Make the role, or give it these actions."""
    tx.execute(delete(roles).where(roles.c.name == name))
    tx.execute(insert(roles).values(name=name, actions=json.dumps(list(actions))))


def remove_role(tx: Connection, name: str) -> None:
    tx.execute(delete(roles).where(roles.c.name == name))


# --- groups


def every_group(tx: Connection) -> list[str]:
    """All groups, by name."""
    return list(tx.execute(select(groups.c.name).order_by(groups.c.name)).scalars())


def group_exists(tx: Connection, name: str) -> bool:
    return bool(tx.execute(select(exists().where(groups.c.name == name))).scalar())


def add_group(tx: Connection, name: str, now: float) -> None:
    tx.execute(insert(groups).values(name=name, created_at=now))


def remove_group(tx: Connection, name: str) -> None:
    """Remove the group, its memberships, and what was granted to it (as ``group:<name>``)."""
    tx.execute(delete(group_members).where(group_members.c.group == name))
    tx.execute(delete(grants).where(grants.c.principal == f"group:{name}"))
    tx.execute(delete(groups).where(groups.c.name == name))


def members(tx: Connection) -> list[tuple[str, str]]:
    """(group, account), each once whatever its sources."""
    found = (
        select(group_members.c.group, accounts.c.name)
        .join(accounts, accounts.c.id == group_members.c.account_id)
        .distinct()
        .order_by(group_members.c.group, accounts.c.name)
    )
    return [(group, name) for group, name in tx.execute(found)]


def add_member(tx: Connection, group: str, account: str, source: str = LOCAL) -> bool:
    """Whether it was not one by this source already."""
    row = {"group": group, "account_id": account_rows.id_of(tx, account), "source": source}
    same = [group_members.c[name] == value for name, value in row.items()]
    if tx.execute(select(exists().where(*same))).scalar():
        return False
    tx.execute(insert(group_members).values(row))
    return True


def remove_member(tx: Connection, group: str, account: str, source: str = LOCAL) -> bool:
    """Whether it was one by this source."""
    row = {"group": group, "account_id": account_rows.id_of(tx, account), "source": source}
    return tx.execute(delete(group_members).where(*(group_members.c[n] == v for n, v in row.items()))).rowcount > 0


# --- secrets


def every_secret(tx: Connection) -> list[SecretRow]:
    """All secrets, by number."""
    return [_secret(row) for row in tx.execute(_every_secret().order_by(secrets.c.id))]


def secrets_of(tx: Connection, account: str, kind: str) -> list[SecretRow]:
    """The secrets of this kind that the account has, the oldest first."""
    its = (accounts.c.name == account) & (secrets.c.kind == kind)
    return [_secret(row) for row in tx.execute(_every_secret().where(its).order_by(secrets.c.created_at, secrets.c.id))]


def add_secret(tx: Connection, row: SecretRow) -> None:
    values = {field: getattr(row, field) for field in SecretRow.__slots__ if field != "account"}
    values["account_id"] = account_rows.id_of(tx, row.account)
    for field in ("actions", "patterns"):
        values[field] = None if values[field] is None else json.dumps(values[field])
    tx.execute(insert(secrets).values(values))


def find_secret(tx: Connection, id: str) -> SecretRow | None:
    """The secret of this number."""
    row = tx.execute(_every_secret().where(secrets.c.id == id)).first()
    return _secret(row) if row else None


def remove_secret(tx: Connection, row: SecretRow) -> None:
    """Remove it, and the logins that were obtained with it."""
    account_rows.forget_logins(tx, account_rows.id_of(tx, row.account), f"{row.kind}:{row.id}")
    tx.execute(delete(secrets).where(secrets.c.id == row.id))


def secrets_used(tx: Connection, used: Mapping[str, float]) -> None:
    """Note when secrets were last used; processes need not reload for it.

    In the order of their numbers, so that processes do not wait for each other in a circle; and not within half a
    minute of what is noted already, so that many processes together write a busy secret's row no oftener than one.
    """
    for id, at in sorted(used.items()):
        later = secrets.c.used_at.is_(None) | (secrets.c.used_at <= at - NOTED_APART)
        tx.execute(update(secrets).where(secrets.c.id == id, later).values(used_at=at))


def _every_secret() -> Select[Any]:
    columns = [accounts.c.name if field == "account" else secrets.c[field] for field in SecretRow.__slots__]
    return select(*columns).join(accounts, accounts.c.id == secrets.c.account_id)


def _secret(row: Sequence[object]) -> SecretRow:
    fields = dict(zip(SecretRow.__slots__, row, strict=True))
    for field in ("actions", "patterns"):
        fields[field] = None if fields[field] is None else tuple(json.loads(str(fields[field])))
    return SecretRow(**fields)  # type: ignore[arg-type]


# --- trust


def every_issuer(tx: Connection) -> list[IssuerRow]:
    columns = [issuers.c[field] for field in IssuerRow.__slots__]
    return [IssuerRow(*row) for row in tx.execute(select(*columns).order_by(issuers.c.url))]


def every_trust(tx: Connection) -> list[TrustRow]:
    """All trust rules, in the order in which they were made."""
    columns = [accounts.c.name if field == "account" else trusts.c[field] for field in TrustRow.__slots__]
    joined = select(*columns).join(accounts, accounts.c.id == trusts.c.account_id)
    rows = tx.execute(joined.order_by(trusts.c.id))
    return [TrustRow(id, issuer, account, json.loads(claims), *rest) for id, issuer, account, claims, *rest in rows]


# --- keys


def every_key(tx: Connection) -> list[KeyRow]:
    """All signing keys, the oldest first."""
    columns = [signing_keys.c[field] for field in KeyRow.__slots__]
    return [KeyRow(*row) for row in tx.execute(select(*columns).order_by(signing_keys.c.created_at, signing_keys.c.id))]


def add_key(tx: Connection, key: KeyRow) -> None:
    tx.execute(insert(signing_keys).values({field: getattr(key, field) for field in KeyRow.__slots__}))


def remove_keys_expired_before(tx: Connection, now: float) -> None:
    tx.execute(delete(signing_keys).where(signing_keys.c.expires_at <= now))
