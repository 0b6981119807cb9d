"""Who may do what: a pure decision over grants, which says what grant made it.

A grant lets a principal do a role's actions in the repositories of a pattern; a deny forbids them and beats every
grant; what nothing allows is not allowed. Principals are accounts (``ci-shop``), groups (``group:shop-devs``) and
``anonymous``, which is everybody: what is granted to it is public.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

from wharfinger.access import patterns
from wharfinger.access.actions import Action, Actions
from wharfinger.access.patterns import Pattern, Reach
from wharfinger.spec.names import RepoName

ANONYMOUS = "anonymous"
GROUP = "group:"
SOME_TAG = "*"
"""Where a request's tag would be, to ask whether there may be one that is allowed."""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant, or one deny.

    ``tags`` limit it to requests that name such a tag; what names no tag (blobs, content by digest) it lets through
    for pull and push, and for nothing else. ``until`` is in seconds since the epoch. ``networks`` are those from which
    it counts; none is all.
    """

    id: int
    principal: str
    role: str
    pattern: Pattern
    actions: Actions
    tags: tuple[str, ...] = ()
    until: float | None = None
    networks: tuple[Network, ...] = ()
    deny: bool = False

    def __str__(self) -> str:
        words = [
            "deny" if self.deny else "grant",
            str(self.id) + ":",
            self.principal,
            self.role,
            "on",
            str(self.pattern),
        ]
        if self.tags:
            words += ["tags", ",".join(self.tags)]
        if self.networks:
            words += ["from", ",".join(str(network) for network in self.networks)]
        return " ".join(words)

    def is_in_force(self, now: float) -> bool:
        """Whether it has not run out."""
        return self.until is None or now < self.until

    def covers_address(self, address: str) -> bool:
        """Whether it counts for requests from there; of what is no address, a deny always does and a grant never."""
        if not self.networks:
            return True
        try:
            ip = ip_address(address)
        except ValueError:
            return self.deny
        ip = getattr(ip, "ipv4_mapped", None) or ip
        return any(ip in network for network in self.networks)

    def covers_tag(self, tag: str | None, action: Action) -> bool:
        """Whether it is about this tag; or, where none is named, about content as such."""
        if not self.tags:
            return True
        if tag == SOME_TAG:
            return not self.deny
        if tag is None:
            return not self.deny and action in {Action.PULL, Action.PUSH}
        return any(patterns.tag_matches(pattern, tag) for pattern in self.tags)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a personal token is narrowed to: its owner's permissions, and of them only these."""

    patterns: tuple[Pattern, ...]
    actions: Actions

    def allow(self, action: Action, repository: RepoName | None) -> bool:
        """Whether it is within them; the registry as a whole is only within those that have ``**``."""
        if action not in self.actions:
            return False
        if repository is None:
            return patterns.EVERYTHING in self.patterns
        return any(pattern.matches(repository) for pattern in self.patterns)

    def contain(self, action: Action, pattern: Pattern) -> bool:
        """Whether it is within them for every repository of the pattern."""
        return action in self.actions and any(each.contains(pattern) for each in self.patterns)


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who has proved who it is, or ``anonymous``.

    ``principals`` are the account and its groups. ``credential`` says by what: ``password``, ``ldap``, ``oidc``,
    ``secret:<id>``, ``token:<id>``, ``trust:<id>``, ``login``; ``generation`` changes with the account's password and
    its disabling.
    """

    name: str
    principals: tuple[str, ...]
    generation: int = 0
    limits: Limits | None = None
    credential: str = ""


NOBODY = Identity(ANONYMOUS, ())


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether; by which grant, if it was one; and why, in words that may be shown to whoever asked."""

    allowed: bool
    grant: Grant | None
    reason: str


def _yes(grant: Grant | None, reason: str) -> Decision:
    return Decision(allowed=True, grant=grant, reason=reason)


def _no(grant: Grant | None, reason: str) -> Decision:
    return Decision(allowed=False, grant=grant, reason=reason)


