"""Why the answer is what it is, and what would change it. Pure.

Every answer here, also to "and if that were different?", comes from :func:`grants.decide` over a policy that differs in
that one thing: there is no second opinion on who may do what.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from shlex import quote

from wharfinger.access import patterns
from wharfinger.access.actions import Action, Actions
from wharfinger.access.grants import (
    ANONYMOUS,
    GROUP,
    NOBODY,
    SOME_TAG,
    Decision,
    Grant,
    Identity,
    Policy,
    decide,
)
from wharfinger.access.moments import written
from wharfinger.spec.names import RepoName

NEAR_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class Question:
    """May they do it: ``repository`` None is the registry as a whole, ``tag`` None content as such."""

    action: Action
    repository: RepoName | None = None
    tag: str | None = None
    address: str = ""
    now: float = 0.0

    @property
    def where(self) -> str:
        if self.repository is None:
            return "the registry as a whole"
        return f"{self.repository}:{self.tag}" if self.tag else self.repository


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom it is about. ``identity`` is what they are when they are let in; ``barred`` says why they are not."""

    name: str
    identity: Identity
    barred: str = ""
    enable: str = ""

    @classmethod
    def anonymous(cls) -> "Subject":
        return cls(ANONYMOUS, NOBODY)


@dataclass(frozen=True, slots=True)
class World:
    """What the question is asked of."""

    policy: Policy
    roles: Mapping[str, Actions]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Near:
    """Something that would change the answer. ``aspect`` is role, pattern, tag, time, network, deny, group, account."""

    aspect: str
    grant: Grant | None
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer, the grant behind it, what would change it, and the commands that would: the narrowest there are.

    Where the answer is yes, ``commands`` are empty.
    """

    allowed: bool
    grant: Grant | None
    reason: str
    near: tuple[Near, ...]
    commands: tuple[str, ...]


def answer(world: World, subject: Subject, question: Question) -> Decision:
    """May they? Whoever is not let in may do what nobody else needs to be let in for: nothing, under their name."""
    if subject.barred:
        return Decision(allowed=False, grant=None, reason=subject.barred)
    return _decide(world.policy, subject.identity, question)


def explain(world: World, subject: Subject, question: Question) -> Explanation:
    """The answer, why, and what would make it another."""
    decision = answer(world, subject, question)
    if decision.allowed:
        near = tuple(_doubts(world, subject, question, decision))
        return Explanation(allowed=True, grant=decision.grant, reason=decision.reason, near=near, commands=())
    near = tuple(_hopes(world, subject, question, decision))
    return Explanation(
        allowed=False,
        grant=decision.grant,
        reason=decision.reason,
        near=near,
        commands=tuple(_commands(world, subject, question)),
    )


def _decide(policy: Policy, identity: Identity, question: Question) -> Decision:
    return decide(
        policy,
        identity,
        question.action,
        question.repository,
        tag=question.tag,
        now=question.now,
        address=question.address,
    )


def _without(policy: Policy, gone: Iterable[Grant]) -> Policy:
    ids = {id(grant) for grant in gone}
    return Policy(tuple(grant for grant in policy.grants if id(grant) not in ids))


def _about(world: World, identity: Identity) -> list[Grant]:
    """The grants and denies that count for somebody, those to everybody among them."""
    who = {*identity.principals, ANONYMOUS}
    return [grant for grant in world.policy.grants if grant.principal in who]


# --- what would make a yes a no


def _doubts(world: World, subject: Subject, question: Question, decision: Decision) -> Iterator[Near]:
    grant = decision.grant
    if grant is None:
        return
    other = _decide(_without(world.policy, [grant]), subject.identity, question)
    if other.allowed:
        yield Near("grant", other.grant, f"without it still allowed, by {other.grant}")
    else:
        yield Near("grant", grant, f"'wharf grant rm {grant.id}' would end it: no other grant allows it")
    if grant.until is not None:
        yield Near("time", grant, f"it ends {_when(grant.until)}")
    if grant.networks:
        yield Near("network", grant, f"it counts only from {_listed(grant.networks)}")
    if grant.tags:
        yield Near("tag", grant, f"it counts only for tags {_listed(grant.tags)}")
    if grant.principal.startswith(GROUP):
        yield Near("group", grant, f"it comes with being in {grant.principal}")
    if grant.principal == ANONYMOUS:
        yield Near("account", grant, "it is allowed to everybody")


# --- what would make a no a yes


def _hopes(world: World, subject: Subject, question: Question, decision: Decision) -> Iterator[Near]:
    if subject.barred:
        inside = _decide(world.policy, subject.identity, question)
        told = f"otherwise allowed, by {inside.grant}" if inside.allowed else f"and otherwise: {inside.reason}"
        yield Near("account", inside.grant, told)
        return
    if decision.grant is not None:
        denies = blocking(world, subject, question)
        behind = _decide(_without(world.policy, denies), subject.identity, question)
        then = f"allowed, by {behind.grant}" if behind.allowed else "still not allowed: nothing grants it"
        yield from (Near("deny", deny, f"in the way: {deny}; without what denies it, {then}") for deny in denies)
        if behind.allowed:
            return  # another grant would be denied in the same way
    found = sorted(_misses(world, subject, question), key=lambda near: _distance(near, question))
    yield from found[:NEAR_AT_MOST]
    yield from _by_groups(world, subject, question)


def blocking(world: World, subject: Subject, question: Question) -> list[Grant]:
    """Every deny that says no to this question, by asking again without those that were found."""
    found: list[Grant] = []
    while True:
        decision = _decide(_without(world.policy, found), subject.identity, question)
        if decision.allowed or decision.grant is None:
            return found
        found.append(decision.grant)


def _misses(world: World, subject: Subject, question: Question) -> Iterator[Near]:
    """The grants that would allow it but for one thing."""
    for grant in _about(world, subject.identity):
        if grant.deny:
            continue
        for aspect, eased, told in _eased(grant, question):
            if _decide(Policy((eased,)), subject.identity, question).allowed:
                yield Near(aspect, grant, f"{grant}: {told}")


def _eased(grant: Grant, question: Question) -> Iterator[tuple[str, Grant, str]]:
    """(what, the grant with that eased, why it does not match), for each thing in which a grant can be too narrow."""
    if question.action not in grant.actions:
        yield (
            "role",
            replace(grant, actions=grant.actions | {question.action}),
            f"{grant.role} may not {question.action}",
        )
    if grant.pattern != patterns.EVERYTHING:
        told = f"is not about {question.repository or 'the registry as a whole'}"
        yield "pattern", replace(grant, pattern=patterns.EVERYTHING), told
    if grant.tags:
        asked = f"not {question.tag}" if question.tag else f"and {question.action} here names no tag"
        yield "tag", replace(grant, tags=()), f"only for tags {_listed(grant.tags)}, {asked}"
    if grant.until is not None:
        yield "time", replace(grant, until=None), f"ended {_when(grant.until)}"
    if grant.networks:
        here = question.address or "an unknown address"
        yield "network", replace(grant, networks=()), f"only from {_listed(grant.networks)}, not from {here}"


def _by_groups(world: World, subject: Subject, question: Question) -> Iterator[Near]:
    """The groups in which they would be allowed to; nobody is in a group who is everybody."""
    if subject.name == ANONYMOUS:
        return
    told = 0
    for group in world.groups:
        principal = f"{GROUP}{group}"
        if principal in subject.identity.principals or told >= NEAR_AT_MOST:
            continue
        member = replace(subject.identity, principals=(*subject.identity.principals, principal))
        decision = _decide(world.policy, member, question)
        if decision.allowed:
            told += 1
            command = f"wharf group join {quote(group)} {quote(subject.name)}"
            yield Near("group", decision.grant, f"whoever is in {principal} may, by {decision.grant}: '{command}'")


def _distance(near: Near, question: Question) -> tuple[int, int]:
    """The nearest first: of several patterns, those that share most of the name."""
    prefix = near.grant.pattern.prefix if near.grant else ""
    shared = 0
    for ours, theirs in zip(prefix.split("/"), (question.repository or "").split("/"), strict=False):
        if ours != theirs:
            break
        shared += 1
    return (near.aspect == "pattern", -shared)


# --- the narrowest way to a yes


def _commands(world: World, subject: Subject, question: Question) -> Iterator[str]:
    denies = [] if subject.barred and not subject.enable else blocking(world, subject, question)
    if subject.barred:
        if not subject.enable:
            return
        yield subject.enable
    behind = _decide(_without(world.policy, denies), subject.identity, question)
    grant = None if behind.allowed else narrowest(world, subject, question)
    if not behind.allowed and grant is None:
        return
    for deny in _necessary(world, subject, question, denies, grant):
        yield f"wharf grant rm {deny.id}"
    if grant is not None:
        yield command(grant)


def _necessary(
    world: World, subject: Subject, question: Question, denies: list[Grant], grant: Grant | None
) -> list[Grant]:
    """Those of the denies without whose removal the grant is not enough; one of everybody's yields to an own grant."""
    keep = denies
    for deny in denies:
        fewer = [each for each in keep if each is not deny]
        policy = _without(world.policy, fewer)
        with_grant = policy if grant is None else Policy((*policy.grants, grant))
        if _decide(with_grant, subject.identity, question).allowed:
            keep = fewer
    return keep


