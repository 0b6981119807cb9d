"""People who are known elsewhere: whose account is it, and what groups does that put them into."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog
from sqlalchemy import Connection

from wharfinger.access import changes
from wharfinger.access.account_names import account_name
from wharfinger.access.caller import Caller
from wharfinger.access.groups import group_name
from wharfinger.access.identity import Found
from wharfinger.errors import AccountUnknown, AlreadyExists, LoginRefused, RequestInvalid
from wharfinger.meta import accounts, audit, grants, identities
from wharfinger.meta.accounts import PERSON, Account
from wharfinger.meta.audit import Entry
from wharfinger.meta.db import Database
from wharfinger.meta.identities import IdentityRow

GROUPS_AT_MOST = 200
SUBJECT_AT_MOST = 255

_log = structlog.get_logger("wharfinger.people")


class People:
    """Lets in whom an identity provider or a directory has vouched for; ``changed`` is told of every change."""

    def __init__(self, db: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._db = db
        self._now = now
        self._changed = changed

    async def admit(self, found: Found, *, create: bool = True) -> Account:
        """The account of ``found``, made if there is none and it may be; its groups are then what the source says.

        An account that has the name already is somebody else's, as far as we know: it is never taken. Raises
        LoginRefused, which says what an administrator can do.
        """
        wanted = frozenset(_acceptable(found.groups))
        known = await self._db.read(_known, found)
        if known is not None and known[1] == wanted:
            return known[0]
        account = await self._db.write(_admit, replace(found, groups=tuple(wanted)), self._now(), create=create)
        self._changed()
        return account

    async def list(self) -> list[IdentityRow]:
        """Who is who, by account."""
        return await self._db.read(identities.every)

    async def link(self, by: Caller, row: IdentityRow) -> None:
        """Say who a person of ours is elsewhere. Raises AccountUnknown, AlreadyExists, RequestInvalid, Denied."""
        for word in (row.issuer, row.subject):
            if not word or len(word) > SUBJECT_AT_MOST or not word.isprintable():
                raise RequestInvalid(f"issuer and subject have 1 to {SUBJECT_AT_MOST} characters, none invisible")
        await self._db.write(_link, by, row)

    async def unlink(self, by: Caller, row: IdentityRow) -> None:
        """Take that back, and the groups that came with it; the log-ins that it was used for end.

        Raises AccountUnknown.
        """
        await self._db.write(_unlink, by, row)
        self._changed()


def _known(tx: Connection, found: Found) -> tuple[Account, frozenset[str]] | None:
    name = identities.account_of(tx, found.issuer, found.subject)
    if name is None:
        return None
    return accounts.require(tx, name), frozenset(identities.groups_by(tx, name, found.issuer))


def _admit(tx: Connection, found: Found, now: float, *, create: bool) -> Account:
    generation = accounts.begin_change(tx)
    name = identities.account_of(tx, found.issuer, found.subject)
    account = accounts.require(tx, name) if name is not None else _create(tx, found, generation, now, create=create)
    # Who the provider says is no administrator any more is none, even the last one: there it can be undone.
    before = identities.groups_by(tx, account.name, found.issuer)
    for group in sorted(set(found.groups) - before):
        if not grants.group_exists(tx, group):
            grants.add_group(tx, group, now)
        grants.add_member(tx, group, account.name, found.issuer)
    for group in sorted(before - set(found.groups)):
        grants.remove_member(tx, group, account.name, found.issuer)
    if before != set(found.groups):
        detail = {"source": found.issuer, "before": sorted(before), "after": sorted(found.groups)}
        audit.add(tx, Entry(at=now, action="account.groups", account=account.name, detail=detail))
    return account


def _create(tx: Connection, found: Found, generation: int, now: float, *, create: bool) -> Account:
    issuer, subject = shlex.quote(found.issuer), shlex.quote(found.subject)  # somebody will paste it into a shell
    advice = f"an administrator can link one: wharf users link NAME --issuer {issuer} --subject {subject}"
    if not create:
        raise LoginRefused(f"you have no account here; {advice}")
    try:
        name = account_name(found.name)
    except RequestInvalid as invalid:
        raise LoginRefused(f"{invalid.message}; {advice}") from invalid
    if accounts.find(tx, name) is not None:
        raise LoginRefused(f"there is an account {name} already, and nothing says that it is yours; if it is, {advice}")
    account = Account(name, "", disabled=False, generation=generation, created_at=now)
    accounts.add(tx, account)
    identities.add(tx, IdentityRow(found.issuer, found.subject, name))
    detail = {"issuer": found.issuer, "subject": found.subject}
    audit.add(tx, Entry(at=now, action="account.add", account=name, detail=detail))
    return account


def _link(tx: Connection, by: Caller, row: IdentityRow) -> None:
    _, before = changes.begin(tx, by)
    accounts.require(tx, row.account, PERSON)
    changes.require_outranks(before, by, row.account, by.now)
    other = identities.account_of(tx, row.issuer, row.subject)
    if other is not None:
        raise AlreadyExists(f"that subject is {other} already", name=other)
    identities.add(tx, row)
    detail = {"account": row.account, "issuer": row.issuer, "subject": row.subject}
    audit.add(tx, by.entry("account.link", detail=detail))


def _unlink(tx: Connection, by: Caller, row: IdentityRow) -> None:
    generation = accounts.begin_change(tx)
    if identities.account_of(tx, row.issuer, row.subject) != row.account:
        raise AccountUnknown(f"that subject is not {row.account}", name=row.account)
    identities.remove(tx, row.issuer, row.subject)
    others = [each for each in identities.every(tx) if (each.issuer, each.account) == (row.issuer, row.account)]
    for group in () if others else identities.groups_by(tx, row.account, row.issuer):
        grants.remove_member(tx, group, row.account, row.issuer)
    # With another generation nothing of before counts: neither log-ins nor tokens nor a remembered password.
    accounts.update_account(tx, replace(accounts.require(tx, row.account), generation=generation))
    detail = {"account": row.account, "issuer": row.issuer, "subject": row.subject}
    audit.add(tx, by.entry("account.unlink", detail=detail))


def _acceptable(groups: Iterable[str]) -> Iterable[str]:
    """Those that can be groups of ours; what cannot is logged, and is no reason to keep somebody out."""
    for number, group in enumerate(dict.fromkeys(groups)):
        if number >= GROUPS_AT_MOST:
            _log.warning("groups ignored", reason=f"more than {GROUPS_AT_MOST}")
            return
        try:
            yield group_name(group)
        except RequestInvalid:
            _log.warning("group ignored", group=group[:200], reason="not possible as a group's name")
