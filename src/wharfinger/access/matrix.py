"""Who may do what where, and by which grant. Pure.

One row for each account and each grant or deny that counts for it, groups expanded. What a row allows is what
:func:`grants.decide` allows by that grant beside everything that denies always, asked of a repository that only the
grant's own pattern and wider ones are about. A deny of a part (a narrower pattern, some tags, some networks) takes
nothing out of other rows: it is a row of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from wharfinger.access import actions
from wharfinger.access.actions import Action
from wharfinger.access.grants import ANONYMOUS, NOBODY, Grant, Identity, Policy, decide
from wharfinger.access.patterns import Pattern, Reach
from wharfinger.spec.names import RepoName

ALLOW, DENY = "allow", "deny"
_FRESH = "0--------------------0"
"""A part of a repository's name that nobody writes into a pattern."""


@dataclass(frozen=True, slots=True)
class Row:
    """``account`` may (or, where ``effect`` is deny, may not) do ``actions`` in ``where``, because of ``grant``."""

    account: str
    effect: str
    actions: tuple[str, ...]
    where: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class Where:
    """What is looked at: everything, a pattern, or one repository."""

    pattern: Pattern | None = None

    def concerns(self, grant: Grant) -> bool:
        return self.pattern is None or grant.pattern.overlaps(self.pattern)

    def shown(self, grant: Grant) -> Pattern:
        """The narrower of the two, which is what the row is about."""
        if self.pattern is None or self.pattern.contains(grant.pattern):
            return grant.pattern
        return self.pattern


class Matrix:
    """Rows of one moment."""

    def __init__(self, policy: Policy, now: float) -> None:
        self._now = now
        self._by_principal: Mapping[str, list[Grant]] = _by_principal(policy)

    def rows(self, identity: Identity, where: Where) -> Iterator[Row]:
        """Of one account, or of :data:`NOBODY` for what everybody may."""
        mine = [grant for grant in self._of(identity) if grant.is_in_force(self._now)]
        denies = tuple(grant for grant in mine if grant.deny and not grant.tags and not grant.networks)
        for grant in mine:
            if not where.concerns(grant):
                continue
            shown = where.shown(grant)
            if grant.deny:
                yield Row(identity.name, DENY, tuple(actions.ordered(grant.actions)), str(shown), grant)
                continue
            allowed = self._allowed(identity, grant, denies, shown)
            if allowed:
                yield Row(identity.name, ALLOW, tuple(actions.ordered(frozenset(allowed))), str(shown), grant)

    def _of(self, identity: Identity) -> Iterator[Grant]:
        principals = (ANONYMOUS,) if identity is NOBODY else identity.principals
        for principal in principals:
            yield from self._by_principal.get(principal, ())

    def _allowed(self, identity: Identity, grant: Grant, denies: Iterable[Grant], shown: Pattern) -> set[Action]:
        policy = Policy((grant, *denies))
        tag = grant.tags[0].replace("*", _FRESH) if grant.tags else _FRESH
        address = str(grant.networks[0][0]) if grant.networks else ""
        return {
            action
            for action in grant.actions
            if decide(policy, identity, action, sample(shown), tag=tag, now=self._now, address=address).allowed
        }


def sample(pattern: Pattern) -> RepoName:
    """A repository that the pattern is about, and of all other patterns only those that contain this one."""
    match pattern.reach:
        case Reach.EXACT:
            return RepoName(pattern.prefix)
        case Reach.CHILDREN:
            return RepoName(f"{pattern.prefix}/{_FRESH}")
        case Reach.BELOW:
            return RepoName(f"{pattern.prefix}/{_FRESH}/{_FRESH}".removeprefix("/"))


def _by_principal(policy: Policy) -> dict[str, list[Grant]]:
    found: dict[str, list[Grant]] = {}
    for grant in policy.grants:
        found.setdefault(grant.principal, []).append(grant)
    return found
