"""What lifecycle does beside evaluating, in one piece: plans, runs, schedules, and taking runs back."""

from collections.abc import Callable
from dataclasses import dataclass

from wharfinger.lifecycle.book import PolicyBook
from wharfinger.lifecycle.doing import Doing
from wharfinger.lifecycle.explaining import Explaining
from wharfinger.lifecycle.plans import Plans
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
        explaining=Explaining(db, now, book, undeletable),
    )