@dataclass(frozen=True, slots=True)
class Policy:
    """Every grant, to be looked up by principal and pattern."""

    grants: tuple[Grant, ...] = ()
    _index: Mapping[tuple[str, str], tuple[Grant, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[tuple[str, str], tuple[Grant, ...]] = {}
        for grant in self.grants:
            key = grant.principal, str(grant.pattern)
            index[key] = (*index.get(key, ()), grant)
        object.__setattr__(self, "_index", index)

    def about(self, principals: Iterable[str], repository: RepoName | None) -> Iterator[Grant]:
        """The grants of these principals whose pattern matches, the narrowest pattern first.

        ``repository`` None is the registry as a whole, which only ``**`` is about.
        """
        index, names = self._index, tuple(principals)
        for pattern in ("**",) if repository is None else patterns.candidates(repository):
            for name in names:
                yield from index.get((name, pattern), ())


def prefixes(policy: Policy, identity: Identity, action: Action) -> list[str]:
    """What the names of all repositories begin with where ``identity`` may do ``action``: in order, none in another.

    Some that begin so may still be denied: this narrows a search and decides nothing.
    """
    who = {*identity.principals, ANONYMOUS}
    found = sorted(
        grant.pattern.prefix + ("/" if grant.pattern.reach is not Reach.EXACT and grant.pattern.prefix else "")
        for grant in policy.grants
        if not grant.deny and grant.principal in who and action in grant.actions
    )
    outermost: list[str] = []
    for prefix in found:
        if not outermost or not prefix.startswith(outermost[-1]):
            outermost.append(prefix)
    return outermost


def decide(
    policy: Policy,
    identity: Identity,
    action: Action,
    repository: RepoName | None = None,
    *,
    tag: str | None = None,
    now: float,
    address: str = "",
) -> Decision:
    """Whether ``identity`` may do ``action`` in ``repository``, or to the registry as a whole.

    Everybody may also do what ``anonymous`` may, unless a deny is about them.
    """
    where = f" in {repository}" if repository else ""
    if identity.limits is not None and not identity.limits.allow(action, repository):
        return _no(None, f"the token that {identity.name} came with is not for {action}{where}")
    own = _first(policy, identity.principals, action, repository, tag, now, address)
    if own is None:
        own = _first(policy, (ANONYMOUS,), action, repository, tag, now, address)
    if own is None:
        return _no(None, f"nothing lets {identity.name} {action}{where}")
    if own.deny:
        return _no(own, f"{identity.name} may not {action}{where}: {own}")
    return _yes(own, f"{own}")


def _first(
    policy: Policy,
    principals: tuple[str, ...],
    action: Action,
    repository: RepoName | None,
    tag: str | None,
    now: float,
    address: str,
) -> Grant | None:
    """The deny that decides, else the grant of the narrowest pattern, else None."""
    found: Grant | None = None
    for grant in policy.about(principals, repository):
        if (
            action in grant.actions
            and grant.is_in_force(now)
            and grant.covers_tag(tag, action)
            and grant.covers_address(address)
        ):
            if grant.deny:
                return grant
            found = found or grant
    return found


def may_hand_out(policy: Policy, giver: Identity, grant: Grant, now: float, address: str = "") -> Decision:
    """Whether ``giver`` may make or remove ``grant``: who has ``admin`` on a pattern may, within it, for what it holds.

    A grant of the giver's that is limited to tags gives nothing away; one that runs out may be passed on until then,
    and one that counts from some networks for these and parts of them.
    A deny about the giver anywhere in the pattern takes the actions that it forbids out of what may be given.
    """
    for action in (Action.ADMIN, *sorted(grant.actions)):
        if giver.limits is not None and not giver.limits.contain(action, grant.pattern):
            return _no(None, f"the token that {giver.name} came with is not for {action} on {grant.pattern}")
        holds = _holds(policy, giver, action, grant, now, address)
        if not holds.allowed:
            return holds
    return _yes(None, f"{giver.name} administers {grant.pattern}")


def _holds(policy: Policy, giver: Identity, action: Action, wanted: Grant, now: float, address: str) -> Decision:
    own = [g for g in policy.grants if g.principal in giver.principals and action in g.actions and g.is_in_force(now)]
    for held in own:
        if held.deny and held.pattern.overlaps(wanted.pattern):
            return _no(held, f"{giver.name} may not {action} everywhere on {wanted.pattern}: {held}")
    for held in own:
        if not held.deny and held.covers_address(address) and _passes_on(held, wanted):
            return _yes(held, str(held))
    return _no(None, f"{giver.name} does not hold {action} on all of {wanted.pattern} to give it")


def _passes_on(held: Grant, wanted: Grant) -> bool:
    """Whether all that ``wanted`` lets somebody do, ever and from anywhere, ``held`` lets its owner do."""
    outlasts = held.until is None or (wanted.until is not None and wanted.until <= held.until)
    return outlasts and not held.tags and held.pattern.contains(wanted.pattern) and _lie_within(wanted, held)


def _lie_within(wanted: Grant, held: Grant) -> bool:
    if not held.networks:
        return True
    return bool(wanted.networks) and all(any(_is_part(one, of) for of in held.networks) for one in wanted.networks)


def _is_part(one: Network, of: Network) -> bool:
    return one.version == of.version and one.network_address in of and one.broadcast_address in of
