"""Groups of accounts, to which things are granted together."""

import re
from collections.abc import Callable

from sqlalchemy import Connection

from wharfinger.access import changes
from wharfinger.access.caller import Caller
from wharfinger.access.grants import GROUP
from wharfinger.errors import AccountUnknown, AlreadyExists, RequestInvalid
from wharfinger.meta import audit, grants
from wharfinger.meta.db import Database

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._ /-]{0,126}[A-Za-z0-9])?", re.ASCII)


def group_name(text: str) -> str:
    """The group name that ``text`` is. Raises RequestInvalid."""
    if _NAME.fullmatch(text):
        return text
    raise RequestInvalid(
        f"invalid group name {text[:80]!r}: want at most 128 letters, digits, '.', '_', '-', '/' and spaces, "
        "the first and the last a letter or a digit"
    )


class Groups:
    """Groups and who is in them; ``changed`` is told of every change that was made."""

    def __init__(self, db: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._db = db
        self._now = now
        self._changed = changed

    async def list(self) -> dict[str, list[str]]:
        """Every group and its members, by name."""
        return await self._db.read(_list)

    async def add(self, by: Caller, name: str) -> None:
        """Make a group. Raises AlreadyExists."""
        await self._db.write(_add, by, group_name(name), self._now())
        self._changed()

    async def remove(self, by: Caller, name: str) -> None:
        """Remove a group and what was granted to it. Raises AccountUnknown, Denied, or InUse: see Accounts."""
        await self._db.write(_remove, by, name, self._now())
        self._changed()

    async def add_member(self, by: Caller, name: str, account: str) -> None:
        """Put an account into a group; safe to repeat. Raises AccountUnknown, or Denied: see changes.require_holds."""
        await self._db.write(_add_member, by, name, account, self._now())
        self._changed()

    async def remove_member(self, by: Caller, name: str, account: str) -> None:
        """Take an account out. Raises AccountUnknown, Denied, or InUse if that leaves no administrator.

        A member because an identity provider says so comes back with the next log-in: take it out there.
        """
        await self._db.write(_remove_member, by, name, account, self._now())
        self._changed()


def _list(tx: Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in grants.every_group(tx)}
    for group, account in grants.members(tx):
        found[group].append(account)
    return found


def _add(tx: Connection, by: Caller, name: str, now: float) -> None:
    changes.begin(tx, by)
    if grants.group_exists(tx, name):
        raise AlreadyExists(f"group {name} is there already", name=name)
    grants.add_group(tx, name, now)
    audit.add(tx, by.entry("group.add", detail={"group": name}))


def _remove(tx: Connection, by: Caller, name: str, now: float) -> None:
    _, before = changes.begin(tx, by)
    _require(tx, name)
    members = [account for group, account in grants.members(tx) if group == name]
    granted = [str(each) for each in before.policy.grants if each.principal == f"{GROUP}{name}"]
    changes.require_holds_group(before, by, name, now)
    with changes.keeping_an_administrator(tx, before, now):
        grants.remove_group(tx, name)
    detail = {"group": name, "before": {"members": members, "grants": granted}}
    audit.add(tx, by.entry("group.remove", detail=detail))


def _add_member(tx: Connection, by: Caller, name: str, account: str, now: float) -> None:
    _, before = changes.begin(tx, by)
    _require(tx, name)
    changes.require_holds_group(before, by, name, now)
    if grants.add_member(tx, name, account):
        audit.add(tx, by.entry("member.add", detail={"group": name, "account": account}))


def _remove_member(tx: Connection, by: Caller, name: str, account: str, now: float) -> None:
    _, before = changes.begin(tx, by)
    _require(tx, name)
    changes.require_holds_group(before, by, name, now)
    with changes.keeping_an_administrator(tx, before, now):
        if not grants.remove_member(tx, name, account):
            raise AccountUnknown(f"{account} is not a member of {name} by our own list", name=account)
    audit.add(tx, by.entry("member.remove", detail={"group": name, "account": account}))


def _require(tx: Connection, name: str) -> None:
    if not grants.group_exists(tx, name):
        raise AccountUnknown(f"group {name} is not known", name=name)
