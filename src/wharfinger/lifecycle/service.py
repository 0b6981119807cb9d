"""What lifecycle does beside evaluating, in one piece: plans, runs, schedules, and taking runs back."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from wharfinger.access.policy_sections import Section
from wharfinger.jobs.housekeeper import Sweep
from wharfinger.lifecycle.book import PolicyBook
from wharfinger.lifecycle.doing import Doing
from wharfinger.lifecycle.effects import Effects
from wharfinger.lifecycle.explaining import Explaining
from wharfinger.lifecycle.plans import Plans
from wharfinger.lifecycle.reading import SECTION
from wharfinger.lifecycle.replays import Replays
from wharfinger.lifecycle.runs import Runs
from wharfinger.lifecycle.scheduled import Scheduled
from wharfinger.lifecycle.surveying import UndeletableIn
from wharfinger.lifecycle.undoing import Undoing
from wharfinger.meta.db import Database
from wharfinger.registry.tag_changes import TagChanges
from wharfinger.registry.trash import Trash


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The services."""

    plans: Plans
    runs: Runs
    undoing: Undoing
    scheduled: Scheduled
    explaining: Explaining
    effects: Effects
    replays: Replays

    @property
    def section(self) -> Section:
        """The section of ``policy.yaml``, which says what a change of it does to the images that are there."""
        return replace(SECTION, effect=self.effects)

    @property
    def sweeps(self) -> dict[str, Sweep]:
        """What is done without being asked; apart from other such things, because a run may take an hour."""
        return {
            "lifecycle runs that were interrupted": self.runs.resume,
            "lifecycle runs on schedule": self.scheduled.sweep,
            "brown-outs that are over": self.runs.end_brownouts,
        }


def build(
    db: Database, now: Callable[[], float], trash: Trash, changes: TagChanges, undeletable: UndeletableIn
) -> Lifecycle:
    """The services over one database; ``undeletable`` says which tags may not be removed."""
    book = PolicyBook()
    plans = Plans(db, now, book, undeletable)
    runs = Runs(db, now, Doing(book, undeletable, trash, changes))
    return Lifecycle(
        plans=plans,
        runs=runs,
        undoing=Undoing(db, now, trash, changes),
        scheduled=Scheduled(db, now, book, plans, runs),
        replays=Replays(db, now, book, undeletable),
        effects=Effects(now, book, undeletable),
        explaining=Explaining(db, now, book, undeletable),
    )
