"""A policy against what really happened: had it been in force, which pulls would have failed? Pure.

The past is made of what is here and in the trash, of the history of tags and of recorded pulls. It is gone through in
steps; whatever the policy deletes or untags at one stays so until it is pushed or tagged again. What was purged, or is
gone from the trash, nobody can tell of.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from wharfinger.lifecycle.evaluate import Verdict
from wharfinger.lifecycle.images import Image, TagOf

Decide = Callable[[Sequence[Image], int], Sequence[Verdict]]


@dataclass(frozen=True, slots=True)
class Pull:
    """Recorded pulls of one account: from ``first`` to ``last``, by tag or by digest."""

    first: int
    last: int
    count: int
    account: str
    tag: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Pulls that would have failed: since when the image, or its tag, would have been gone, and by which rule."""

    pull: Pull
    since: int
    rule: str | None
    what: str


@dataclass(frozen=True, slots=True)
class Past:
    """One repository's: all images that are known, the events of tags in order, and pulls."""

    images: Sequence[Image]
    events: Sequence[tuple[str, str | None, int]]
    pulls: Sequence[Pull]


@dataclass(slots=True)
class _Gone:
    """What would be gone by now: when it went, and by which rule."""

    images: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    tags: dict[tuple[str, str], tuple[int, str | None]] = field(default_factory=dict)


def replay(past: Past, decide: Decide, moments: Iterable[int]) -> Iterator[Failed]:
    """The pulls that would have failed; ``moments`` are when the policy would have run, in order."""
    story, gone, waiting = _Story.of(past), _Gone(), list(past.pulls)
    for moment in moments:
        over = [pull for pull in waiting if pull.last < moment]
        waiting = [pull for pull in waiting if pull.last >= moment]
        yield from _failing(over, gone, story)
        for verdict in decide(story.images_at(moment, gone), moment):
            if verdict.verdict == "delete":
                gone.images[verdict.id] = (moment, verdict.rule)
            for tag in verdict.tags_removed:
                gone.tags[verdict.id, tag] = (moment, verdict.rule)
    yield from _failing(waiting, gone, story)


def _failing(pulls: Iterable[Pull], gone: _Gone, story: "_Story") -> Iterator[Failed]:
    for pull in pulls:
        image = gone.images.get(pull.digest)
        tag = gone.tags.get((pull.digest, pull.tag)) if pull.tag is not None else None
        for what, went in (("image", image), ("tag", tag)):
            if went is not None and went[0] < pull.last and not story.came_back(pull.digest, went[0], pull.first):
                yield Failed(pull, went[0], went[1], what)
                break


@dataclass(frozen=True, slots=True)
class _Story:
    """The past, arranged by image: when each was pushed or tagged, and when it was pulled."""

    past: Past
    came: Mapping[str, Sequence[int]]
    pulls: Mapping[str, Sequence[Pull]]

    @classmethod
    def of(cls, past: Past) -> "_Story":
        """The same, arranged."""
        came = {image.id: [image.pushed] for image in past.images}
        pulls: dict[str, list[Pull]] = {}
        for _, digest, at in past.events:
            if digest in came:
                came[digest].append(at)
        for pull in past.pulls:
            pulls.setdefault(pull.digest, []).append(pull)
        return cls(past, came, pulls)

    def came_back(self, digest: str, went: int, until: int) -> bool:
        """Whether the image was pushed or tagged in between."""
        return any(went < at <= until for at in self.came.get(digest, ()))

    def images_at(self, moment: int, gone: _Gone) -> list[Image]:
        """What there would have been then, with the tags that it would have had."""
        tags, lost = self._tags_at(moment, gone)
        found = []
        for image in self.past.images:
            went = gone.images.get(image.id)
            if went is not None and self.came_back(image.id, went[0], moment):
                del gone.images[image.id]
            elif went is not None or min(self.came[image.id]) > moment:
                continue
            untagged = None if image.id in tags else lost.get(image.id)
            known = {"tags": tuple(tags.get(image.id, ())), "untagged_since": untagged}
            found.append(replace(image, **self._times_at(image, moment), **known))
        return found

    def _times_at(self, image: Image, moment: int) -> dict[str, int | None]:
        pulls = [pull for pull in self.pulls.get(image.id, ()) if pull.first <= moment]
        pulled = max((pull.last if pull.last <= moment else pull.first for pull in pulls), default=None)
        pushed = image.pushed if image.pushed <= moment else min(self.came[image.id])
        return {"pushed": pushed, "pulled": pulled}

    def _tags_at(self, moment: int, gone: _Gone) -> tuple[dict[str, list[TagOf]], dict[str, int]]:
        """The tags of each image, less those that would have been taken; and when each lost one."""
        where: dict[str, tuple[str, int]] = {}
        lost: dict[str, int] = {}
        for tag, digest, at in self.past.events:
            if at > moment:
                break
            if tag in where:
                lost[where.pop(tag)[0]] = at
            if digest is not None:
                where[tag] = (digest, at)
        tags: dict[str, list[TagOf]] = {}
        for tag, (digest, at) in where.items():
            taken = gone.tags.get((digest, tag))
            if taken is None or taken[0] < at:
                tags.setdefault(digest, []).append(TagOf(tag, at))
            else:
                lost[digest] = max(lost.get(digest, 0), taken[0])
        return tags, lost
