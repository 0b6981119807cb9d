"""What becomes of one image, now and later: the same answers as evaluating everything gives, from much less. Pure.

Whatever a rule says of an image depends on the image, on what belongs together with it, and, through ``newest``, on
those that the group of that ``newest`` can select. Nobody else needs to be looked at.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wharfinger.lifecycle import families
from wharfinger.lifecycle.conditions import Age, Condition, Group, Protected, UntaggedFor
from wharfinger.lifecycle.deciding import NOTHING_KNOWN, Known, newest_now
from wharfinger.lifecycle.evaluate import Verdict, candidates_of, evaluate_repository
from wharfinger.lifecycle.images import Image
from wharfinger.lifecycle.rules import Label, Rule
from wharfinger.select.selectors import Selector

Rules = Sequence[tuple[Label, Rule]]

MOMENTS_AT_MOST = 100
WORK_AT_MOST = 200_000
"""Verdicts on how many images, all moments together: seconds at the worst."""


def every_group(rules: Rules) -> Iterator[Group]:
    """All groups of the rules, however deep."""
    for _, rule in rules:
        yield from rule.group.all


def ranked(rules: Rules) -> list[Selector] | None:
    """The selectors of the tags that some image must have to count for a ``newest``; None where any image may."""
    asking = [group for group in every_group(rules) if group.newest is not None]
    found = [group.tags for group in asking]
    return None if None in found else [selector for selector in found if selector is not None]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a ``newest`` may count: images with such a tag; ``first`` of them, by their newest such tag, or else all."""

    selector: Selector
    first: int | None


def counted(rules: Rules) -> list[Counted] | None:
    """What each ``newest`` may count; None where one may count any image."""
    asking = [group for group in every_group(rules) if group.newest is not None]
    takes_tags = any(rule.action == "untag" for _, rule in rules)
    found = [Counted(group.tags, None if takes_tags else _first(group)) for group in asking if group.tags is not None]
    return found if len(found) == len(asking) else None


def _first(group: Group) -> int | None:
    """How many can be among the newest, where their tags and nothing else say which."""
    newest = group.newest
    says_no_more = newest is not None and newest.by == "tagged" and newest.per is None and len(group.conditions) == 1
    return newest.count if newest is not None and says_no_more else None


def leading(tags: Iterable[tuple[str, str, int]], first: int) -> set[str]:
    """The images with the ``first`` newest of these tags, which are (name, image, since) and come newest first.

    And those that are as new as the last of them: who of these is meant is for :mod:`ranking` to say.
    """
    found: set[str] = set()
    last: int | None = None
    for _, image, since in tags:
        if len(found) >= first and since != last:
            break
        found.add(image)
        last = since
    return found


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The verdict now, and the next one that is another, if there is one before ``until``; None for never."""

    verdict: Verdict
    next: Verdict | None
    at: int | None
    until: int | None


class Foresight:
    """One image of a repository. ``images`` are those that matter: it, its kin, and what a ``newest`` may count."""

    def __init__(self, rules: Rules, images: Sequence[Image], kin: Iterable[str], digest: str) -> None:
        self._rules = rules
        self._images = images
        own = frozenset(kin)
        self._kin = [image for image in images if image.id in own]
        self._digest = digest
        self._known: Known = NOTHING_KNOWN

    def foresee(self, now: int) -> Foreseen:
        """What becomes of it now, and what next."""
        if self._can_know():
            self._known = self._newest(now)
        verdict = self._verdict(now)
        moments = sorted(self._moments(now))
        at_once = self._kin if self._known else self._images
        most = min(MOMENTS_AT_MOST, max(2, WORK_AT_MOST // max(1, len(at_once))))
        for moment in moments[:most]:
            later = self._verdict(moment)
            if (later.verdict, later.tags_removed) != (verdict.verdict, verdict.tags_removed):
                return Foreseen(verdict, later, moment, None)
        return Foreseen(verdict, None, None, moments[most] if len(moments) > most else None)

    def _can_know(self) -> bool:
        """Whether who is among the newest is the same at any time."""
        asking = [group for group in every_group(self._rules) if group.newest is not None]
        inside = [condition for group in asking for each in group.all for condition in each.conditions]
        timeless = all(map(_is_timeless, inside))
        return bool(asking) and timeless and all(rule.action != "untag" for _, rule in self._rules)

    def _newest(self, now: int) -> Known:
        candidates = list(candidates_of(self._images, families.of(self._images), {}).values())
        asking = (group for group in every_group(self._rules) if group.newest is not None)
        return {id(group): newest_now(group, candidates, now) for group in asking}

    def _verdict(self, now: int) -> Verdict:
        images = self._kin if self._known else self._images
        found = evaluate_repository(self._rules, images, now, self._known)
        return next(each for each in found if each.id == self._digest)

    def _moments(self, now: int) -> set[int]:
        """When something may be otherwise that the verdict depends on."""
        lengths = {
            condition.length
            for group in every_group(self._rules)
            for condition in group.conditions
            if isinstance(condition, Age | UntaggedFor)
        }
        images = self._kin if self._known or ranked(self._rules) == [] else self._images
        times = {time for image in images for time in _times(image)}
        found = {time + length + 1 for time in times for length in lengths}
        found |= {image.held_until for image in images if image.held_until is not None}
        return {moment for moment in found if moment > now}


def _is_timeless(condition: Condition) -> bool:
    return not isinstance(condition, Age | UntaggedFor | Protected)


def _times(image: Image) -> Iterator[int]:
    yield image.pushed
    yield from (time for time in (image.pulled, image.created, image.untagged_since) if time is not None)
    yield from (tag.pushed for tag in image.tags)
