"""Accounts of people and services, their logins, and the revision that tells every process to look again."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from wharfinger.errors import AccountUnknown
from wharfinger.meta.schema_access import (
    access_revision,
    accounts,
    device_logins,
    grants,
    group_members,
    identities,
    login_addresses,
    login_tokens,
    secrets,
    trusts,
)

PERSON, SERVICE = "person", "service"

REVISION = select(access_revision.c.revision)
"""(revision); what every process asks now and then."""

LOGIN = (
    select(
        accounts.c.name,
        login_tokens.c.generation,
        login_tokens.c.expires_at,
        login_tokens.c.kind,
        login_tokens.c.credential,
    )
    .join(accounts, accounts.c.id == login_tokens.c.account_id)
    .where(login_tokens.c.hash == bindparam("hash"))
)
"""(account, its generation at login, expiry, kind, credential) of a login token."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account. ``generation`` is the revision that its last change made, so a name used again starts afresh.

    ``password`` is empty where there is none; ``owner`` is who answers for a service account.
    """

    name: str
    password: str
    disabled: bool
    generation: int
    created_at: float
    kind: str = PERSON
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class NewLogin:
    """A login token to be stored, by its SHA-256."""

    hash: str
    kind: str
    credential: str
    created_at: float
    expires_at: float


def begin_change(tx: Connection) -> int:
    """The next revision, which is the generation of whatever changes. First in every transaction that changes access.

    The one row makes changes wait for each other, so what such a transaction reads stays true until it commits.
    """
    step = update(access_revision).values(revision=access_revision.c.revision + 1).returning(access_revision.c.revision)
    return int(tx.execute(step).scalar_one())


def every(tx: Connection) -> list[Account]:
    """All accounts, by name."""
    columns = [accounts.c[field] for field in Account.__slots__]
    return [Account(*row) for row in tx.execute(select(*columns).order_by(accounts.c.name))]


def some_exist(tx: Connection) -> bool:
    """Whether there is any account."""
    return bool(tx.execute(select(exists().select_from(accounts))).scalar())


def find(tx: Connection, name: str) -> Account | None:
    """The account of this name."""
    columns = [accounts.c[field] for field in Account.__slots__]
    row = tx.execute(select(*columns).where(accounts.c.name == name)).first()
    return Account(*row) if row else None


def require(tx: Connection, name: str, kind: str | None = None) -> Account:
    """The account of this name, and of this kind where one is given. Raises AccountUnknown."""
    account = find(tx, name)
    if account is None or kind not in {None, account.kind}:
        raise AccountUnknown(f"{'service ' if kind == SERVICE else ''}account {name} is not known", name=name)
    return account


def id_of(tx: Connection, name: str) -> int:
    """The key of the account's row. Raises AccountUnknown."""
    id = tx.execute(select(accounts.c.id).where(accounts.c.name == name)).scalar()
    if id is None:
        raise AccountUnknown(f"account {name} is not known", name=name)
    return int(id)


def add(tx: Connection, account: Account) -> None:
    """Store a new account; the caller has seen that there is none of its name."""
    tx.execute(insert(accounts).values({field: getattr(account, field) for field in Account.__slots__}))


def update_account(tx: Connection, account: Account) -> None:
    """Store the changed account; its name and beginning stay. Its logins end."""
    forget_logins(tx, id_of(tx, account.name))
    changed = {field: getattr(account, field) for field in ("password", "disabled", "generation", "owner")}
    tx.execute(update(accounts).where(accounts.c.name == account.name).values(changed))


def remove(tx: Connection, name: str) -> None:
    """Remove the account with everything that it had: logins, secrets, trust, memberships and grants."""
    id = id_of(tx, name)
    forget_logins(tx, id)
    for table in (secrets, trusts, group_members, identities, device_logins):
        tx.execute(delete(table).where(table.c.account_id == id))
    tx.execute(delete(grants).where(grants.c.principal == name))
    tx.execute(delete(login_addresses).where(login_addresses.c.account == name))
    tx.execute(update(accounts).where(accounts.c.owner == name).values(owner=None))
    tx.execute(delete(accounts).where(accounts.c.id == id))


def forget_logins(tx: Connection, account_id: int, credential: str | None = None) -> None:
    """End the account's logins; or only those that were obtained with ``credential``."""
    ended = login_tokens.c.account_id == account_id
    if credential is not None:
        ended &= login_tokens.c.credential == credential
    tx.execute(delete(login_tokens).where(ended))


def add_login(tx: Connection, name: str, generation: int, login: NewLogin) -> bool:
    """Store a login token, unless the account has changed since ``generation``: whether it was stored.

    Tokens that have expired, whoever's, are removed on the way.
    """
    tx.execute(delete(login_tokens).where(login_tokens.c.expires_at <= login.created_at))
    unchanged = (accounts.c.name == name) & (accounts.c.generation == generation) & accounts.c.disabled.is_(False)
    account_id = tx.execute(select(accounts.c.id).where(unchanged).with_for_update(read=True)).scalar()
    if account_id is None:
        return False
    row = {field: getattr(login, field) for field in NewLogin.__slots__}
    tx.execute(insert(login_tokens).values(row | {"account_id": account_id, "generation": generation}))
    return True


def remove_login(tx: Connection, token_hash: str) -> bool:
    """End a login token; safe to repeat. Whether there was one."""
    return tx.execute(delete(login_tokens).where(login_tokens.c.hash == token_hash)).rowcount > 0
