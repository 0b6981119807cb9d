"""From what is stored of a repository to images as rules see them, with no more columns than the rules ask for."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from wharfinger.lifecycle import conditions, facts
from wharfinger.lifecycle.conditions import Condition, Group
from wharfinger.lifecycle.images import NOTHING, Image, TagOf
from wharfinger.lifecycle.rules import Policy, Rule
from wharfinger.meta.lifecycle_facts import OPTIONAL, Facts

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
_RANKS = {"pulled": "pulled", "active": "pulled", "created": "created"}


def asked(policies: Iterable[Policy]) -> frozenset[str]:
    """The columns that some rule of these policies looks at, of those that are optional."""
    return asked_by(labelled for policy in policies for labelled in policy.labelled())


def asked_by(rules: Iterable[tuple[str, Rule]]) -> frozenset[str]:
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
            case _ if type(condition) in _ASKS:
                yield _ASKS[type(condition)]


def images(repository: str, found: Facts, is_undeletable: IsUndeletable | None) -> list[Image]:
    """The images of one repository; ``is_undeletable`` None where no tag of it is."""
    tags = _tags(found, is_undeletable)
    children = _lists(found.children)
    holds: dict[str, int] = dict(found.holds)
    return [
        Image(
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
        )
        for (
            digest,
            pushed,
            untagged,
            subject,
            pulled,
            created,
            platform,
            artifact_type,
            size,
            labels,
            annotations,
        ) in found.manifests
    ]


def _tags(found: Facts, is_undeletable: IsUndeletable | None) -> dict[str, list[TagOf]]:
    tags: dict[str, list[TagOf]] = {}
    for name, digest, moved in found.tags:
        protected = is_undeletable is not None and is_undeletable(name)
        tags.setdefault(digest, []).append(TagOf(name, moved, protected))
    return tags


def _lists(edges: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for one, other in edges:
        lists.setdefault(one, []).append(other)
    return lists
