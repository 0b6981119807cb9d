"""What belongs together in one repository: indexes and their children, subjects and what refers to them.

``owners`` of an image are the present indexes that it is a child of and the present subjects that it refers to. One
that has an owner and no ordinary tag is no candidate: no rule sees it, and it shares the fate of its owners.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from wharfinger.lifecycle.images import Image, TagOf

_REFERS = re.compile(r"sha256-([0-9a-f]+)(?:\.(?:sig|att|sbom))?", re.ASCII)
_HEX = 64
_NOBODY: tuple[int, ...] = ()


@dataclass(frozen=True)
class Families:
    """The images of one repository by number, and who needs whom."""

    ordinary: Sequence[tuple[TagOf, ...]]
    """The tags of each that are not the form of a reference to a subject."""
    children: Mapping[int, Sequence[int]]
    subjects: Mapping[int, Sequence[int]]
    referrers: Mapping[int, Sequence[int]]
    parents: Mapping[int, Sequence[int]]

    @cached_property
    def unseen(self) -> frozenset[int]:
        """Those that no rule sees: with an owner, and without a tag of their own."""
        owned = chain(self.parents.items(), self.subjects.items())
        return frozenset(i for i, owners in owned if owners and not self.ordinary[i])

    @cached_property
    def related(self) -> frozenset[int]:
        """Those that anything stays or goes with."""
        return frozenset(chain(self.children, self.referrers, self.subjects))

    def owned(self, number: int) -> Iterable[int]:
        """Those of which it is the index or the subject."""
        yield from self.children.get(number, _NOBODY)
        yield from self.referrers.get(number, _NOBODY)

    def owners(self, number: int) -> Iterable[int]:
        """Its indexes and subjects."""
        yield from self.parents.get(number, _NOBODY)
        yield from self.subjects.get(number, _NOBODY)

    def kept_with(self, number: int) -> Iterable[int]:
        """Those that stay because this one stays: what it owns; its subject only if it has a tag of its own."""
        yield from self.owned(number)
        if self.ordinary[number]:
            yield from self.subjects.get(number, _NOBODY)


def of(images: Sequence[Image]) -> Families:
    """The families of one repository's images."""
    numbers = {image.id: i for i, image in enumerate(images)}
    ordinary = [image.tags for image in images]
    referring = {i for i, image in enumerate(images) if image.subject is not None}
    for i in {i for i, tags in enumerate(ordinary) for tag in tags if tag.name.startswith("sha256-")}:
        ordinary[i] = tuple([tag for tag in ordinary[i] if not _is_reference(tag.name, numbers)])
        if len(ordinary[i]) < len(images[i].tags):
            referring.add(i)
    subjects = {i: _others(i, _subjects(images[i]), numbers) for i in sorted(referring)}
    children = {i: _others(i, image.children, numbers) for i, image in enumerate(images) if image.children}
    return Families(ordinary, children, subjects, _turned(subjects), _turned(children))


def _others(number: int, named: Iterable[str], numbers: Mapping[str, int]) -> list[int]:
    """The numbers of those that are named and present, each once, without the one that names them."""
    return [n for each in dict.fromkeys(named) if (n := numbers.get(each, number)) != number]


def _is_reference(tag: str, present: Mapping[str, int]) -> bool:
    found = _REFERS.fullmatch(tag)
    return found is not None and (len(found[1]) == _HEX or f"sha256:{found[1]}" in present)


def _subjects(image: Image) -> Iterable[str]:
    found = [] if image.subject is None else [image.subject]
    found += [f"sha256:{match[1]}" for tag in image.tags if (match := _REFERS.fullmatch(tag.name))]
    return dict.fromkeys(found)


def _turned(edges: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    turned: dict[int, list[int]] = {}
    for one, others in edges.items():
        for other in others:
            turned.setdefault(other, []).append(one)
    return turned


def last_pulls(images: Sequence[Image], families: Families) -> list[int | None]:
    """When each was last pulled, where a pull of a child counts for its indexes."""
    found = [image.pulled for image in images]
    if not families.parents:
        return found
    newest_first = sorted((i for i, at in enumerate(found) if at is not None), key=lambda i: -(found[i] or 0))
    settled: set[int] = set()
    for i in newest_first:
        at, waiting = images[i].pulled, [i]
        while waiting:
            one = waiting.pop()
            if one not in settled:
                settled.add(one)
                found[one] = at
                waiting += families.parents.get(one, _NOBODY)
    return found


def reached(starts: Iterable[int], families: Families) -> dict[int, int]:
    """Whatever stays because one of ``starts`` does, by which it stays; the starts by themselves."""
    starts = [*starts]
    found = dict(zip(starts, starts, strict=True))
    waiting = [i for i in found if i in families.related] if families.related else []
    for i in waiting:  # grows as it goes
        for other in families.kept_with(i):
            if other not in found:
                found[other] = i
                waiting.append(other)
    return found


def unowned(families: Families) -> list[int]:
    """Those that no candidate owns, however far: circles, as of an index with the tag of a signature of its child."""
    if not families.unseen:
        return []
    found = owned_by(families.related - families.unseen, families)
    return [i for i in sorted(families.unseen) if i not in found]


def owned_by(starts: Iterable[int], families: Families) -> dict[int, int]:
    """Whatever the starts own, however far, by which; the starts by themselves."""
    starts = [*starts]
    found = dict(zip(starts, starts, strict=True))
    waiting = [i for i in found if i in families.related] if families.related else []
    for i in waiting:
        for other in families.owned(i):
            if other not in found:
                found[other] = i
                waiting.append(other)
    return found
