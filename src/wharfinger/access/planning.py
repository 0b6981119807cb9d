"""What would become different if a policy file were applied: a pure comparison of the file with what is.

A section that the file has (roles, groups, service_accounts, grants, issuers, trust) it owns: what is there and not in
the file is to be removed, which is shown always and done only with ``prune``. A section that it leaves out is not
looked at. Memberships that an identity provider made are nobody's to plan.
"""

import hashlib
import json
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from wharfinger.access import actions, effects
from wharfinger.access import claims as rules
from wharfinger.access.actions import ROLES
from wharfinger.access.effects import World
from wharfinger.access.grants import ANONYMOUS, GROUP
from wharfinger.access.policy_file import Access
from wharfinger.access.policy_reading import Problem
from wharfinger.access.policy_things import NOUNS, Group, Issuer, Member, Role, Service, Thing, Trust, detail, noun
from wharfinger.meta.accounts import PERSON, SERVICE
from wharfinger.meta.grants import GrantRow
from wharfinger.meta.policies import Stored

T = TypeVar("T")

_PLACEHOLDER = re.compile(r"<[^<>]*>")


class Kind(StrEnum):
    """What a change does."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that becomes different. ``before`` is None for what is added, ``after`` for what is removed.

    ``id`` is the number of the grant or trust rule that is removed. ``effect`` says who gains or loses what, where.
    """

    kind: Kind
    before: Thing | None
    after: Thing | None
    text: str
    effect: str
    id: int = 0

    @property
    def thing(self) -> Thing:
        """What it is about, as it will be, or as it was."""
        found = self.after or self.before
        assert found is not None, "a change has one side at least"
        return found

    @property
    def noun(self) -> str:
        return noun(self.thing)


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, in the order in which they are made; and what stands against it.

    ``kept`` are the removals that are not made because ``prune`` was not said. ``hash`` is of what is, of the file's
    meaning and of the changes: while it is the same, applying does what was shown. ``sections`` are those beside
    ``access`` that change, by their words, as they will be.
    """

    revision: int
    prune: bool
    changes: tuple[Change, ...]
    kept: tuple[Change, ...]
    problems: tuple[Problem, ...]
    hash: str
    sections: Mapping[str, str] = field(default_factory=dict)


def present(stored: Stored) -> Access:
    """What is, as a file would say it: the whole of it."""
    everything = stored.everything
    members: dict[str, list[str]] = {name: [] for name in stored.groups}
    for group, account in stored.local_members:
        members[group].append(account)
    return Access(
        roles={name: _ordered(words) for name, words in sorted(everything.roles.items())},
        groups={name: tuple(names) for name, names in sorted(members.items())},
        services={a.name: Service(a.name, a.owner, a.disabled) for a in everything.accounts if a.kind == SERVICE},
        grants=tuple({_meaning(row): row for row in reversed(everything.grants)}.values())[::-1],
        issuers={row.url: Issuer(row.url, row.audience, _jwks(row.jwks), row.private) for row in everything.issuers},
        trusts=tuple(dict.fromkeys(_trust(row.issuer, row.account, row.claims) for row in everything.trusts)),
    )


def _ordered(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(actions.ordered(actions.parse_actions(words)))


def plan(wanted: Access, stored: Stored, *, prune: bool, now: float) -> Plan:
    """What applying the file would change, and what stands against it."""
    there = present(stored)
    found = sorted(_differences(wanted, there, stored), key=_order)
    world = World.of(stored, wanted, now)
    changes = [replace(change, effect=effects.of(change.before, change.after, world)) for change in found]
    made = tuple(change for change in changes if prune or change.kind is not Kind.REMOVE)
    kept = tuple(change for change in changes if not prune and change.kind is Kind.REMOVE)
    problems = tuple(_problems(wanted, there, stored, made, now))
    return Plan(stored.everything.revision, prune, made, kept, problems, _hash(stored, made, kept, prune))


# --- what is different


def _differences(wanted: Access, there: Access, stored: Stored) -> Iterator[Change]:
    yield from _by_name(wanted.roles, there.roles or {}, Role)
    yield from _by_name(wanted.services, there.services or {}, lambda _, service: service)
    yield from _by_name(wanted.issuers, there.issuers or {}, lambda _, issuer: issuer)
    if wanted.groups is not None:
        yield from _groups(wanted.groups, there.groups or {})
    if wanted.grants is not None:
        yield from _grants(wanted.grants, stored.everything.grants)
    if wanted.trusts is not None:
        yield from _trusts(wanted.trusts, stored)


def _by_name(
    wanted: Mapping[str, T] | None, there: Mapping[str, T], make: Callable[[str, T], Thing]
) -> Iterator[Change]:
    if wanted is None:
        return
    for name, value in wanted.items():
        if name not in there:
            yield _add(make(name, value))
        elif there[name] != value:
            yield _change(make(name, there[name]), make(name, value))
    for name, value in there.items():
        if name not in wanted:
            yield _remove(make(name, value))


def _groups(wanted: Mapping[str, tuple[str, ...]], there: Mapping[str, tuple[str, ...]]) -> Iterator[Change]:
    for name, members in wanted.items():
        if name not in there:
            yield _add(Group(name))
        before = set(there.get(name, ()))
        yield from (_add(Member(name, each)) for each in members if each not in before)
        yield from (_remove(Member(name, each)) for each in sorted(before - set(members)))
    yield from (_remove(Group(name)) for name in there if name not in wanted)


def _grants(wanted: Iterable[GrantRow], there: Iterable[GrantRow]) -> Iterator[Change]:
    asked = {_meaning(row): row for row in wanted}
    found: set[Hashable] = set()
    for row in there:
        if _meaning(row) in asked:
            found.add(_meaning(row))
        else:
            yield _remove(row, id=row.id)
    yield from (_add(row) for meaning, row in asked.items() if meaning not in found)


def _meaning(row: GrantRow) -> Hashable:
    """What two grants have in common that say the same."""
    tags, networks = frozenset(row.tags), frozenset(row.networks)
    return row.principal, row.role, row.pattern, tags, networks, row.until, row.deny


def _trusts(wanted: Iterable[Trust], stored: Stored) -> Iterator[Change]:
    rows = [(_trust(row.issuer, row.account, row.claims), row.id) for row in stored.everything.trusts]
    asked, found = dict.fromkeys(wanted), {trust for trust, _ in rows}
    yield from (_add(trust) for trust in asked if trust not in found)
    yield from (_remove(trust, id=id) for trust, id in rows if trust not in asked)


def _trust(issuer: str, account: str, claims: Mapping[str, object]) -> Trust:
    return Trust(issuer, account, json.dumps(rules.normal(claims), sort_keys=True))  # type: ignore[arg-type]


def _jwks(text: str | None) -> str | None:
    return None if text is None else json.dumps(json.loads(text), sort_keys=True)


def _add(thing: Thing) -> Change:
    return Change(Kind.ADD, None, thing, effects.words(thing), "")


def _change(before: Thing, after: Thing) -> Change:
    return Change(Kind.CHANGE, before, after, f"{effects.words(after)}, before: {effects.words(before)}", "")


def _remove(thing: Thing, id: int = 0) -> Change:
    return Change(Kind.REMOVE, thing, None, effects.words(thing), "", id)


_NOUN_ORDER = ("role", "service_account", "group", "member", "issuer", "trust", "grant")


def _order(change: Change) -> tuple[int, int]:
    """What others refer to is made first and removed last."""
    place = _NOUN_ORDER.index(change.noun)
    return (1, -place) if change.kind is Kind.REMOVE else (0, place)


# --- what stands against it


def _problems(
    wanted: Access, there: Access, stored: Stored, changes: Iterable[Change], now: float
) -> Iterator[Problem]:
    after = _After.of(wanted, there, stored, changes)
    new = {id(change.after) for change in changes}
    for path, said in (
        *_wrong_people(wanted, after),
        *_wrong_grants(wanted, after, new, now),
        *_wrong_trusts(wanted, after),
    ):
        yield Problem(wanted.places.get(path), path, said)


def _wrong_people(wanted: Access, after: "_After") -> Iterator[tuple[str, str]]:
    for name, members in (wanted.groups or {}).items():
        for member in members:
            if member not in after.accounts:
                yield f"access.groups.{name}", f"{member} is not known: people are made by 'wharf users add'"
    for i, service in enumerate((wanted.services or {}).values()):
        if service.name in after.people:
            yield f"access.service_accounts[{i}].name", f"{service.name} is a person's account"
        if service.owner is not None and service.owner not in after.people:
            yield f"access.service_accounts[{i}].owner", f"{service.owner} is no person's account"


def _wrong_grants(wanted: Access, after: "_After", new: set[int], now: float) -> Iterator[tuple[str, str]]:
    for i, row in enumerate(wanted.grants or ()):
        yield from ((f"access.grants[{i}].{key}", said) for key, said in after.wrong_grant(row))
        if row.until is not None and row.until <= now and id(row) in new:
            yield f"access.grants[{i}].until", "the grant would have ended already: want a time to come"


def _wrong_trusts(wanted: Access, after: "_After") -> Iterator[tuple[str, str]]:
    for i, issuer in enumerate((wanted.issuers or {}).values()):
        if _PLACEHOLDER.search(issuer.audience):
            yield f"access.issuers[{i}].audience", _placeholder(issuer.audience)
    for i, trust in enumerate(wanted.trusts or ()):
        yield from ((f"access.trust[{i}].{key}", said) for key, said in after.wrong_trust(trust))


def _placeholder(text: str) -> str:
    return f"{text[:80]!r} is still the placeholder: put the value in its place"


@dataclass(frozen=True, slots=True)
class _After:
    """What there will be."""

    people: frozenset[str]
    services: frozenset[str]
    groups: frozenset[str]
    roles: frozenset[str]
    issuers: frozenset[str]

    @classmethod
    def of(cls, wanted: Access, there: Access, stored: Stored, changes: Iterable[Change]) -> "_After":
        removed = [change.before for change in changes if change.kind is Kind.REMOVE]
        gone = {(NOUNS[type(thing)], getattr(thing, "name", getattr(thing, "url", ""))) for thing in removed}

        def names(noun: str, field: str) -> frozenset[str]:
            both = {*(getattr(wanted, field) or ()), *getattr(there, field)}
            return frozenset(name for name in both if (noun, name) not in gone)

        return cls(
            people=frozenset(a.name for a in stored.everything.accounts if a.kind == PERSON),
            services=names("service_account", "services"),
            groups=names("group", "groups"),
            roles=names("role", "roles") | frozenset(ROLES),
            issuers=names("issuer", "issuers"),
        )

    @property
    def accounts(self) -> frozenset[str]:
        return self.people | self.services

    def wrong_grant(self, row: GrantRow) -> Iterator[tuple[str, str]]:
        """(key, what is wrong with it)."""
        if row.role not in self.roles:
            yield "role", f"no such role {row.role}: want one of {', '.join(sorted(self.roles))}"
        group = row.principal.removeprefix(GROUP)
        if row.principal.startswith(GROUP):
            if group not in self.groups:
                yield "principal", f"there is no group {group}: add it under groups"
        elif row.principal != ANONYMOUS and row.principal not in self.accounts:
            yield "principal", f"{row.principal} is not known: add it under service_accounts, or 'wharf users add' it"

    def wrong_trust(self, trust: Trust) -> Iterator[tuple[str, str]]:
        """(key, what is wrong with it)."""
        if trust.issuer not in self.issuers:
            yield "issuer", f"{trust.issuer} is not known: add it under issuers"
        if trust.account not in self.services:
            yield "account", f"{trust.account} is no service account: add it under service_accounts"
        for name, values in trust.values.items():
            if any(_PLACEHOLDER.search(value) for value in values):
                yield f"claims.{name}", _placeholder(values[0])


def _hash(stored: Stored, made: Iterable[Change], kept: Iterable[Change], prune: bool) -> str:
    everything = stored.everything
    facts = {
        "accounts": [(a.name, a.kind, a.disabled, a.owner) for a in everything.accounts],
        "members": everything.members,
        "local": stored.local_members,
        "groups": stored.groups,
        "roles": everything.roles,
        "grants": [(row.id, *_plain(row)) for row in everything.grants],
        "issuers": [asdict(row) for row in everything.issuers],
        "trusts": [(row.id, row.issuer, row.account, rules.normal(row.claims)) for row in everything.trusts],
        "changes": [(c.kind, c.noun, c.id, _bare(c.before), _bare(c.after)) for c in (*made, *kept)],
        "prune": prune,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=list).encode()).hexdigest()


def _plain(row: GrantRow) -> tuple[object, ...]:
    return row.principal, row.role, row.pattern, row.tags, row.networks, row.until, row.deny


def _bare(thing: Thing | None) -> object:
    """What a change says, without when it would be made."""
    return None if thing is None else detail(thing)
