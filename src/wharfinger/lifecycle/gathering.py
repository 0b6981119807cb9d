"""From what is stored of a repository to images as rules see them, with no more columns than the rules ask for."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeAlias, TypeVar

from wharfinger.lifecycle import conditions, facts
from wharfinger.lifecycle.conditions import Condition, Group
from wharfinger.lifecycle.images import NOTHING, OURS, SEVERITIES, Found, Image, TagOf, by_scanner
from wharfinger.lifecycle.rules import Label, Policy, Rule
from wharfinger.meta.lifecycle_facts import Facts

T = TypeVar("T")
Known: TypeAlias = Mapping[str, Sequence[Any]]
IsUndeletable = Callable[[str], bool]
"""Whether the tag of this name may not be removed."""

_ASKS: Mapping[type[Condition], str] = {
    conditions.NeverPulled: "pulled",
    facts.LargerThan: "size",
    facts.SmallerThan: "size",
    facts.Platform: "platform",
    facts.ArtifactType: "artifact_type",
}
NONE = repeat(None)
_SEVERITIES = ("severity", "fixable_severity")
_RANKS = {"pulled": "pulled", "active": "pulled", "created": "created"}


def asked(policies: Iterable[Policy]) -> frozenset[str]:
    """The columns that some rule of these policies looks at, of those that are optional."""
    return asked_by(labelled for policy in policies for labelled in policy.labelled())


def asked_by(rules: Iterable[tuple[Label, Rule]]) -> frozenset[str]:
    """The same of a joined list of rules."""
    return frozenset(name for _, rule in rules for group in rule.group.all for name in _asked(group))


def _asked(group: Group) -> Iterator[str]:
    if group.newest is not None and group.newest.by in _RANKS:
        yield _RANKS[group.newest.by]
    for condition in group.conditions:
        match condition:
            case conditions.Age("pulled" | "created" as what):
                yield what
            case facts.Words(kind):
                yield kind
            case facts.Severity():
                yield condition.key
            case _ if type(condition) in _ASKS:
                yield _ASKS[type(condition)]


def images(repository: str, found: Facts, is_undeletable: IsUndeletable | None) -> list[Image]:
    """The images of one repository; ``is_undeletable`` None where no tag of it is.

    Column by column, for there may be a million; of a column that was not read, nothing is known.
    """
    children = _lists(*found.children)
    known = _with_severities(found.manifests, children)
    digests, holds = known["digest"], dict(zip(*found.holds, strict=True))
    return [
        *map(
            Image,
            digests,
            known["pushed"],
            _of(digests, _tags(found, is_undeletable), ()),
            repeat(repository),
            known.get("pulled", NONE),
            known.get("created", NONE),
            known["untagged"],
            known.get("size", NONE),
            map(_words, known.get("labels", NONE)),
            map(_words, known.get("annotations", NONE)),
            known.get("platform", NONE),
            known.get("artifact_type", NONE),
            _of(digests, children, ()),
            known["subject"],
            _of(digests, holds, None),
            map(found.in_use.__contains__, digests),
            known.get("severity", NONE),
            known.get("fixable_severity", NONE),
        )
    ]


def _of(digests: Iterable[str], told: Mapping[str, T], nothing: T) -> Iterable[T]:
    """What is told of each."""
    return map(told.get, digests, repeat(nothing)) if told else repeat(nothing)


def _words(written: str | None) -> Mapping[str, str]:
    return json.loads(written) if written else NOTHING


def _with_severities(known: Known, children: Mapping[str, Sequence[str]]) -> Known:
    """An index is as bad as the worst of its images, once all of them are known; scanning knows only those."""
    told = {name: [*map(_found, known[name])] for name in _SEVERITIES if name in known}
    return {**known, **{name: _risen(known["digest"], found, children) for name, found in told.items()}}


def _risen(
    digests: Sequence[str], found: Sequence[Found | None], children: Mapping[str, Sequence[str]]
) -> Sequence[Found | None]:
    known = dict(zip(digests, found, strict=True))
    return [
        _worst([known.get(leaf) for leaf in _leaves(digest, children)]) if digest in children else own
        for digest, own in known.items()
    ]


def _worst(found: Sequence[Found | None]) -> Found | None:
    """By each scanner the worst of what it said of any; plain where ours alone has looked."""
    worst: dict[str, str] = {}
    for each in found:
        if each is None:
            return None
        for name, level in by_scanner(each).items():
            worst[name] = min(level, worst.get(name, level), key=SEVERITIES.index)
    return worst[OURS] if list(worst) == [OURS] else worst or None


def _found(text: Found | None) -> Found | None:
    """What the database says: a severity, or one by each scanner."""
    if not isinstance(text, str) or "=" not in text:
        return text
    return dict(each.split("=") for each in text.split(","))


def _leaves(index: str, children: Mapping[str, Sequence[str]]) -> list[str]:
    """The images below an index, however far; an index may be below itself only by a broken digest."""
    found, waiting, seen = list[str](), [index], set[str]()
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        if each in children:
            waiting += children[each]
        else:
            found.append(each)
    return found


def _tags(found: Facts, is_undeletable: IsUndeletable | None) -> Mapping[str, Sequence[TagOf]]:
    names, digests, moved = found.tags
    each = map(TagOf, names, moved) if is_undeletable is None else map(TagOf, names, moved, map(is_undeletable, names))
    return _lists(digests, each)


def _lists(ones: Iterable[str], others: Iterable[T]) -> Mapping[str, tuple[T, ...]]:
    """By each, all of the others that are in the same place."""
    lists: dict[str, list[T]] = {}
    for one, other in zip(ones, others, strict=True):
        lists.setdefault(one, []).append(other)
    return {one: tuple(own) for one, own in lists.items()}
