"""Service accounts: what programs log in as, each with a person who answers for it."""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection

from wharfinger.access import changes
from wharfinger.access.account_names import account_name
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import AlreadyExists, Denied, RequestInvalid
from wharfinger.meta import accounts, audit
from wharfinger.meta.accounts import PERSON, SERVICE, Account
from wharfinger.meta.db import Database


class ServiceAccounts:
    """Made by administrators; each owner may disable and enable his own. ``changed`` is told of every change.

    Who may is asked twice: before the transaction, so that a stranger does not make others wait for one, and in it, on
    what is true then.
    """

    def __init__(self, db: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._db = db
        self._now = now
        self._changed = changed

    async def visible(self, by: Caller) -> list[Account]:
        """To administrators and auditors every service account, to others their own; by name."""
        sees_all = by.may(Action.ADMIN) or by.may(Action.AUDIT)
        every = await self._db.read(accounts.every)
        return [each for each in every if each.kind == SERVICE and (sees_all or each.owner == by.name)]

    async def add(self, by: Caller, name: str, owner: str) -> Account:
        """Make one, which may do nothing yet. Raises AlreadyExists, RequestInvalid, Denied."""
        require_administers(by)
        made = await self._db.write(self._add, by, account_name(name), account_name(owner))
        self._changed()
        return made

    async def change(self, by: Caller, name: str, *, disabled: bool | None = None, owner: str | None = None) -> Account:
        """Disable or enable it, or give it to another owner. Its log-ins and tokens end; its secrets stay.

        Raises AccountUnknown, RequestInvalid, Denied.
        """
        if disabled is None and owner is None:
            raise RequestInvalid("nothing to change: say whether it is disabled, or another owner")
        service, next_owner = account_name(name), None if owner is None else account_name(owner)
        _require_may_change(by, service, next_owner)
        made = await self._db.write(self._change, by, service, disabled, next_owner)
        self._changed()
        return made

    async def remove(self, by: Caller, name: str) -> None:
        """Remove it with its secrets, its trust rules and its grants. Raises AccountUnknown, Denied."""
        require_administers(by)
        await self._db.write(self._remove, by, account_name(name))
        self._changed()

    def _add(self, tx: Connection, by: Caller, name: str, owner: str) -> Account:
        generation, before = changes.begin(tx, by)
        by = changes.still(before, by, self._now())
        require_administers(by)
        if name in before.accounts:
            raise AlreadyExists(f"account {name} is there already", name=name)
        _require_owner(before, owner)
        made = Account(name, "", False, generation, self._now(), SERVICE, owner)  # noqa: FBT003
        accounts.add(tx, made)
        audit.add(tx, by.entry("service-account.add", detail={"after": _told(made)}))
        return made

    def _change(self, tx: Connection, by: Caller, name: str, disabled: bool | None, owner: str | None) -> Account:
        generation, before = changes.begin(tx, by)
        by = changes.still(before, by, self._now())
        _require_may_change(by, name, owner)
        was = accounts.require(tx, name, SERVICE)
        if owner is not None:
            _require_owner(before, owner)
            changes.require_outranks(before, by, name, by.now)
        new = replace(
            was,
            disabled=was.disabled if disabled is None else disabled,
            owner=owner or was.owner,
            generation=generation,
        )
        accounts.update_account(tx, new)
        audit.add(tx, by.entry("service-account.change", detail={"before": _told(was), "after": _told(new)}))
        return new

    def _remove(self, tx: Connection, by: Caller, name: str) -> None:
        _, before = changes.begin(tx, by)
        by = changes.still(before, by, self._now())
        require_administers(by)
        was = accounts.require(tx, name, SERVICE)
        accounts.remove(tx, name)
        gone = _told(was) | {
            "grants": [str(grant) for grant in before.policy.grants if grant.principal == name],
            "secrets": [row.id for row in before.secrets.values() if row.account == name],
            "trusts": [rule.id for rule in before.trusts if rule.account == name],
        }
        audit.add(tx, by.entry("service-account.remove", detail={"before": gone}))


def require_manages(by: Caller, name: str) -> None:
    """Raise Denied unless the caller owns the service account or administers everything, and not by a token.

    The refusal is the same whether there is an account of this name or not.
    """
    require_present(by)
    known = by.snapshot.accounts.get(name)
    if known is not None and known.account.kind == SERVICE and known.account.owner == by.name:
        by.rule = f"{by.name} owns {name}"
        return
    if not by.may(Action.ADMIN):
        raise Denied(
            f"{name[:80]} is no service account of yours, and you do not administer everything", account=by.name
        )
    by.require(Action.ADMIN)


def require_administers(by: Caller) -> None:
    """Raise Denied unless the caller administers everything, and not by a personal token."""
    require_present(by)
    by.require(Action.ADMIN)


def require_present(by: Caller) -> None:
    """Raise Denied for who came with a personal token: what narrows must not make something wider."""
    if by.identity.credential.startswith("token:"):
        raise Denied(
            "a personal token cannot manage accounts, secrets or tokens: log in with a password, or by wharf login"
        )


def _require_may_change(by: Caller, name: str, owner: str | None) -> None:
    """Who is only the owner does not choose the next one, who would get all that the account may do."""
    if owner is not None:
        require_administers(by)
    require_manages(by, name)


def _require_owner(before: Snapshot, owner: str) -> None:
    known = before.accounts.get(owner)
    if known is None or known.account.kind != PERSON or known.account.disabled:
        raise RequestInvalid(f"{owner[:80]} cannot own a service account: want the name of an enabled user")


def _told(account: Account) -> dict[str, object]:
    return {"name": account.name, "owner": account.owner, "disabled": account.disabled}
