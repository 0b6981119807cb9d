"""What becomes of each image: the whole lifecycle language, from policies and images to verdicts. Pure.

rules decide the candidates → what may not be deleted stays → so does whatever that needs → the rest goes
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from msgspec import Struct

from wharfinger.lifecycle import families
from wharfinger.lifecycle.deciding import NOTHING_KNOWN, Candidate, Decision, Known, decide
from wharfinger.lifecycle.families import Families
from wharfinger.lifecycle.images import Image, by_repository
from wharfinger.lifecycle.rules import Label, Policy, Rule, joined
from wharfinger.lifecycle.units import ENDLESS, written

Outcome = Literal["keep", "delete", "untag"]


class Verdict(Struct, frozen=True, gc=False):
    """What becomes of one image, and why.

    ``rule`` is the rule that decided, for ``untag`` the first that took a tag; of an image that shares the fate of
    another, the rule that decided the other. ``protected_by`` is ``held_until``, ``in_use``, ``tag:NAME``, or
    ``image:ID`` of the image that needs this one. ``unnamed`` are tags that go although their rule names others.
    """

    id: str
    repository: str | None
    verdict: Outcome
    rule: str | None
    reason: str
    tags_removed: tuple[str, ...] = ()
    protected_by: str | None = None
    unnamed: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "repository": self.repository,
            "verdict": self.verdict,
            "rule": self.rule,
            "reason": self.reason,
            "tags_removed": list(self.tags_removed),
            "protected_by": self.protected_by,
        }


def evaluate(policies: Iterable[Policy], images: Sequence[Image], now: int) -> list[Verdict]:
    """A verdict for each image, in the order of the images; ``now`` in microseconds since the epoch."""
    policies = tuple(policies)
    found: dict[int, Verdict] = {}
    for repository, numbers in by_repository(images):
        rules = joined(policies, repository or "")
        verdicts = evaluate_repository(rules, [images[i] for i in numbers], now)
        found.update(zip(numbers, verdicts, strict=True))
    return [found[i] for i in range(len(images))]


def evaluate_repository(
    rules: Sequence[tuple[Label, Rule]], images: Sequence[Image], now: int, known: Known = NOTHING_KNOWN
) -> list[Verdict]:
    """The same for the images of one repository, by its joined list of rules: see :func:`rules.joined`.

    With ``known`` it may be some of them, and all that belong together with these: see :mod:`foreseeing`.
    """
    family = families.of(images)
    protections = {i: words for i, image in enumerate(images) if (words := protection(image, now))}
    candidates = candidates_of(images, family, protections)
    decide(rules, list(candidates.values()), now, known)
    return _Fates(images, family, candidates, protections, now).verdicts()


def protection(image: Image, now: int) -> str | None:
    """What keeps the image from being deleted, whatever a rule says."""
    if image.held_until is not None and now < image.held_until:
        return "held_until"
    if image.in_use:
        return "in_use"
    for tag in image.tags:
        if tag.protected:
            return f"tag:{tag.name}"
    return None


def candidates_of(images: Sequence[Image], family: Families, protections: dict[int, str]) -> dict[int, Candidate]:
    """What rules see, by number."""
    pulls, unseen = families.last_pulls(images, family), family.unseen
    return {
        i: Candidate(
            image,
            tags,
            image.pushed,
            pulled,
            image.pushed if image.untagged_since is None else image.untagged_since,
            i in protections,
        )
        for i, (image, tags, pulled) in enumerate(zip(images, family.ordinary, pulls, strict=True))
        if i not in unseen
    }


class _Fates:
    """From what the rules decided to what becomes of everything."""

    def __init__(
        self,
        images: Sequence[Image],
        family: Families,
        candidates: dict[int, Candidate],
        protections: dict[int, str],
        now: int,
    ) -> None:
        self._images = images
        self._family = family
        self._candidates = candidates
        self._protections = protections
        self._now = now
        self._protected = families.reached(protections, family)
        spared = [i for i, one in candidates.items() if one.decided is None or one.decided.rule.action != "delete"]
        self._kept = families.reached([*spared, *self._protected, *families.unowned(family)], family)
        doomed = [i for i in candidates if i not in self._kept]
        self._doomed = families.owned_by(doomed, family)

    def verdicts(self) -> list[Verdict]:
        return [self._kept_one(i) if i in self._kept else self._deleted_one(i) for i in range(len(self._images))]

    def _kept_one(self, i: int) -> Verdict:
        image, candidate = self._images[i], self._candidates.get(i)
        taken = candidate.taken if candidate else ()
        reason = self._why_kept(i)
        if taken:
            reason = f"{taken[0][0].words} takes {_listed([tag.name for _, tag in taken])}; the image stays: {reason}"
        return Verdict(
            id=image.id,
            repository=image.repository,
            verdict="untag" if taken else "keep",
            rule=taken[0][0].rule if taken else self._rule(i, self._kept),
            reason=reason,
            tags_removed=_named(image, {tag.name for _, tag in taken}) if taken else (),
            protected_by=self._protected_by(i),
        )

    def _deleted_one(self, i: int) -> Verdict:
        image, candidate = self._images[i], self._candidates.get(i)
        tags = tuple([tag.name for tag in image.tags])
        if candidate is None or candidate.decided is None:
            reason = f"it goes with {self._images[self._doomed[i]].id}, to which it belongs"
            return Verdict(image.id, image.repository, "delete", self._rule(i, self._doomed), reason, tags)
        reason, unnamed = candidate.decided.words, _unnamed(candidate, candidate.decided)
        if unnamed:
            reason += f"; with it goes {_listed(unnamed)}, which the rule does not name"
        return Verdict(image.id, image.repository, "delete", candidate.decided.label.rule, reason, tags, None, unnamed)

    def _rule(self, i: int, came_by: dict[int, int]) -> str | None:
        """The rule that decided it, or else what it came to its fate by."""
        while i not in self._candidates and came_by[i] != i:
            i = came_by[i]
        candidate = self._candidates.get(i)
        return candidate.decided.label.rule if candidate is not None and candidate.decided is not None else None

    def _why_kept(self, i: int) -> str:
        decided = self._candidates[i].decided if i in self._candidates else None
        if decided is not None and decided.rule.action == "keep":
            return decided.words
        guard = self._guard(i)
        if decided is not None:
            return f"{decided.words}, but {guard}"
        if guard is not None:
            return guard
        return "no rule matches it" if i in self._candidates else "no rule sees it, and what it belongs to stays"

    def _guard(self, i: int) -> str | None:
        image = self._images[i]
        match self._protections.get(i):
            case "held_until":
                until = image.held_until or 0
                return "it is held" if until >= ENDLESS else f"it is held until {written(until)}"
            case "in_use":
                return "it is in use"
            case str() as words:
                return f"its tag {words.removeprefix('tag:')} may not be removed"
        by = self._protected.get(i, self._kept[i])
        return None if by == i else f"{self._images[by].id} stays, which it belongs to or which needs it"

    def _protected_by(self, i: int) -> str | None:
        if i in self._protections:
            return self._protections[i]
        if i in self._protected:
            return f"image:{self._images[self._protected[i]].id}"
        decided = self._candidates[i].decided if i in self._candidates else None
        overruled = decided is not None and decided.rule.action == "delete"
        return f"image:{self._images[self._kept[i]].id}" if overruled else None


def _named(image: Image, names: set[str]) -> tuple[str, ...]:
    return tuple([tag.name for tag in image.tags if tag.name in names])


def _unnamed(candidate: Candidate, decided: Decision) -> tuple[str, ...]:
    """The tags that go although the rule that deletes the image names others."""
    group = decided.rule.group
    if group.tags is None:
        return ()
    (named,) = group.selected((candidate,))
    return tuple(tag.name for tag in candidate.tags if tag not in named)


def _listed(names: Sequence[str]) -> str:
    return f"{'its tag' if len(names) == 1 else 'its tags'} {', '.join(names)}"
