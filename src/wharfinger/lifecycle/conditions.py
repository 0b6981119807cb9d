"""The conditions that a group can have. Each says whether it holds of an item, and what it asks, in words.

Those on what an image is, whatever becomes of its tags, are in ``facts.py``.

An item is an image, or, under ``untag``, one tag of an image with that tag's own times. A group knows the tags that it
selects: those that satisfy its own ``tags``; without such a condition, all of them.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal, Protocol, TypeVar

from wharfinger.lifecycle.images import Image, TagOf
from wharfinger.lifecycle.units import duration_written, written
from wharfinger.select.selectors import Selector


class Item(Protocol):
    """What a rule decides about, as it is when the rule is reached."""

    image: Image
    tags: tuple[TagOf, ...]
    """Those that are left, without the ones that only say what a signature belongs to."""
    pushed: int
    pulled: int | None
    untagged_since: int
    protected: bool


T = TypeVar("T", bound=Item)


class Run(Protocol):
    """One rule being applied to one repository."""

    now: int

    def newest_of(self, group: "Group", items: Sequence[T]) -> Sequence[T]:
        """Those of the items that are among the newest of all that the rest of the group selects."""


class Condition(Protocol):
    """One thing that must hold."""

    @property
    def key(self) -> str:
        """The word that stands for it in a policy; a group has each word once."""

    @abstractmethod
    def holds(self, item: Item, group: "Group", run: Run) -> bool: ...

    def those(self, items: Sequence[T], group: "Group", run: Run) -> Sequence[T]:
        """The items of which it holds, in their order: at once, for there may be a million."""
        holds = self.holds
        return [item for item in items if holds(item, group, run)]

    @abstractmethod
    def __str__(self) -> str:
        """What it asks, as it reads after "which" or "what"."""


@dataclass(frozen=True, slots=True)
class Tags(Condition):
    """At least one tag satisfies the whole selector."""

    selector: Selector
    key: ClassVar[str] = "tags"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        return bool(self.those((item,), group, run))

    def those(self, items: Sequence[T], group: "Group", run: Run) -> Sequence[T]:
        matches, found = self.selector.matches, []
        for item in items:
            for tag in item.tags:
                if matches(tag.name):
                    found.append(item)
                    break
        return found

    def __str__(self) -> str:
        return f"has a tag {self.selector}"


@dataclass(frozen=True, slots=True)
class AllTags(Condition):
    """There are tags, and every one satisfies the selector."""

    selector: Selector
    key: ClassVar[str] = "all_tags"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        return bool(item.tags) and all(self.selector.matches(tag.name) for tag in item.tags)

    def __str__(self) -> str:
        return f"has tags, all of them {self.selector}"


@dataclass(frozen=True, slots=True)
class Untagged(Condition):
    wanted: bool = True
    key: ClassVar[str] = "untagged"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        return (not item.tags) is self.wanted

    def __str__(self) -> str:
        return "has no tag" if self.wanted else "has a tag"


@dataclass(frozen=True, slots=True)
class UntaggedFor(Condition):
    """Without a tag for longer than this: since it lost the last, or else since its push."""

    length: int
    key: ClassVar[str] = "untagged_for"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        return bool(self.those((item,), group, run))

    def those(self, items: Sequence[T], group: "Group", run: Run) -> Sequence[T]:
        before = run.now - self.length
        return [item for item in items if not item.tags and item.untagged_since < before]

    def __str__(self) -> str:
        return f"has had no tag for more than {duration_written(self.length)}"


@dataclass(frozen=True, slots=True)
class UntaggedAfter(Condition):
    """Without a tag, and it is known to have lost the last one after this moment (microseconds since the epoch)."""

    moment: int
    key: ClassVar[str] = "untagged_after"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        lost = item.image.untagged_since
        return not item.tags and lost is not None and lost > self.moment

    def __str__(self) -> str:
        return f"lost its last tag after {written(self.moment)}"


What = Literal["pushed", "tagged", "pulled", "created"]


@dataclass(frozen=True, slots=True)
class Age(Condition):
    """``X_within``: X was at most so long ago; ``X_before``: longer ago than that."""

    what: What
    within: bool
    length: int

    @property
    def key(self) -> str:
        return f"{self.what}_{'within' if self.within else 'before'}"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        return bool(self.those((item,), group, run))

    def those(self, items: Sequence[T], group: "Group", run: Run) -> Sequence[T]:
        since, times = run.now - self.length, zip(items, WHEN[self.what](items, group), strict=True)
        if self.within:  # only a real pull is one
            return [item for item, at in times if at is not None and at >= since]
        return [item for item, at in times if (item.pushed if at is None else at) < since]

    def __str__(self) -> str:
        ago = f"in the last {duration_written(self.length)}"
        return f"was {self.what} {ago}" if self.within else f"was not {self.what} {ago}"


@dataclass(frozen=True, slots=True)
class NeverPulled(Condition):
    wanted: bool = True
    key: ClassVar[str] = "never_pulled"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        return (item.pulled is None) is self.wanted

    def __str__(self) -> str:
        return "was never pulled" if self.wanted else "was pulled at some time"


@dataclass(frozen=True, slots=True)
class Protected(Condition):
    """Of an image: held, in use, or with a tag that may not be removed. Of a tag: that it may not be removed."""

    wanted: bool = True
    key: ClassVar[str] = "protected"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        return item.protected is self.wanted

    def __str__(self) -> str:
        return "is protected" if self.wanted else "is not protected"


@dataclass(frozen=True, slots=True)
class All(Condition):
    groups: tuple["Group", ...]
    key: ClassVar[str] = "all"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        return all(each.holds(item, run) for each in self.groups)

    def __str__(self) -> str:
        return " and ".join(f"({each})" for each in self.groups)


@dataclass(frozen=True, slots=True)
class Any(Condition):
    groups: tuple["Group", ...]
    key: ClassVar[str] = "any"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        return any(each.holds(item, run) for each in self.groups)

    def __str__(self) -> str:
        return " or ".join(f"({each})" for each in self.groups)


@dataclass(frozen=True, slots=True)
class Not(Condition):
    group: "Group"
    key: ClassVar[str] = "not"

    def holds(self, item: Item, group: "Group", run: Run) -> bool:
        return not self.group.holds(item, run)

    def __str__(self) -> str:
        return f"is not what ({self.group})"


By = Literal["tagged", "pushed", "arrived", "pulled", "active", "created", "version"]


@dataclass(frozen=True, slots=True)
class Newest:
    """The ``count`` newest of what the rest of the group selects, of the whole repository, decided already or not.

    ``per`` is ``major``, ``minor``, or a named part of the regular expression in the group's ``tags``.
    """

    count: int
    by: By = "tagged"
    per: str | None = None

    def __str__(self) -> str:
        by = "" if self.by == "tagged" else f" by {self.by}"
        per = "" if self.per is None else f" per {self.per}"
        return f"is among the {self.count} newest{by}{per}"


@dataclass(frozen=True)
class Group:
    """Conditions that must all hold; none at all holds of everything. ``newest`` is looked at after the others."""

    conditions: tuple[Condition, ...] = ()
    newest: Newest | None = field(default=None)

    def __post_init__(self) -> None:
        keys = [condition.key for condition in self.conditions]
        if len(set(keys)) < len(keys):
            raise ValueError(f"a group has each condition once, not {keys}")

    @cached_property
    def tags(self) -> Selector | None:
        """What the tags satisfy that the group selects; None where it selects all."""
        return next((each.selector for each in self.conditions if isinstance(each, Tags)), None)

    def selected(self, items: Sequence[Item]) -> Sequence[Sequence[TagOf]]:
        """Of each item the tags that the group selects."""
        if self.tags is None:
            return [item.tags for item in items]
        matches = self.tags.matches
        return [[tag for tag in item.tags if matches(tag.name)] for item in items]

    def rest_of(self, items: Sequence[T], run: Run) -> Sequence[T]:
        """The items of which all but ``newest`` hold."""
        for condition in self.conditions:
            items = condition.those(items, self, run)
        return items

    def those(self, items: Sequence[T], run: Run) -> Sequence[T]:
        """The items of which every condition holds: of those that are among the newest, the rest does."""
        return self.rest_of(items, run) if self.newest is None else run.newest_of(self, items)

    def holds(self, item: Item, run: Run) -> bool:
        """Whether every condition holds of this one."""
        return bool(self.those((item,), run))

    @cached_property
    def all(self) -> tuple["Group", ...]:
        """The group, and all that are inside it."""
        inner: list[Group] = []
        for condition in self.conditions:
            if isinstance(condition, All | Any):
                inner += condition.groups
            elif isinstance(condition, Not):
                inner.append(condition.group)
        return (self, *(one for group in inner for one in group.all))

    @cached_property
    def words(self) -> str:
        """What it asks; said once, though of a million images."""
        told = [str(each) for each in self.conditions] + ([str(self.newest)] if self.newest else [])
        return ", ".join(told) or "is not decided by an earlier rule"

    def __str__(self) -> str:
        return self.words


def tagged(item: Item, selected: Sequence[TagOf]) -> int:
    """The newest time among the tags that a group selects, else the push."""
    if len(selected) == 1:
        return selected[0].pushed
    return max([tag.pushed for tag in selected]) if selected else item.pushed


def created(item: Item) -> int:
    """When it was built; where nobody says so, it was there when it was pushed."""
    return item.pushed if item.image.created is None else item.image.created


WHEN: Mapping[What, Callable[[Sequence[Item], Group], Sequence[int | None]]] = {
    "pushed": lambda items, _: [item.pushed for item in items],
    "tagged": lambda items, group: [*map(tagged, items, group.selected(items))],
    "pulled": lambda items, _: [item.pulled for item in items],
    "created": lambda items, _: [*map(created, items)],
}
"""When something last happened to each item, of which the group selects some tags; None for never."""
