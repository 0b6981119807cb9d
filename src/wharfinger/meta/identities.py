"""Who an account is elsewhere, and the groups that it is in because somebody else says so."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from wharfinger.meta import accounts as account_rows
from wharfinger.meta.schema_access import accounts, group_members, identities


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """``subject``, as ``issuer`` calls somebody, is the person who has ``account`` here."""

    issuer: str
    subject: str
    account: str


def every(tx: Connection) -> list[IdentityRow]:
    """All identities, by account."""
    columns = (identities.c.issuer, identities.c.subject, accounts.c.name)
    joined = select(*columns).join(accounts, accounts.c.id == identities.c.account_id)
    rows = tx.execute(joined.order_by(accounts.c.name, identities.c.issuer, identities.c.subject))
    return [IdentityRow(*row) for row in rows]


def account_of(tx: Connection, issuer: str, subject: str) -> str | None:
    """The account of whom the issuer calls so."""
    joined = select(accounts.c.name).join(identities, identities.c.account_id == accounts.c.id)
    name = tx.execute(joined.where(identities.c.issuer == issuer, identities.c.subject == subject)).scalar()
    return None if name is None else str(name)


def add(tx: Connection, row: IdentityRow) -> None:
    """Store it; the caller has seen that the subject has no account yet. Raises AccountUnknown."""
    id = account_rows.id_of(tx, row.account)
    tx.execute(insert(identities).values(issuer=row.issuer, subject=row.subject, account_id=id))


def remove(tx: Connection, issuer: str, subject: str) -> None:
    """Forget who that is."""
    tx.execute(delete(identities).where(identities.c.issuer == issuer, identities.c.subject == subject))


def groups_by(tx: Connection, account: str, source: str) -> set[str]:
    """The groups that the account is in by this source."""
    joined = select(group_members.c.group).join(accounts, accounts.c.id == group_members.c.account_id)
    return set(tx.execute(joined.where(accounts.c.name == account, group_members.c.source == source)).scalars())
