"""What a planned change does, in words: who gains or loses what, and where."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wharfinger.access import actions, patterns
from wharfinger.access.actions import ROLES, Actions
from wharfinger.access.grants import ANONYMOUS, GROUP
from wharfinger.access.moments import written
from wharfinger.access.policy_file import Access
from wharfinger.access.policy_things import Group, Issuer, Member, Role, Service, Thing, Trust
from wharfinger.meta.grants import GrantRow
from wharfinger.meta.policies import Stored

NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class World:
    """What effects are judged by: grants as they are and as they will be, and roles and members of both."""

    by_principal: Mapping[str, Sequence[GrantRow]]
    coming: Mapping[str, Sequence[GrantRow]]
    by_role: Mapping[str, Sequence[GrantRow]]
    roles: Mapping[str, Actions]
    members: Mapping[str, Sequence[str]]
    now: float

    @classmethod
    def of(cls, stored: Stored, wanted: Access, now: float) -> "World":
        """The world before the file is applied, which knows the roles that the file makes."""
        own = dict(stored.everything.roles) | dict(wanted.roles or {})
        members: dict[str, list[str]] = {}
        for group, account in (
            *stored.everything.members,
            *((g, a) for g, names in (wanted.groups or {}).items() for a in names),
        ):
            if account not in members.setdefault(group, []):
                members[group].append(account)
        there = stored.everything.grants
        coming = there if wanted.grants is None else wanted.grants
        roles = dict(ROLES) | {name: actions.parse_actions(words) for name, words in own.items()}
        by_principal = _grouped(there, lambda row: row.principal)
        after = _grouped(coming, lambda row: row.principal)
        return cls(by_principal, after, _grouped(there, lambda row: row.role), roles, members, now)

    def actions(self, role: str) -> Actions:
        """What the role allows; nothing when there is none of its name."""
        return self.roles.get(role, frozenset())

    def who(self, principal: str) -> str:
        """The principal, and who that is where it is a group."""
        if principal == ANONYMOUS:
            return "everybody"
        if not principal.startswith(GROUP):
            return principal
        members = self.members.get(principal.removeprefix(GROUP), [])
        return f"{principal} ({_some(members) if members else 'nobody yet'})"


def _grouped(rows: Iterable[GrantRow], key: Callable[[GrantRow], str]) -> dict[str, list[GrantRow]]:
    found: dict[str, list[GrantRow]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def of(before: Thing | None, after: Thing | None, world: World) -> str:
    """The effect of making ``before`` into ``after``."""
    return _EFFECTS[type(after or before)](before, after, world)


def _of_grant(before: Thing | None, after: Thing | None, world: World) -> str:
    row = after or before
    assert isinstance(row, GrantRow), "by its type"
    return _grant(row, world, gains=row.deny is (after is None))


def _of_group(before: Thing | None, after: Thing | None, world: World) -> str:
    match before, after:
        case (Group() as group, None):
            members = world.members.get(group.name, [])
            return f"{_some(members) or 'nobody'} loses {_held(f'{GROUP}{group.name}', world.by_principal)}"
    return "nobody gains anything by the group alone"


def _of_member(before: Thing | None, after: Thing | None, world: World) -> str:
    member = after or before
    assert isinstance(member, Member), "by its type"
    held = _held(f"{GROUP}{member.group}", world.by_principal if after is None else world.coming)
    if after is None:
        return f"{member.account} loses {held}, unless it has it otherwise"
    return f"{member.account} gains {held}"


def _of_service(before: Thing | None, after: Thing | None, world: World) -> str:
    match before, after:
        case (None, Service() as service):
            return f"{service.name} may do this once it has a secret or trust: {_held(service.name, world.coming)}"
        case (Service() as service, None):
            return f"{service.name} loses {_held(service.name, world.by_principal)}, its secrets and its trust"
        case (Service() as was, Service() as is_) if was.disabled != is_.disabled:
            held = _held(is_.name, world.by_principal if is_.disabled else world.coming)
            return f"{is_.name} {'loses' if is_.disabled else 'gains'} {held}; its log-ins end"
    return "nobody gains or loses anything by it; its log-ins end"


def _of_issuer(before: Thing | None, after: Thing | None, world: World) -> str:  # noqa: ARG001
    match before, after:
        case (Issuer() as issuer, None):
            return f"all trust in {issuer.url} goes too"
        case (Issuer(), Issuer()):
            return "tokens of its workloads are checked differently"
    return "nobody gains anything by the issuer alone"


def _of_trust(before: Thing | None, after: Thing | None, world: World) -> str:
    trust = after or before
    assert isinstance(trust, Trust), "by its type"
    verb, rows = ("lose", world.by_principal) if after is None else ("gain", world.coming)
    return f"workloads of {trust.issuer} with these claims {verb} {_held(trust.account, rows)}"


def _grant(row: GrantRow, world: World, *, gains: bool) -> str:
    given = world.actions(row.role)
    covered = [] if row.deny else [each for each in world.by_principal.get(row.principal, ()) if _covers(each, row)]
    others = [each for each in covered if each.id != row.id]
    already = frozenset().union(*(world.actions(each.role) for each in others)) & given
    new = actions.ordered(given - already)
    who, verb = world.who(row.principal), "gains" if gains else "loses"
    also = f" (grant {others[0].id} gives {', '.join(actions.ordered(already))} already)" if already else ""
    if not new:
        return f"{who} {verb} nothing{also}"
    return f"{who} {verb} {', '.join(new)} in {row.pattern}{_limits(row)}{also}"


def _covers(held: GrantRow, row: GrantRow) -> bool:
    """Whether what ``row`` gives is given by ``held`` already, wherever and whenever."""
    return (
        not held.deny
        and not held.tags
        and not held.networks
        and held.until is None
        and patterns.parse(held.pattern).contains(patterns.parse(row.pattern))
    )


def _role(before: Thing | None, after: Thing | None, world: World) -> str:
    was, is_ = (frozenset(getattr(thing, "actions", ())) for thing in (before, after))
    name = getattr(after or before, "name", "")
    rows = world.by_role.get(name, ())
    if not rows:
        return "nobody has it"
    moves = [
        f"{verb} {', '.join(sorted(words))}" for verb, words in (("gains", is_ - was), ("loses", was - is_)) if words
    ]
    holders = _some(f"{world.who(row.principal)} in {row.pattern}" for row in rows)
    return f"{' and '.join(moves) or 'nothing changes'}: {holders}"


def _held(principal: str, rows: Mapping[str, Sequence[GrantRow]]) -> str:
    told = [
        f"{'deny ' if row.deny else ''}{row.role} in {row.pattern}{_limits(row)}" for row in rows.get(principal, ())
    ]
    return _some(told) or "nothing: nothing is granted to it"


def words(thing: Thing) -> str:
    """The thing, in one line."""
    return _WORDS[type(thing)](thing)


def _service_words(service: Service) -> str:
    owner = f" of {service.owner}" if service.owner else " without an owner"
    return f"service account {service.name}{owner}{', disabled' if service.disabled else ''}"


def _trust_words(trust: Trust) -> str:
    claims = ", ".join(f"{name}={'|'.join(values)}" for name, values in trust.values.items())
    return f"trust in {trust.issuer} as {trust.account} where {claims}"


def _grant_words(row: GrantRow) -> str:
    number = f" {row.id}" if row.id else ""
    return f"{'deny' if row.deny else 'grant'}{number}: {row.principal} {row.role} on {row.pattern}{_limits(row)}"


_WORDS: Mapping[type, Callable[[Any], str]] = {
    Role: lambda role: f"role {role.name}: {', '.join(role.actions)}",
    Group: lambda group: f"group {group.name}",
    Member: lambda member: f"{member.account} in group {member.group}",
    Service: _service_words,
    Issuer: lambda issuer: f"issuer {issuer.url} for {issuer.audience}{', keys given' if issuer.jwks else ''}",
    Trust: _trust_words,
    GrantRow: _grant_words,
}


def _limits(row: GrantRow) -> str:
    parts = []
    if row.tags:
        parts.append(f" for tags {', '.join(row.tags)}")
    if row.networks:
        parts.append(f" from {', '.join(row.networks)}")
    if row.until is not None:
        parts.append(f" until {written(row.until)}")
    return "".join(parts)


def _some(names: Iterable[str]) -> str:
    told = list(names)
    more = f" and {len(told) - NAMED_AT_MOST} more" if len(told) > NAMED_AT_MOST else ""
    return f"{', '.join(told[:NAMED_AT_MOST])}{more}"


_EFFECTS: Mapping[type, Callable[[Thing | None, Thing | None, World], str]] = {
    Role: _role,
    Group: _of_group,
    Member: _of_member,
    Service: _of_service,
    Issuer: _of_issuer,
    Trust: _of_trust,
    GrantRow: _of_grant,
}
