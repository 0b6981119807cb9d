"""Which items are among the newest: once for each group that asks, in time that grows as sorting does."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from wharfinger.lifecycle.conditions import By, Group, Item, Run, created, tagged
from wharfinger.lifecycle.images import TagOf
from wharfinger.select.selectors import Selector
from wharfinger.select.versions import Precedence, lowest, parse_version

Rank = Callable[[Item, Sequence[TagOf]], int | Precedence]
Entry = tuple[Item, Sequence[TagOf]]
"""An item, and those of its tags for which it is ranked."""
NEVER = -(10**30)
NO_VERSION = lowest(-1)


def _pulled(item: Item, _: Sequence[TagOf]) -> int:
    return NEVER if item.pulled is None else item.pulled


def _arrived(item: Item, selected: Sequence[TagOf]) -> int:
    return max(item.pushed, tagged(item, selected))


def _active(item: Item, selected: Sequence[TagOf]) -> int:
    return max(_arrived(item, selected), _pulled(item, selected))


def _version(_: Item, selected: Sequence[TagOf]) -> Precedence:
    versions = (parse_version(tag.name) for tag in selected)
    return max((version.precedence for version in versions if version), default=NO_VERSION)


RANKS: Mapping[By, Rank] = {
    "tagged": tagged,
    "pushed": lambda item, _: item.pushed,
    "arrived": _arrived,
    "pulled": _pulled,
    "active": _active,
    "created": lambda item, _: created(item),
    "version": _version,
}
"""What the newest are ranked by. What was never pulled, or has no version, comes after all that was or has."""


def newest(items: Sequence[Item], group: Group, run: Run) -> set[int]:
    """The ``id()`` of each item that is among the newest of those that the rest of the group selects."""
    wanted = group.newest
    assert wanted is not None
    rest = group.rest_of(items, run)
    chosen: list[Entry] = [*zip(rest, group.selected(rest), strict=True)]
    parts = [chosen] if wanted.per is None else _parts(chosen, wanted.per, group.tags)
    return {id(item) for part in parts for item, _ in _first(part, wanted.count, RANKS[wanted.by])}


def _first(entries: list[Entry], count: int, rank: Rank) -> Sequence[Entry]:
    if len(entries) <= count:
        return entries
    entries.sort(key=_digest)
    entries.sort(key=lambda entry: rank(*entry), reverse=True)  # stable: those of one rank stay in order of digest
    return entries[:count]


def _digest(entry: Entry) -> tuple[str, str]:
    item, selected = entry
    return item.image.id, selected[0].name if selected else ""


def _parts(entries: Iterable[Entry], per: str, selector: Selector | None) -> Iterable[list[Entry]]:
    """An item stands in the part of each of its tags, ranked there for the tags of that part; without one, in none."""
    found: dict[object, dict[int, tuple[Item, list[TagOf]]]] = {}
    for item, selected in entries:
        for tag in selected:
            key = _part(tag.name, per, selector)
            if key is not None:
                found.setdefault(key, {}).setdefault(id(item), (item, []))[1].append(tag)
    return [list(part.values()) for part in found.values()]


def _part(tag: str, per: str, selector: Selector | None) -> object:
    if per not in {"major", "minor"}:
        return None if selector is None else selector.extract(tag, per)
    version = parse_version(tag)
    if version is None:
        return None
    return version.major if per == "major" else (version.major, version.minor)
