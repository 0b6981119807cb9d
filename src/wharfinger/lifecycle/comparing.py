"""What of a plan may still be done, by the verdicts as they are now. Never more than what both say. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wharfinger.lifecycle import families
from wharfinger.lifecycle.evaluate import Verdict
from wharfinger.lifecycle.families import Families
from wharfinger.lifecycle.images import Image
from wharfinger.spec.digest import Digest

Wanted = Mapping[Digest, Sequence[str]]
"""By digest, the tags that a plan says go."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What may be done; ``changed`` says why not of what is left, and ``gone`` are no longer there.

    ``already`` are in the brown-out of an earlier run, which is what they wait for.
    """

    delete: frozenset[Digest]
    untag: Mapping[Digest, Sequence[str]]
    changed: Mapping[Digest, str]
    gone: frozenset[Digest]
    roots: Mapping[Digest, Digest] = field(default_factory=dict)
    """Of each that is deleted, the one that it comes back with."""
    already: frozenset[Digest] = frozenset()

    @property
    def taken(self) -> frozenset[Digest]:
        """Whatever goes or loses a tag."""
        return self.delete.union(self.untag)

    def without(self, already: Iterable[Digest], changed: Mapping[Digest, str]) -> "Agreed":
        """The same, but nothing is done with these."""
        waiting = frozenset(already) & self.taken
        others = {digest: why for digest, why in changed.items() if digest in self.taken}
        left = waiting.union(others)
        untag = {digest: tags for digest, tags in self.untag.items() if digest not in left}
        return replace(
            self, delete=self.delete - left, untag=untag, changed={**self.changed, **others}, already=waiting
        )


def agreed(images: Sequence[Image], verdicts: Sequence[Verdict], delete: Wanted, untag: Wanted) -> Agreed:
    """What may be done of this, in one repository."""
    names = [Digest(image.id) for image in images]
    numbers = {digest: i for i, digest in enumerate(names)}
    family = families.of(images)
    changed: dict[Digest, str] = {}
    going: set[int] = set()
    taking: dict[Digest, Sequence[str]] = {}
    for digest, tags in delete.items():
        if digest in numbers:
            why = _against_deleting(verdicts[numbers[digest]], tags)
            changed |= {digest: why} if why else {}
            going |= set() if why else {numbers[digest]}
    for digest, tags in untag.items():
        has = {tag.name for tag in images[numbers[digest]].tags} if digest in numbers else set()
        left = [tag for tag in tags if tag in has]
        if left:
            why = _against_untagging(verdicts[numbers[digest]], left)
            changed |= {digest: why} if why else {}
            taking |= {} if why else {digest: left}
    for i, why in _held_back(going, images, verdicts, family).items():
        going.discard(i)
        changed[names[i]] = why
    gone = frozenset({*delete, *untag} - {names[i] for i in going} - changed.keys() - taking.keys())
    roots = {names[i]: names[root] for i, root in _roots(going, images, family).items()}
    return Agreed(frozenset(names[i] for i in going), taking, changed, gone, roots)


def _against_deleting(verdict: Verdict, listed: Sequence[str]) -> str | None:
    if verdict.verdict != "delete":
        return f"it would stay by now: {verdict.reason}"
    new = [tag for tag in verdict.tags_removed if tag not in listed]
    return f"it has the tag {new[0]} by now, which the plan does not list" if new else None


def _against_untagging(verdict: Verdict, listed: Sequence[str]) -> str | None:
    if verdict.verdict == "delete":
        return "it would go as a whole by now, and the plan lists tags"
    kept = [tag for tag in listed if tag not in verdict.tags_removed]
    return f"it would not lose the tag {kept[0]} by now: {verdict.reason}" if kept else None


def _held_back(
    going: Iterable[int], images: Sequence[Image], verdicts: Sequence[Verdict], family: Families
) -> dict[int, str]:
    """Those that may not go, though their own verdict says so, because of what belongs to them or needs them.

    What belongs to one that goes, goes too: where that is not in the plan (a signature pushed a minute ago) or has
    changed, its owner waits for the next plan. And what stays for that reason keeps what it needs.
    """
    left, found = set(going), dict[int, str]()
    doomed = {i for i, verdict in enumerate(verdicts) if verdict.verdict == "delete"}
    fresh = True
    while fresh:
        fresh = False
        for i in sorted(left):
            other = next((n for n in family.owned(i) if n in doomed and n not in left), None)
            if other is not None:
                left.discard(i)
                found[i] = f"{images[other].id} belongs to it by now, and the plan does not list that or it has changed"
                fresh = True
        for i, by in families.reached(doomed - left, family).items():
            if i in left:
                left.discard(i)
                found[i] = f"{images[by].id} needs it, and stays until the next plan"
                fresh = True
    return found


def _roots(going: Iterable[int], images: Sequence[Image], family: Families) -> dict[int, int]:
    """Those that belong together, however far, have one root: one that nothing else that goes owns."""
    going = set(going)
    found: dict[int, int] = {}
    for start in sorted(going, key=lambda i: (any(n in going for n in family.owners(i)), images[i].id)):
        waiting = [start] if start not in found else []
        while waiting:
            i = waiting.pop()
            if i not in found:
                found[i] = start
                waiting += [n for n in (*family.owned(i), *family.owners(i)) if n in going and n not in found]
    return found
