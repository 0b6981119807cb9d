"""Managing people's accounts: each method is one change, in force everywhere within moments."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from wharfinger.access import changes, passwords
from wharfinger.access.account_names import AccountName
from wharfinger.access.caller import Caller, system
from wharfinger.access.passwords import Passwords
from wharfinger.access.workloads import require_lasting
from wharfinger.errors import AlreadyExists, RequestInvalid
from wharfinger.meta import accounts, audit, grants
from wharfinger.meta.accounts import Account
from wharfinger.meta.db import Database
from wharfinger.meta.grants import GrantRow

FIRST = AccountName("admin")


@dataclass(frozen=True, slots=True)
class Change:
    """What should become different about an account; None leaves it as it is."""

    disabled: bool | None = None
    password: str | None = None


class Accounts:
    """Adds, changes and removes people's accounts; ``changed`` is told of every change that was made."""

    def __init__(
        self, db: Database, passwords: Passwords, now: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        self._db = db
        self._passwords = passwords
        self._now = now
        self._changed = changed

    async def list(self) -> list[Account]:
        """Every account of a person, by name."""
        return [account for account in await self._db.read(accounts.every) if account.kind == accounts.PERSON]

    async def add(self, by: Caller, name: AccountName, password: str | None = None) -> str | None:
        """Make an account, which may do nothing yet; returns the password when it had to be generated.

        Raises AlreadyExists, and Denied for a workload.
        """
        require_lasting(by)
        chosen = password if password is not None else passwords.generate()
        passwords.require_acceptable(chosen)
        await self._db.write(_add, by, name, await self._passwords.hash(chosen), self._now())
        self._changed()
        return chosen if password is None else None

    async def change(self, by: Caller, name: AccountName, change: Change) -> Account:
        """Change the password or whether it is enabled, all or none. Logins end.

        Raises AccountUnknown, Denied for the password or the enabling of somebody who may do more than the caller, and
        InUse when no administrator would be left.
        """
        fields: dict[str, object] = {}
        if change.disabled is not None:
            fields["disabled"] = change.disabled
        if change.password is not None:
            require_lasting(by)
            passwords.require_acceptable(change.password)
            fields["password"] = await self._passwords.hash(change.password)
        if not fields:
            raise RequestInvalid("nothing to change: say a password, or whether the account is disabled")
        account = await self._db.write(_change, by, name, fields, self._now())
        self._changed()
        return account

    async def remove(self, by: Caller, name: AccountName) -> None:
        """Remove the account and all that it had. Raises AccountUnknown, or InUse if that leaves no administrator."""
        await self._db.write(_remove, by, name, self._now())
        self._changed()


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


def _add(tx: Connection, by: Caller, name: AccountName, password: str, now: float) -> None:
    generation = accounts.begin_change(tx)
    if accounts.find(tx, name) is not None:
        raise AlreadyExists(f"account {name} is there already", name=name)
    made = Account(name, password, disabled=False, generation=generation, created_at=now)
    accounts.add(tx, made)
    audit.add(tx, by.entry("account.add", detail={"account": name, "after": told(made)}))


def _add_first(tx: Connection, password: str, now: float) -> bool:
    generation = accounts.begin_change(tx)
    if accounts.some_exist(tx):
        return False
    made = Account(FIRST, password, disabled=False, generation=generation, created_at=now)
    accounts.add(tx, made)
    everything = GrantRow(0, FIRST, "administrator", "**", (), (), None, deny=False, created_at=now, created_by=FIRST)
    id, by = grants.add_grant(tx, everything), system("start", now)
    audit.add(tx, by.entry("account.add", detail={"account": FIRST, "after": told(made)}))
    audit.add(tx, by.entry("grant.add", detail={"after": replace(everything, id=id).told()}))
    return True


def told(account: Account) -> dict[str, object]:
    """What the audit trail says of an account: never the password, not even hashed."""
    return {"kind": account.kind, "disabled": account.disabled, "owner": account.owner}


def _word(account: Account, verb: str) -> str:
    """The trail's word: by the kind of account, not by the way it was changed."""
    return f"{'account' if account.kind == accounts.PERSON else 'service-account'}.{verb}"


def _change(tx: Connection, by: Caller, name: AccountName, fields: dict[str, object], now: float) -> Account:
    generation, before = changes.begin(tx, by)
    account = accounts.require(tx, name)
    if account.kind != accounts.PERSON and "password" in fields:
        raise RequestInvalid(f"{name} is a service account: it has secrets and no password")
    if fields != {"disabled": True}:
        changes.require_outranks(before, by, name, now)
    after = replace(account, generation=generation, **fields)  # type: ignore[arg-type]
    with changes.keeping_an_administrator(tx, before, now):
        accounts.update_account(tx, after)
    detail = {"account": name, "before": told(account), "after": told(after), "password": "password" in fields}
    audit.add(tx, by.entry(_word(after, "change"), detail=detail))
    return after


def _remove(tx: Connection, by: Caller, name: AccountName, now: float) -> None:
    _, before = changes.begin(tx, by)
    gone = accounts.require(tx, name)
    granted = [str(each) for each in before.policy.grants if each.principal == name]
    with changes.keeping_an_administrator(tx, before, now):
        accounts.remove(tx, name)
    detail = {"account": name, "before": told(gone), "grants": granted}
    audit.add(tx, by.entry(_word(gone, "remove"), detail=detail))
