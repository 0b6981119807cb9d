"""Managing accounts: each method is one change, in force everywhere with the next request."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NewType

from sqlalchemy import Connection

from wharfinger.access import passwords
from wharfinger.access.passwords import Passwords
from wharfinger.access.roles import Role
from wharfinger.errors import AlreadyExists, InUse, RequestInvalid
from wharfinger.meta import accounts
from wharfinger.meta.accounts import Account
from wharfinger.meta.db import Database

AccountName = NewType("AccountName", str)
"""A name that :func:`account_name` accepted."""

FIRST = AccountName("admin")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)


def account_name(text: str) -> AccountName:
    """The account name that ``text`` is. Raises RequestInvalid."""
    if _NAME.fullmatch(text):
        return AccountName(text)
    raise RequestInvalid(
        f"invalid account name {text[:80]!r}: want at most 64 lower-case letters, digits, '.', '_' and '-', "
        "the first and the last a letter or a digit"
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What should become different about an account; None leaves it as it is."""

    role: Role | None = None
    disabled: bool | None = None
    password: str | None = None


class Accounts:
    """Adds, changes and removes accounts, and sees to it that one enabled administrator is always left."""

    def __init__(self, db: Database, passwords: Passwords, now: Callable[[], float]) -> None:
        self._db = db
        self._passwords = passwords
        self._now = now

    async def list(self) -> list[Account]:
        """Every account, by name."""
        return await self._db.read(accounts.every)

    async def add(self, name: AccountName, role: Role, password: str | None = None) -> str | None:
        """Make an account; returns the password when it had to be generated. Raises AlreadyExists."""
        chosen = password if password is not None else passwords.generate()
        passwords.require_acceptable(chosen)
        await self._db.write(_add, name, role.value, await self._passwords.hash(chosen), self._now())
        return chosen if password is None else None

    async def change(self, name: AccountName, change: Change) -> Account:
        """Change role, password or whether it is enabled, all or none. Logins end.

        Raises AccountUnknown, and InUse when no administrator would be left.
        """
        fields: dict[str, object] = {}
        if change.role is not None:
            fields["role"] = change.role.value
        if change.disabled is not None:
            fields["disabled"] = change.disabled
        if change.password is not None:
            passwords.require_acceptable(change.password)
            fields["password"] = await self._passwords.hash(change.password)
        if not fields:
            raise RequestInvalid("nothing to change: say a role, a password, or whether the account is disabled")
        return await self._db.write(_change, name, fields)

    async def remove(self, name: AccountName) -> None:
        """Remove the account. Raises AccountUnknown, or InUse when no administrator would be left."""
        await self._db.write(_remove, name)


async def create_first_administrator(db: Database, password: str | None, now: Callable[[], float]) -> str | None:
    """Make the account ``admin`` if there is none at all, with ``password`` or a generated one.

    Returns the generated password, for the caller to print once; None when there was nothing to generate. Of several
    nodes that start at once one makes it. Raises RequestInvalid when ``password`` is too short, also when not needed:
    better at the first start than after the database was lost.
    """
    if password is not None:
        passwords.require_acceptable(password, minimum=passwords.MINIMUM_CONFIGURED)
    if await db.read(accounts.some_exist):
        return None
    chosen = password if password is not None else passwords.generate()
    made = await db.write(_add_first, passwords.HASHER.hash(chosen), now())
    return chosen if made and password is None else None


def _add(tx: Connection, name: AccountName, role: str, password: str, now: float) -> None:
    generation = accounts.begin_change(tx)
    if accounts.find(tx, name) is not None:
        raise AlreadyExists(f"account {name} is there already", name=name)
    accounts.add(tx, Account(name, password, role, disabled=False, generation=generation, created_at=now))


def _add_first(tx: Connection, password: str, now: float) -> bool:
    generation = accounts.begin_change(tx)
    if accounts.some_exist(tx):
        return False
    role = Role.ADMINISTRATOR.value
    accounts.add(tx, Account(FIRST, password, role, disabled=False, generation=generation, created_at=now))
    return True


def _change(tx: Connection, name: AccountName, fields: dict[str, object]) -> Account:
    generation = accounts.begin_change(tx)
    before = accounts.require(tx, name)
    after = replace(before, generation=generation, **fields)  # type: ignore[arg-type]
    if _administers(before) and not _administers(after):
        _require_another_administrator(tx, name)
    accounts.update_account(tx, after)
    return after


def _remove(tx: Connection, name: AccountName) -> None:
    accounts.begin_change(tx)
    if _administers(accounts.require(tx, name)):
        _require_another_administrator(tx, name)
    accounts.remove(tx, name)


def _administers(account: Account) -> bool:
    return account.role == Role.ADMINISTRATOR and not account.disabled


def _require_another_administrator(tx: Connection, name: AccountName) -> None:
    """Nobody could undo it: without an administrator there is nobody who may make one."""
    if not any(_administers(account) for account in accounts.every(tx) if account.name != name):
        raise InUse(f"{name} is the last enabled administrator: make another one first", name=name)
