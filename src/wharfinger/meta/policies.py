"""What a policy file needs of the tables beside what each noun has for itself."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, insert, select, update

from wharfinger.meta import accounts as account_rows
from wharfinger.meta import grants as grant_rows
from wharfinger.meta.grants import LOCAL, Everything, IssuerRow, TrustRow
from wharfinger.meta.schema_access import accounts, group_members, issuers, trusts


@dataclass(frozen=True, slots=True)
class Stored:
    """All of access, and what of its memberships was made here rather than by an identity provider."""

    everything: Everything
    groups: list[str]
    local_members: list[tuple[str, str]]


def stored(tx: Connection) -> Stored:
    """At this point of the transaction."""
    local = (
        select(group_members.c.group, accounts.c.name)
        .join(accounts, accounts.c.id == group_members.c.account_id)
        .where(group_members.c.source == LOCAL)
        .order_by(group_members.c.group, accounts.c.name)
    )
    return Stored(
        everything=grant_rows.everything(tx),
        groups=grant_rows.every_group(tx),
        local_members=[(group, name) for group, name in tx.execute(local)],
    )


def put_issuer(tx: Connection, row: IssuerRow) -> None:
    """Store the issuer, or what changed of it; trust in it stays."""
    values = {field: getattr(row, field) for field in ("audience", "jwks", "private")}
    if tx.execute(select(exists().where(issuers.c.url == row.url))).scalar():
        tx.execute(update(issuers).where(issuers.c.url == row.url).values(values))
    else:
        tx.execute(insert(issuers).values(values | {"url": row.url, "created_at": row.created_at}))


def remove_issuer(tx: Connection, url: str) -> None:
    """Remove the issuer and all trust in it."""
    tx.execute(delete(trusts).where(trusts.c.issuer == url))
    tx.execute(delete(issuers).where(issuers.c.url == url))


def add_trust(tx: Connection, row: TrustRow, claims: str) -> int:
    """Store a trust rule, whose claims are JSON; returns its number."""
    values = {
        "issuer": row.issuer,
        "account_id": account_rows.id_of(tx, row.account),
        "claims": claims,
        "created_at": row.created_at,
        "created_by": row.created_by,
    }
    return int(tx.execute(insert(trusts).values(values).returning(trusts.c.id)).scalar_one())


def remove_trust(tx: Connection, row: TrustRow) -> None:
    """Remove the rule, and the logins that were obtained by it."""
    account_rows.forget_logins(tx, account_rows.id_of(tx, row.account), f"trust:{row.id}")
    tx.execute(delete(trusts).where(trusts.c.id == row.id))
