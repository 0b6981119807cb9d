"""Rules and policies: the lifecycle language as values."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from wharfinger.lifecycle.conditions import Group
from wharfinger.select.selectors import WIDE, Narrowness, Selector

Action = Literal["keep", "delete", "untag"]
Mode = Literal["active", "observe"]


@dataclass(frozen=True, slots=True)
class Label:
    """What verdicts call a rule: ``rule``, and in ``words`` also where it stands if it has a name of its own."""

    rule: str
    words: str


@dataclass(frozen=True)
class Rule:
    """What to do with what a group selects. ``name`` is what verdicts call it; without, they say ``policy/number``."""

    action: Action
    group: Group
    name: str | None = None


@dataclass(frozen=True)
class Policy:
    """An ordered list of rules, of which the first that matches an image decides, for some repositories.

    ``binding`` rules come before those of every policy that is not; ``observe`` plans and reports only. ``ceiling`` is
    how much of a repository a run may take, in percent; ``schedule`` when runs begin by themselves, as cron has it;
    ``trash`` for how many microseconds what was deleted can come back; ``brownout`` for how many before that it can
    still be pulled, and stays if it is.
    """

    name: str
    repositories: Selector
    rules: tuple[Rule, ...]
    binding: bool = False
    mode: Mode = "active"
    ceiling: int | None = None
    schedule: str | None = None
    trash: int | None = None
    brownout: int | None = None

    def labelled(self) -> Iterator[tuple[Label, Rule]]:
        """Each rule with what verdicts call it."""
        for number, rule in enumerate(self.rules, start=1):
            place = f"{self.name}/{number}"
            yield Label(place, place) if rule.name is None else Label(rule.name, f"{rule.name} ({place})"), rule


Policies = tuple[Policy, ...]


def active(policies: Policies) -> Policies:
    """Those that act, and do not only observe."""
    return tuple(policy for policy in policies if policy.mode == "active")


CEILING = 20
"""Percent of a repository that a run may take where no policy says otherwise."""


def ceiling(policies: Iterable[Policy], repository: str) -> int:
    """The lowest that a policy for the repository states."""
    stated = (each.ceiling for each in policies if each.ceiling is not None and each.repositories.matches(repository))
    return min(stated, default=CEILING)


def trash_length(policies: Iterable[Policy], repository: str) -> int | None:
    """For how long what goes can come back: the longest that a policy for the repository states."""
    stated = (each.trash for each in policies if each.trash is not None and each.repositories.matches(repository))
    return max(stated, default=None)


def brownout_length(policies: Iterable[Policy], repository: str) -> int:
    """For how long it can still be pulled before: the longest that a policy for the repository states."""
    stated = (each.brownout for each in policies if each.brownout is not None and each.repositories.matches(repository))
    return max(stated, default=0)


def joined(policies: Iterable[Policy], repository: str) -> list[tuple[Label, Rule]]:
    """The one list of rules for a repository: binding ones first, widest first; then the others, narrowest first."""
    found = [(policy.repositories.narrowness(repository), policy) for policy in policies]
    applying = [(narrowness, policy) for narrowness, policy in found if narrowness is not None]
    binding = sorted((each for each in applying if each[1].binding), key=_narrowness)
    others = sorted((each for each in applying if not each[1].binding), key=_narrowness, reverse=True)
    return [labelled for _, policy in (*binding, *others) for labelled in policy.labelled()]


def _narrowness(pair: tuple[Narrowness | None, Policy]) -> Narrowness:
    return pair[0] or WIDE