def narrowest(world: World, subject: Subject, question: Question) -> Grant | None:
    """The least that can be granted to allow it; None where nothing can: everybody may only ever pull."""
    able = [(len(actions), name) for name, actions in world.roles.items() if question.action in actions]
    if subject.name == ANONYMOUS:
        able = [each for each in able if world.roles[each[1]] <= {Action.PULL}]
    if not able:
        return None
    role = min(able)[1]
    pattern = patterns.EVERYTHING if question.repository is None else patterns.parse(question.repository)
    takes_tags = question.tag not in {None, SOME_TAG} and Action.ADMIN not in world.roles[role]
    tags = (question.tag,) if takes_tags and question.tag is not None else ()
    return Grant(0, subject.name, role, pattern, world.roles[role], tags)


def command(grant: Grant) -> str:
    """The command that makes the grant."""
    words = ["wharf grant add", quote(grant.principal), grant.role, quote(str(grant.pattern))]
    for tag in grant.tags:
        words += ["--tags", quote(tag)]
    for network in grant.networks:
        words += ["--from", str(network)]
    if grant.until is not None:
        words += ["--until", _when(grant.until)]
    if grant.deny:
        words.append("--deny")
    return " ".join(words)


def _when(seconds: float) -> str:
    """To the second: no command takes more than that."""
    return written(float(int(seconds)))


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)
