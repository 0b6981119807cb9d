"""Plans some repositories in one read: what goes, what stays, and what deleting gives back."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct
from sqlalchemy import Connection

from wharfinger.lifecycle import gathering, judging, plan_file
from wharfinger.lifecycle.book import Policies
from wharfinger.lifecycle.freeing import Freed, Shared
from wharfinger.lifecycle.gathering import IsUndeletable
from wharfinger.lifecycle.judging import Judged
from wharfinger.lifecycle.plan_file import RepositoryPlan, Total
from wharfinger.meta import lifecycle_facts, lifecycle_runs
from wharfinger.meta.lifecycle_blobs import Contents
from wharfinger.meta.lifecycle_facts import Repository

UndeletableIn = Callable[[Connection, float], Callable[[str], IsUndeletable | None]]
"""At a time, of a repository, what says which tags may not be removed; None where all may. Given by whoever knows."""

AT_ONCE = 5000
"""Images that are read at once, unless a repository has more."""


@dataclass(frozen=True, slots=True)
class Survey:
    """By which policies, at which moments. ``clock`` is when it is taken to be, in microseconds; ``now`` the time."""

    policies: Policies
    undeletable: UndeletableIn
    clock: int
    now: float
    shared: Shared = field(default_factory=dict[str, tuple[int, int]])
    """The blobs that several repositories have: see ``meta/lifecycle_blobs.py``."""


class Part(Struct, frozen=True):
    """One repository's part of a plan, and its blobs that go when all repositories give them up."""

    plan: RepositoryPlan
    waiting: frozenset[str] = frozenset()


class Written(Struct, frozen=True):
    """The same as a line of the plan, and what it counts: made where there are processes for it."""

    line: bytes
    counts: Total
    waiting: frozenset[str]


def written(part: Part) -> Written:
    """The part as a plan has it."""
    return Written(plan_file.line(part.plan), plan_file.counted(part.plan), part.waiting)


def batches(repositories: Iterable[Repository]) -> Iterable[list[Repository]]:
    """The repositories in lists that are read at once."""
    batch: list[Repository] = []
    images = 0
    for each in repositories:
        if batch and images + each.images > AT_ONCE:
            yield batch
            batch, images = [], 0
        batch.append(each)
        images += each.images
    if batch:
        yield batch


def judged(tx: Connection, repositories: Sequence[Repository], survey: Survey) -> Iterable[Judged]:
    """The verdicts in each of the repositories that some policy is for."""
    concerned = {each.id: each.name for each in repositories if judging.is_concerned(survey.policies, each.name)}
    asked = gathering.asked(survey.policies)
    if concerned:
        undeletable = survey.undeletable(tx, survey.now)
        lately = lifecycle_runs.taken_since(tx, concerned, survey.now - judging.LATELY)
        for id, facts in lifecycle_facts.read(tx, list(concerned), asked):
            name = concerned[id]
            taken = lately.get(id, ())
            yield judging.judge(name, facts, survey.policies, undeletable(name), survey.clock, taken)


def parts(tx: Connection, repositories: Sequence[Repository], survey: Survey) -> list[Part]:
    """The part of each repository, in their order."""
    found = {each.repository: each for each in judged(tx, repositories, survey)}
    doomed = {each.id: found[each.name].doomed for each in repositories if each.name in found}
    freed = _freed(tx, {id: digests for id, digests in doomed.items() if digests}, survey.shared)
    made, nothing = [], Freed({})
    for each in repositories:
        if each.name not in found:
            made.append(Part(RepositoryPlan(each.name, each.images)))
            continue
        gives = freed.get(each.id, nothing)
        made.append(Part(judging.part(found[each.name], gives.each, gives.in_all), frozenset(gives.waiting)))
    return made


def lines(tx: Connection, repositories: Sequence[Repository], survey: Survey) -> list[Written]:
    """The same, written."""
    return [written(part) for part in parts(tx, repositories, survey)]


def _freed(tx: Connection, doomed: Mapping[int, Collection[str]], shared: Shared) -> Mapping[int, Freed]:
    """What each repository gives back when these of its manifests go."""
    found = {id: Freed(shared) for id in doomed}
    contents = Contents(tx, list(doomed))
    for id, _, blobs in contents.of(lambda key, manifest: manifest not in doomed[key]):
        found[id].keep(blobs)
    for id, manifest, blobs in contents.of(lambda key, manifest: manifest in doomed[key]):
        found[id].give_up(manifest, blobs)
    return found
