"""What becomes of one repository, and how that stands in a plan. Pure, but for asking which tags may not be removed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wharfinger.lifecycle import gathering
from wharfinger.lifecycle.evaluate import Verdict, evaluate_repository
from wharfinger.lifecycle.gathering import IsUndeletable
from wharfinger.lifecycle.images import Image
from wharfinger.lifecycle.plan_file import Going, Kept, RepositoryPlan, Why
from wharfinger.lifecycle.rules import Policies, active, ceiling, joined
from wharfinger.meta.lifecycle_facts import Facts

LATELY = 23 * 3600.0
"""So many seconds count for the ceiling together. Not a whole day: a daily run is not to count the one before it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdicts on a repository's images, in the order of the images; ``observed`` if policies observe only."""

    repository: str
    facts: Facts
    images: Sequence[Image]
    verdicts: Sequence[Verdict]
    observed: Sequence[Verdict]
    ceiling: int
    lately: frozenset[str] = frozenset()
    """What runs took within :data:`LATELY`, without asking a person."""

    @property
    def doomed(self) -> frozenset[str]:
        """The digests of what goes."""
        return frozenset(each.id for each in self.verdicts if each.verdict == "delete")

    @property
    def is_over(self) -> bool:
        """Whether more images go or lose a tag than the ceiling allows."""
        return self.is_too_much(each.id for each in self.verdicts if each.verdict != "keep")

    def is_too_much(self, taken: Iterable[str]) -> bool:
        """Whether taking these would, with what went lately, be more than the ceiling allows of what there was."""
        going = frozenset(taken)
        if not going or not self.lately:
            return len(going) > allowed(len(self.images), self.ceiling)
        there = self.lately.union(each.id for each in self.images)
        return len(going | self.lately) > allowed(len(there), self.ceiling)


def allowed(images: int, ceiling: int) -> int:
    """How many that is, rounded up: of three images one may go."""
    return -(-images * ceiling // 100)


def is_concerned(policies: Policies, repository: str) -> bool:
    """Whether some policy is for the repository; without one, everything stays."""
    return any(policy.repositories.matches(repository) for policy in policies)


def judge(
    repository: str,
    facts: Facts,
    policies: Policies,
    undeletable: IsUndeletable | None,
    now: int,
    lately: Iterable[str] = (),
) -> Judged:
    """The verdicts by the policies that act; and, where some observe, what all of them together would do."""
    found = gathering.images(repository, facts, undeletable)
    acting = active(policies)
    verdicts = evaluate_repository(joined(acting, repository), found, now)
    observed: Sequence[Verdict] = ()
    if len(acting) < len(policies) and len(joined(policies, repository)) > len(joined(acting, repository)):
        observed = evaluate_repository(joined(policies, repository), found, now)
    return Judged(repository, facts, found, verdicts, observed, ceiling(acting, repository), frozenset(lately))


def part(judged: Judged, frees: dict[str, int], in_all: int) -> RepositoryPlan:
    """How a plan has it; ``frees`` is what deleting each gives back, ``in_all`` the same of all together."""
    return RepositoryPlan(
        repository=judged.repository,
        images=len(judged.images),
        ceiling=judged.ceiling,
        over_ceiling=judged.is_over,
        frees=in_all,
        delete=_whys(judged.verdicts, "delete", frees),
        untag=_whys(judged.verdicts, "untag", {}),
        keep=_kept(judged.verdicts),
        observed_delete=_whys(_differing(judged), "delete", {}),
        observed_untag=_whys(_differing(judged), "untag", {}),
    )


def _differing(judged: Judged) -> Iterable[Verdict]:
    """What would be otherwise if those policies acted that observe."""
    pairs = zip(judged.observed, judged.verdicts, strict=True) if judged.observed else ()
    return [would for would, is_ in pairs if (would.verdict, would.tags_removed) != (is_.verdict, is_.tags_removed)]


def _whys(verdicts: Iterable[Verdict], outcome: str, frees: dict[str, int]) -> tuple[Why, ...]:
    found: dict[tuple[str | None, str], list[Verdict]] = {}
    for each in verdicts:
        if each.verdict == outcome:
            found.setdefault((each.rule, each.reason), []).append(each)
    return tuple(
        Why(
            rule,
            reason,
            tuple([Going(each.id, each.tags_removed, frees.get(each.id, 0)) for each in those]),
            sum([len(each.unnamed) for each in those]),
        )
        for (rule, reason), those in found.items()
    )


def _kept(verdicts: Iterable[Verdict]) -> tuple[Kept, ...]:
    found: dict[tuple[str | None, str, str | None], list[str]] = {}
    for each in verdicts:
        if each.verdict == "keep":
            found.setdefault((each.rule, each.reason, each.protected_by), []).append(each.id)
    return tuple(Kept(rule, reason, tuple(those), by) for (rule, reason, by), those in found.items())
