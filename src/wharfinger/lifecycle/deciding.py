"""The ordered rules of one repository applied to its candidates: the first that matches decides."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from msgspec import Struct

from wharfinger.lifecycle.conditions import Group, Item, T
from wharfinger.lifecycle.images import Image, TagOf
from wharfinger.lifecycle.ranking import newest
from wharfinger.lifecycle.rules import Label, Rule


@dataclass(frozen=True)
class Decision:
    """A rule that decided something, and what verdicts call it."""

    label: Label
    rule: Rule

    @cached_property
    def words(self) -> str:
        """What it says of what it decides; said once, though of a million images."""
        return f"{self.label.words} {self.rule.action}s what {self.rule.group}"


class Candidate(Struct, eq=False, gc=False):
    """An image that rules see, as far as they have come."""

    image: Image
    tags: tuple[TagOf, ...]
    pushed: int
    pulled: int | None
    untagged_since: int
    protected: bool
    decided: Decision | None = None
    taken: tuple[tuple[Label, TagOf], ...] = ()
    """The tags that ``untag`` took, each with what took it."""

    def take(self, tags: Sequence[TagOf], label: Label, now: int) -> None:
        """Lose these tags; whoever loses the last has had none since now."""
        self.taken += tuple((label, tag) for tag in tags)
        self.tags = tuple(tag for tag in self.tags if tag not in tags)
        self.untagged_since = now


@dataclass(slots=True)
class TagItem:
    """One tag of a candidate, with its own times: what ``untag`` is about."""

    owner: Candidate
    image: Image
    tags: tuple[TagOf, ...]
    pushed: int
    pulled: int | None
    untagged_since: int
    protected: bool


Known = Mapping[int, frozenset[str]]
"""By ``id()`` of a group, the images that are among its newest, where that was found out before."""
NOTHING_KNOWN: Known = MappingProxyType({})


class _Run:
    """One rule on the items of one repository, all of which ``newest`` ranks, also those that are decided."""

    def __init__(self, items: Sequence[Item], now: int, known: Known = NOTHING_KNOWN) -> None:
        self.now = now
        self._items = items
        self._known = known
        self._newest: dict[int, set[int]] = {}

    def newest_of(self, group: Group, items: Sequence[T]) -> Sequence[T]:
        known = self._known.get(id(group))
        if known is not None:
            return [item for item in items if item.image.id in known]
        found = self._newest.get(id(group))
        if found is None:
            found = self._newest[id(group)] = newest(self._items, group, self)
        return [item for item in items if id(item) in found]


def decide(
    rules: Iterable[tuple[Label, Rule]], candidates: Sequence[Candidate], now: int, known: Known = NOTHING_KNOWN
) -> None:
    """Note on each candidate which rule decided it, and which tags it has lost until then.

    With ``known`` they need not be all candidates of the repository; then no rule is an ``untag``.
    """
    undecided: Sequence[Candidate] = candidates
    for label, rule in rules:
        if not undecided:
            return
        if rule.action == "untag":
            _untag(label, rule.group, candidates, now)
            continue
        run, decision = _Run(candidates, now, known), Decision(label, rule)
        for candidate in rule.group.those(undecided, run):
            candidate.decided = decision
        undecided = [candidate for candidate in undecided if candidate.decided is None]


def newest_now(group: Group, candidates: Sequence[Candidate], now: int) -> frozenset[str]:
    """Those of all candidates that are among the newest of the group."""
    found = newest(candidates, group, _Run(candidates, now))
    return frozenset(one.image.id for one in candidates if id(one) in found)


def _untag(label: Label, group: Group, candidates: Sequence[Candidate], now: int) -> None:
    items = list(_tag_items(candidates))
    run = _Run(items, now)
    taken: dict[int, tuple[Candidate, list[TagOf]]] = {}
    free = [item for item in items if item.owner.decided is None and not item.protected]
    for item in group.those(free, run):
        taken.setdefault(id(item.owner), (item.owner, []))[1].append(item.tags[0])
    for owner, tags in taken.values():
        owner.take(tags, label, now)


def _tag_items(candidates: Iterable[Candidate]) -> Iterator[TagItem]:
    for owner in candidates:
        for tag in owner.tags:
            yield TagItem(owner, owner.image, (tag,), tag.pushed, owner.pulled, owner.untagged_since, tag.protected)
