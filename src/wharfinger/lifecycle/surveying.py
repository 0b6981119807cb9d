"""Plans some repositories in one read: what goes, what stays, and what deleting gives back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct
from sqlalchemy import Connection

from wharfinger.lifecycle import gathering, judging, plan_file
from wharfinger.lifecycle.freeing import Freed, Shared
from wharfinger.lifecycle.gathering import IsUndeletable
from wharfinger.lifecycle.judging import Judged
from wharfinger.lifecycle.plan_file import RepositoryPlan, Total
from wharfinger.lifecycle.rules import Policies
from wharfinger.meta import lifecycle_blobs, lifecycle_facts, lifecycle_runs
from wharfinger.meta.lifecycle_facts import Repository
from wharfinger.spec.needs import Key

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
    shared: Shared = field(default_factory=dict[Key, tuple[int, int]])
    """The blobs that several repositories have: see ``meta/lifecycle_blobs.py``."""


class Part(Struct, frozen=True):
    """One repository's part of a plan, and its blobs that go when all repositories give them up."""

    plan: RepositoryPlan
    waiting: frozenset[Key] = frozenset()


class Written(Struct, frozen=True):
    """The same as a line of the plan, and what it counts: made where there are processes for it."""

    line: bytes
    counts: Total
    waiting: frozenset[Key]


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


def judged(
    tx: Connection, repositories: Sequence[Repository], survey: Survey, more: frozenset[str] = frozenset()
) -> Iterable[Judged]:
    """The verdicts in each of the repositories that some policy is for; ``more`` are columns beside what rules ask."""
    concerned = {each.id: each.name for each in repositories if judging.is_concerned(survey.policies, each.name)}
    asked = gathering.asked(survey.policies) | more
    if concerned:
        undeletable = survey.undeletable(tx, survey.now)
        lately = lifecycle_runs.taken_since(tx, concerned, survey.now - judging.LATELY)
        for id, facts in lifecycle_facts.read(tx, list(concerned), asked):
            name = concerned[id]
            taken = lately.get(id, ())
            yield judging.judge(name, facts, survey.policies, undeletable(name), survey.clock, taken)


def parts(tx: Connection, repositories: Sequence[Repository], survey: Survey) -> list[Part]:
    """The part of each repository, in their order."""
    found = {each.repository: each for each in judged(tx, repositories, survey, frozenset({"needs"}))}
    return [_part(tx, each, found.get(each.name), survey.shared) for each in repositories]


def lines(tx: Connection, repositories: Sequence[Repository], survey: Survey) -> list[Written]:
    """The same, written."""
    return [written(part) for part in parts(tx, repositories, survey)]


def _part(tx: Connection, repository: Repository, judged: Judged | None, shared: Shared) -> Part:
    if judged is None:
        return Part(RepositoryPlan(repository.name, repository.images))
    freed = Freed(shared)
    if not judged.doomed:
        return Part(judging.part(judged, {}, 0))
    facts = judged.facts
    needs = lifecycle_blobs.filled(tx, repository.id, facts.digests, facts.manifests["needs"])
    for verdict, needed in zip(judged.verdicts, needs, strict=True):
        if verdict.verdict != "delete":
            freed.keep(needed)
    frees = {
        verdict.id: freed.give_up(needed)
        for verdict, needed in zip(judged.verdicts, needs, strict=True)
        if verdict.verdict == "delete"
    }
    return Part(judging.part(judged, frees, freed.in_all), frozenset(freed.waiting))
