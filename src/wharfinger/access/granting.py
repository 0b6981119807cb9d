"""Making and removing grants and roles: by whoever administers the pattern, and only of what they hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network

from sqlalchemy import Connection

from wharfinger.access import actions, changes, patterns
from wharfinger.access.account_names import account_name
from wharfinger.access.actions import ROLES, Action
from wharfinger.access.caller import Caller
from wharfinger.access.grants import ANONYMOUS, GROUP, Grant, may_hand_out
from wharfinger.access.groups import group_name
from wharfinger.access.snapshot import Snapshot, grant_of
from wharfinger.errors import AccountUnknown, AlreadyExists, Denied, GrantUnknown, InUse, RequestInvalid
from wharfinger.meta import audit, grants
from wharfinger.meta.db import Database
from wharfinger.meta.grants import GrantRow

TAGS_AT_MOST = 50
NETWORKS_AT_MOST = 50
LATEST = 253_370_764_800.0
"""The year 9999, the last that a date can be in; and what is no number at all is not before it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A grant to be made, as it was written. ``until`` in seconds since the epoch."""

    principal: str
    role: str
    pattern: str
    tags: Sequence[str] = ()
    networks: Sequence[str] = ()
    until: float | None = None
    deny: bool = False


class Granting:
    """Grants and roles; ``changed`` is told of every change that was made."""

    def __init__(self, db: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._db = db
        self._now = now
        self._changed = changed

    async def visible(self, by: Caller) -> list[GrantRow]:
        """The grants on patterns that the caller administers; to an auditor of everything, all."""
        sees_all = by.may(Action.AUDIT) or by.may(Action.ADMIN)
        rows = await self._db.read(grants.every_grant)
        return [row for row in rows if sees_all or row.principal in by.identity.principals or _administers(by, row)]

    async def add(self, by: Caller, wanted: Wanted) -> GrantRow:
        """Make a grant. Raises RequestInvalid, AccountUnknown, Denied, and AlreadyExists for the same again."""
        row = parse(wanted, by.name, self._now())
        made = await self._db.write(self._add, by, row)
        self._changed()
        return made

    async def remove(self, by: Caller, id: int) -> GrantRow:
        """Take it back. Raises GrantUnknown, Denied, and InUse when no administrator would be left."""
        gone = await self._db.write(self._remove, by, id)
        self._changed()
        return gone

    def _add(self, tx: Connection, by: Caller, row: GrantRow) -> GrantRow:
        _, before = changes.begin(tx, by)
        return add_in(tx, before, by, row, self._now())

    def _remove(self, tx: Connection, by: Caller, id: int) -> GrantRow:
        _, before = changes.begin(tx, by)
        row = grants.find_grant(tx, id)
        if row is None:
            raise GrantUnknown(f"grant {id} is not known", id=id)
        require_may_hand_out(before, by, row, self._now())
        with changes.keeping_an_administrator(tx, before, self._now()):
            grants.remove_grant(tx, id)
        audit.add(tx, by.entry("grant.remove", detail={"before": row.told()}))
        return row

    async def roles(self) -> dict[str, list[str]]:
        """Every role and its actions, those that are always there among them."""
        own = await self._db.read(grants.own_roles)
        return {name: actions.ordered(words) for name, words in ROLES.items()} | dict(sorted(own.items()))

    async def put_role(self, by: Caller, name: str, words: Sequence[str]) -> None:
        """Make a role, or change what one that was made allows. Raises RequestInvalid, Denied."""
        chosen = actions.ordered(actions.parse_actions(words))
        if actions.role_name(name) in ROLES:
            raise RequestInvalid(f"the role {name} is always there and cannot be changed: choose another name")
        await self._db.write(self._put_role, by, name, chosen)
        self._changed()

    async def remove_role(self, by: Caller, name: str) -> None:
        """Remove a role that nothing grants. Raises GrantUnknown, or InUse."""
        await self._db.write(self._remove_role, by, name)
        self._changed()

    def _put_role(self, tx: Connection, by: Caller, name: str, words: Sequence[str]) -> None:
        _, before = changes.begin(tx, by)
        was = grants.own_roles(tx).get(name)
        allowed = actions.parse_actions(words)
        changes.require_holds_role(before, by, name, allowed, self._now())
        for grant in before.policy.grants:
            if grant.role == name:
                require_sensible(replace(grant, actions=allowed))
        with changes.keeping_an_administrator(tx, before, self._now()):
            grants.put_role(tx, name, words)
        audit.add(tx, by.entry("role.put", detail={"role": name, "before": was, "after": words}))

    @staticmethod
    def _remove_role(tx: Connection, by: Caller, name: str) -> None:
        changes.begin(tx, by)
        was = grants.own_roles(tx).get(name)
        if was is None:
            raise GrantUnknown(f"role {name} is not known, or is always there", role=name)
        used = [row.id for row in grants.every_grant(tx) if row.role == name]
        if used:
            raise InUse(f"role {name} is granted, for instance by grant {used[0]}: remove that first", grants=used[:10])
        grants.remove_role(tx, name)
        audit.add(tx, by.entry("role.remove", detail={"role": name, "before": was}))


def parse(wanted: Wanted, by: str, now: float) -> GrantRow:
    """The grant that is wanted, as far as it can be checked by itself. Raises RequestInvalid."""
    if len(wanted.tags) > TAGS_AT_MOST or len(wanted.networks) > NETWORKS_AT_MOST:
        raise RequestInvalid(f"a grant has at most {TAGS_AT_MOST} tag patterns and {NETWORKS_AT_MOST} networks")
    if wanted.until is not None and not now < wanted.until < LATEST:
        raise RequestInvalid("the grant would have ended already, or never: want a time to come, before the year 9999")
    return GrantRow(
        id=0,
        principal=_principal(wanted.principal),
        role=wanted.role,
        pattern=str(patterns.parse(wanted.pattern)),
        tags=tuple(dict.fromkeys(patterns.tag_pattern(tag) for tag in wanted.tags)),
        networks=tuple(dict.fromkeys(_network(text) for text in wanted.networks)),
        until=wanted.until,
        deny=wanted.deny,
        created_at=now,
        created_by=by,
    )


def add_in(tx: Connection, before: Snapshot, by: Caller, row: GrantRow, now: float) -> GrantRow:
    """Store a parsed grant in a transaction that began a change. Raises as :meth:`Granting.add` does."""
    if row.role not in before.roles:
        raise RequestInvalid(f"no such role {row.role[:80]!r}: want one of {', '.join(sorted(before.roles))}")
    grant = require_may_hand_out(before, by, row, now)
    _require_principal(tx, before, row.principal)
    require_sensible(grant)
    require_hides_nothing(before, by, grant, now)
    same = next((each for each in grants.every_grant(tx) if _is_same(each, row)), None)
    if same is not None:
        raise AlreadyExists(f"that is granted already, by grant {same.id}", id=same.id)
    with changes.keeping_an_administrator(tx, before, now):
        made = replace(row, id=grants.add_grant(tx, row))
    audit.add(tx, by.entry("grant.add", detail={"after": made.told()}))
    return made


def require_sensible(grant: Grant) -> None:
    """Raise RequestInvalid for what no grant may be."""
    if grant.principal == ANONYMOUS and (grant.deny or not grant.actions <= {Action.PULL}):
        raise RequestInvalid("to anonymous, which is everybody, only pull can be granted: use the role reader")
    if grant.tags and Action.ADMIN in grant.actions:
        raise RequestInvalid("who administers does so whatever the tag: leave the tags out")


def require_hides_nothing(before: Snapshot, by: Caller, deny: Grant, now: float) -> None:
    """Raise Denied for a deny about somebody who administers or audits there by what the caller could not give.

    Or whoever administers one pattern could hide it from those who watch over it, and shut them out for good.
    """
    if not deny.deny:
        return
    watching = frozenset({Action.ADMIN, Action.AUDIT})
    known = [
        each.identity.principals for each in before.accounts.values() if deny.principal in each.identity.principals
    ]
    about = {principal for principals in known for principal in principals}
    held = (
        replace(grant, actions=grant.actions & watching)
        for grant in before.policy.grants
        if grant.principal in about and not grant.deny and grant.actions & watching and grant.is_in_force(now)
    )
    changes.require_holds(before, by, (grant for grant in held if grant.pattern.overlaps(deny.pattern)), now)


def require_may_hand_out(before: Snapshot, by: Caller, row: GrantRow, now: float) -> Grant:
    """The grant, which the caller may make or remove. Raises Denied."""
    grant = grant_of(row, before.roles)
    # On what is true in this transaction, not on what was when the request began.
    identity = before.identity(by.name, by.identity.credential, now, by.identity.generation)
    if identity is None:
        raise Denied(f"{by.name} has changed meanwhile: log in again")
    decision = may_hand_out(before.policy, identity, grant, now, by.origin.address)
    if not decision.allowed:
        raise Denied(decision.reason)
    return grant


def _administers(by: Caller, row: GrantRow) -> bool:
    wanted, limits = patterns.parse(row.pattern), by.identity.limits
    if limits is not None and not limits.contain(Action.ADMIN, wanted):
        return False
    return any(
        Action.ADMIN in held.actions and not held.deny and held.pattern.contains(wanted) and held.is_in_force(by.now)
        for held in by.snapshot.policy.grants
        if held.principal in by.identity.principals
    )


def _principal(text: str) -> str:
    if text == ANONYMOUS:
        return text
    if text.startswith(GROUP):
        return GROUP + group_name(text.removeprefix(GROUP))
    return account_name(text)


def _require_principal(tx: Connection, before: Snapshot, principal: str) -> None:
    if principal.startswith(GROUP):
        if not grants.group_exists(tx, principal.removeprefix(GROUP)):
            raise AccountUnknown(f"{principal} is not known: make it first (wharf group add)", name=principal)
    elif principal != ANONYMOUS and principal not in before.accounts:
        raise AccountUnknown(f"account {principal} is not known: make it first", name=principal)


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise RequestInvalid(f"invalid network {text[:60]!r}: want one like 10.0.0.0/8 ({error})") from error


def _is_same(one: GrantRow, other: GrantRow) -> bool:
    return replace(one, id=0, created_at=0, created_by="") == replace(other, id=0, created_at=0, created_by="")
