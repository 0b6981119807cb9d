"""The ordered rules of one repository applied to its candidates: the first that matches decides."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from wharfinger.lifecycle.conditions import Group, Item
from wharfinger.lifecycle.images import Image, TagOf
from wharfinger.lifecycle.ranking import newest
from wharfinger.lifecycle.rules import Rule


@dataclass(slots=True)
class Candidate:
    """An image that rules see, as far as they have come."""

    image: Image
    tags: tuple[TagOf, ...]
    pushed: int
    pulled: int | None
    untagged_since: int
    protected: bool
    decided: tuple[str, Rule] | None = None
    taken: list[tuple[str, TagOf]] = field(default_factory=list)
    """The tags that ``untag`` took, each with what took it."""

    def take(self, tags: Sequence[TagOf], label: str, now: int) -> None:
        """Lose these tags; whoever loses the last has had none since now."""
        self.taken += [(label, tag) for tag in tags]
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

    def is_newest(self, group: Group, item: Item) -> bool:
        known = self._known.get(id(group))
        if known is not None:
            return item.image.id in known
        found = self._newest.get(id(group))
        if found is None:
            found = self._newest[id(group)] = newest(self._items, group, self)
        return id(item) in found


def decide(
    rules: Iterable[tuple[str, Rule]], candidates: Sequence[Candidate], now: int, known: Known = NOTHING_KNOWN
) -> None:
    """Note on each candidate which rule decided it, and which tags it has lost until then.

    With ``known`` they need not be all candidates of the repository; then no rule is an ``untag``.
    """
    undecided = list(candidates)
    for label, rule in rules:
        if not undecided:
            return
        if rule.action == "untag":
            _untag(label, rule.group, candidates, now)
            continue
        run, left, decision = _Run(candidates, now, known), [], (label, rule)
        for candidate in undecided:
            if rule.group.holds(candidate, run):
                candidate.decided = decision
            else:
                left.append(candidate)
        undecided = left


def newest_now(group: Group, candidates: Sequence[Candidate], now: int) -> frozenset[str]:
    """Those of all candidates that are among the newest of the group."""
    found = newest(candidates, group, _Run(candidates, now))
    return frozenset(one.image.id for one in candidates if id(one) in found)


def _untag(label: str, group: Group, candidates: Sequence[Candidate], now: int) -> None:
    items = list(_tag_items(candidates))
    run = _Run(items, now)
    taken: dict[int, tuple[Candidate, list[TagOf]]] = {}
    for item in items:
        if item.owner.decided is None and not item.protected and group.holds(item, run):
            taken.setdefault(id(item.owner), (item.owner, []))[1].append(item.tags[0])
    for owner, tags in taken.values():
        owner.take(tags, label, now)


def _tag_items(candidates: Iterable[Candidate]) -> Iterator[TagItem]:
    for owner in candidates:
        for tag in owner.tags:
            yield TagItem(owner, owner.image, (tag,), tag.pushed, owner.pulled, owner.untagged_since, tag.protected)
