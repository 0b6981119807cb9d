"""From what is stored of a repository to images as rules see them, with no more columns than the rules ask for."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from wharfinger.lifecycle import conditions, facts
from wharfinger.lifecycle.conditions import Condition, Group
from wharfinger.lifecycle.images import NOTHING, OURS, SEVERITIES, Found, Image, TagOf, by_scanner
from wharfinger.lifecycle.rules import Label, Policy, Rule
from wharfinger.meta.lifecycle_facts import OPTIONAL, Facts, Row

IsUndeletable = Callable[[str], bool]
"""Whether the tag of this name may not be removed."""

EVERYTHING = frozenset(OPTIONAL)
_ASKS: Mapping[type[Condition], str] = {
    conditions.NeverPulled: "pulled",
    facts.LargerThan: "size",
    facts.SmallerThan: "size",
    facts.Platform: "platform",
    facts.ArtifactType: "artifact_type",
}
_UNKNOWN: Row = (None, None)
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
    """The images of one repository; ``is_undeletable`` None where no tag of it is."""
    tags = _tags(found, is_undeletable)
    children = _lists(found.children)
    holds: dict[str, int] = dict(found.holds)
    if found.columns:
        return _described(repository, found, tags, children, holds)
    in_use = found.in_use
    return [
        Image(
            digest,
            pushed,
            tuple(tags.get(digest, ())),
            repository,
            untagged_since=untagged,
            children=tuple(children.get(digest, ())),
            subject=subject,
            held_until=holds.get(digest),
            in_use=digest in in_use,
        )
        for digest, pushed, untagged, subject in found.manifests
    ]


def _described(
    repository: str,
    found: Facts,
    tags: Mapping[str, Sequence[TagOf]],
    children: Mapping[str, Sequence[str]],
    holds: Mapping[str, int],
) -> list[Image]:
    """The same with what is known beside that, where a rule asks for some of it."""
    images = []
    for row in _with_severities(_whole(found), children):
        digest, pushed, untagged, subject, pulled, created, platform, artifact_type, size, *said = row
        labels, annotations, *severities = said
        image = Image(
            digest,
            pushed,
            tuple(tags.get(digest, ())),
            repository,
            pulled,
            created,
            untagged,
            size,
            json.loads(labels) if labels else NOTHING,
            json.loads(annotations) if annotations else NOTHING,
            platform,
            artifact_type,
            tuple(children.get(digest, ())),
            subject,
            holds.get(digest),
            digest in found.in_use,
            *map(_found, severities),
        )
        images.append(image)
    return images


def _whole(found: Facts) -> Sequence[Row]:
    """The rows with all of :data:`OPTIONAL`, of which nothing is known that was not read."""
    places = [4 + found.columns.index(name) if name in found.columns else None for name in OPTIONAL]
    return [(*row[:4], *[None if place is None else row[place] for place in places]) for row in found.manifests]


def _with_severities(rows: Sequence[Row], children: Mapping[str, Sequence[str]]) -> Sequence[Row]:
    """An index is as bad as the worst of its images, once all of them are known; scanning knows only those."""
    known = {row[0]: tuple(map(_found, row[-2:])) for row in rows if row[-2] is not None or row[-1] is not None}
    if not known or not children:
        return rows
    return [(*row[:-2], *_worst(row[0], known, children)) if row[0] in children else row for row in rows]


def _worst(index: str, known: Mapping[str, Row], children: Mapping[str, Sequence[str]]) -> Row:
    below = [known.get(each, _UNKNOWN) for each in _leaves(index, children)]
    return tuple(None if None in each else _worst_of(each) for each in zip(*below, strict=True))


def _worst_of(found: Sequence[Found]) -> Found:
    """By each scanner the worst of what it said of any; plain where ours alone has looked."""
    worst: dict[str, str] = {}
    for each in found:
        for name, level in by_scanner(each).items():
            worst[name] = min(level, worst.get(name, level), key=SEVERITIES.index)
    return worst[OURS] if list(worst) == [OURS] else worst


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


def _tags(found: Facts, is_undeletable: IsUndeletable | None) -> dict[str, list[TagOf]]:
    tags: dict[str, list[TagOf]] = {}
    for name, digest, moved in found.tags:
        tag = TagOf(name, moved) if is_undeletable is None else TagOf(name, moved, is_undeletable(name))
        tags.setdefault(digest, []).append(tag)
    return tags


def _lists(edges: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for one, other in edges:
        lists.setdefault(one, []).append(other)
    return lists
