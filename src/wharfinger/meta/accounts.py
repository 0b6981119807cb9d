"""Accounts, their login tokens, and the revision that tells every process to look again."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from wharfinger.errors import AccountUnknown
from wharfinger.meta.schema import access_revision, accounts, login_tokens

REVISION = select(access_revision.c.revision)
"""(revision); the statement behind every request."""

LOGIN = (
    select(accounts.c.name, login_tokens.c.generation, login_tokens.c.expires_at)
    .join(accounts, accounts.c.id == login_tokens.c.account_id)
    .where(login_tokens.c.hash == bindparam("hash"))
)
"""(account, its generation at login, expiry) of a login token."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account. ``generation`` is the revision that its last change made, so a name used again starts afresh."""

    name: str
    password: str
    role: str
    disabled: bool
    generation: int
    created_at: float


def begin_change(tx: Connection) -> int:
    """The next revision, which is the generation of whatever changes. First in every transaction that changes accounts.

    The one row makes changes wait for each other, so what such a transaction reads stays true until it commits.
    """
    step = update(access_revision).values(revision=access_revision.c.revision + 1).returning(access_revision.c.revision)
    return int(tx.execute(step).scalar_one())


def snapshot(tx: Connection) -> tuple[int, list[Account]]:
    """The revision and the accounts of one moment, by name."""
    return int(tx.execute(REVISION).scalar_one()), every(tx)


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


def require(tx: Connection, name: str) -> Account:
    """The account of this name. Raises AccountUnknown."""
    account = find(tx, name)
    if account is None:
        raise AccountUnknown(f"account {name} is not known", name=name)
    return account


def add(tx: Connection, account: Account) -> None:
    """Store a new account; the caller has seen that there is none of its name."""
    tx.execute(insert(accounts).values({field: getattr(account, field) for field in Account.__slots__}))


def update_account(tx: Connection, account: Account) -> None:
    """Store the changed account; its name and beginning stay. Its login tokens end."""
    _forget_logins(tx, account.name)
    changed = {field: getattr(account, field) for field in ("password", "role", "disabled", "generation")}
    tx.execute(update(accounts).where(accounts.c.name == account.name).values(changed))


def remove(tx: Connection, name: str) -> None:
    """Remove the account and its login tokens."""
    _forget_logins(tx, name)
    tx.execute(delete(accounts).where(accounts.c.name == name))


def _forget_logins(tx: Connection, name: str) -> None:
    account = select(accounts.c.id).where(accounts.c.name == name).scalar_subquery()
    tx.execute(delete(login_tokens).where(login_tokens.c.account_id == account))


def add_login(tx: Connection, name: str, generation: int, token_hash: str, now: float, expires_at: float) -> bool:
    """Store a login token, unless the account has changed since ``generation``: whether it was stored.

    Tokens that have expired, whoever's, are removed on the way.
    """
    tx.execute(delete(login_tokens).where(login_tokens.c.expires_at <= now))
    unchanged = (accounts.c.name == name) & (accounts.c.generation == generation) & accounts.c.disabled.is_(False)
    account_id = tx.execute(select(accounts.c.id).where(unchanged).with_for_update(read=True)).scalar()
    if account_id is None:
        return False
    row = {"hash": token_hash, "account_id": account_id, "generation": generation}
    tx.execute(insert(login_tokens).values(row | {"created_at": now, "expires_at": expires_at}))
    return True


def remove_login(tx: Connection, token_hash: str) -> None:
    """End a login token; safe to repeat."""
    tx.execute(delete(login_tokens).where(login_tokens.c.hash == token_hash))
