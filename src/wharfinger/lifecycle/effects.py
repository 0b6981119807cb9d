"""What a change of lifecycle policies does to the images that are there: which would go, and which would no longer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from wharfinger.access.policy_things import Item
from wharfinger.lifecycle import facts, foreseeing, gathering, judging, reading, surveying
from wharfinger.lifecycle.book import PolicyBook
from wharfinger.lifecycle.evaluate import Verdict, evaluate_repository
from wharfinger.lifecycle.images import OURS
from wharfinger.lifecycle.rules import Policies, active, joined
from wharfinger.lifecycle.surveying import Survey, UndeletableIn
from wharfinger.lifecycle.units import SECOND, size_written
from wharfinger.meta import lifecycle_blobs, lifecycle_facts, scanners
from wharfinger.meta.lifecycle_facts import Repository

IMAGES_AT_MOST = 100_000
"""Images that are looked at; whoever plans must not wait for a million."""
EXAMPLES = 3
PAGE = 1000


@dataclass(slots=True)
class _Found:
    """What is otherwise by the change."""

    seen: int = 0
    going: int = 0
    staying: int = 0
    untagged: int = 0
    frees: int = 0
    examples: list[str] = field(default_factory=list)


class Effects:
    """Says what becomes of the images in the repositories that a changed policy is for."""

    def __init__(self, now: Callable[[], float], book: PolicyBook, undeletable: UndeletableIn) -> None:
        self._now = now
        self._book = book
        self._undeletable = undeletable

    def __call__(self, tx: Connection, before: Item | None, after: Item | None, whole: Sequence[Item]) -> str:
        """What the next runs would do otherwise there, with all policies as they will be."""
        changed = reading.policies(tuple(each for each in (before, after) if each is not None))
        old, new = self._book.policies(tx), reading.policies(tuple(whole))
        found = _Found()
        for batch in surveying.batches(_concerned(tx, changed)):
            self._look(tx, batch, old, new, found)
            if found.seen >= IMAGES_AT_MOST:
                break
        return _told(found) + _unknown(tx, reading.policies(() if after is None else (after,)))

    def _look(self, tx: Connection, batch: Sequence[Repository], old: Policies, new: Policies, found: _Found) -> None:
        """Count what is otherwise in these repositories."""
        now = self._now()
        clock, within = round(now * SECOND), self._undeletable(tx, now)
        names = {each.id: each.name for each in batch}
        doomed: list[Repository] = []
        for id, stored in lifecycle_facts.read(tx, list(names), gathering.asked((*old, *new))):
            name = names[id]
            images = gathering.images(name, stored, within(name))
            was = evaluate_repository(joined(active(old), name), images, clock)
            is_ = evaluate_repository(joined(active(new), name), images, clock)
            found.seen += len(images)
            going = [each for each, former in zip(is_, was, strict=True) if _goes(each.verdict, former.verdict)]
            found.going += len(going)
            found.staying += sum(_goes(each.verdict, later.verdict) for each, later in zip(was, is_, strict=True))
            found.untagged += sum(_loses_more(each, former) for each, former in zip(is_, was, strict=True))
            found.examples += [_example(name, each.id, each.tags_removed) for each in going[:EXAMPLES]]
            doomed += [Repository(id, name, len(images))] if going else []
        shared = lifecycle_blobs.shared(tx) if doomed else {}
        for policies, sign in ((new, 1), (old, -1)):
            survey = Survey(policies, self._undeletable, clock, now, shared)
            found.frees += sign * sum(part.plan.frees for part in surveying.parts(tx, doomed, survey))


def _goes(verdict: str, former: str) -> bool:
    return verdict == "delete" and former != "delete"


def _loses_more(verdict: Verdict, former: Verdict) -> bool:
    had = former.tags_removed if former.verdict == "untag" else ()
    return verdict.verdict == "untag" and not set(verdict.tags_removed) <= set(had)


def _concerned(tx: Connection, policies: Policies) -> Iterator[Repository]:
    last = ""
    while page := lifecycle_facts.repositories_after(tx, last, PAGE):
        last = page[-1].name
        yield from (each for each in page if each.images and judging.is_concerned(policies, each.name))


def _example(repository: str, digest: str, tags: Sequence[str]) -> str:
    return f"{repository}:{tags[0]}" if tags else f"{repository}@{digest}"


def _unknown(tx: Connection, coming: Policies) -> str:
    """Scanners that a rule names and that are not there: of them nothing counts, and a typing error is silent."""
    groups = (group for policy in coming for group in foreseeing.every_group(list(policy.labelled())))
    asked = (each for group in groups for each in group.conditions if isinstance(each, facts.Severity))
    named = {name for each in asked for name in each.scanners or ()}
    missing = sorted(named - {OURS, *(each.name for each in scanners.every(tx))})
    return f"; there is no scanner {', '.join(missing)}" if missing else ""


def _told(found: _Found) -> str:
    least = "at least " if found.seen >= IMAGES_AT_MOST else ""
    of = f"of {least}{found.seen} image{'' if found.seen == 1 else 's'} in its repositories"
    said = []
    if found.going:
        examples = ", ".join(found.examples[:EXAMPLES]) + (", …" if found.going > EXAMPLES else "")
        said.append(f"{found.going} would go ({examples}), which frees {size_written(max(0, found.frees))}")
    if found.untagged:
        said.append(f"{found.untagged} would lose tags")
    if found.staying:
        said.append(f"{found.staying} would no longer go")
    return f"{of}, {'; '.join(said)}" if said else f"{of}, none is decided otherwise"
