"""Taking a run back: what it deleted comes back from the trash, and tags that it took, where they are free."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.errors import Denied, InUse
from wharfinger.meta import audit, brownouts, history, lifecycle_facts, lifecycle_runs, repos, tags
from wharfinger.meta.db import Database
from wharfinger.meta.lifecycle_runs import Done, Item, Run, State
from wharfinger.meta.sql import savepoint
from wharfinger.registry.tag_changes import TagChanges, Where
from wharfinger.registry.trash import Trash
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName, Tag

NAMED_AT_MOST = 100
ENDED = (State.FINISHED, State.STOPPED, State.UNDONE, State.BROWNOUT)
UNDOABLE = (Done.DELETED, Done.UNTAGGED, Done.DOOMED, Done.SPARED)


@dataclass(slots=True)
class Undone:
    """What is back, and what is not: lost images, and tags that stay away, each with the reason."""

    run: Run
    restored: int = 0
    lost: list[tuple[RepoName, Digest]] = field(default_factory=list)
    left: list[tuple[RepoName, Tag, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Away:
    """Tags that are not back, with the reason; and whether the image is not, either."""

    left: list[tuple[Tag, str]]
    stays: bool = False


class Undoing:
    """Takes runs back."""

    def __init__(self, db: Database, now: Callable[[], float], trash: Trash, changes: TagChanges) -> None:
        self._db = db
        self._now = now
        self._trash = trash
        self._changes = changes

    async def undo(self, by: Caller, id: int) -> Undone:
        """Bring back what the run took, and end its brown-out. Safe to repeat, also after it was interrupted.

        Raises RunUnknown, InUse while the run goes on, and Denied where the caller may not delete: whoever may not
        take may not give back.
        """
        run, places = await self._db.write(self._begin, by, id)
        undone = Undone(run)
        for repository_id, name in places:
            restored, lost, left = await self._db.write(self._bring_back, by, run, Where(name, repository_id))
            undone.restored += restored
            undone.lost += ((name, digest) for digest in lost)
            undone.left += ((name, tag, why) for tag, why in left)
        undone.run = await self._db.write(self._finish, by, undone)
        return undone

    def _begin(self, tx: Connection, by: Caller, id: int) -> tuple[Run, list[tuple[int, RepoName]]]:
        run = lifecycle_runs.find(tx, id)
        if run.state not in ENDED:
            raise InUse(f"run {id} is {run.state}: there is nothing to undo" if run.finished_at else "it is going on")
        places = lifecycle_runs.repositories_with(tx, id, *UNDOABLE)
        for _, name in places:
            by.require(Action.DELETE, name)
        if run.state is State.BROWNOUT and not lifecycle_runs.move(tx, run, State.UNDONE):
            raise InUse("it is going on")  # its brown-out has just ended
        return lifecycle_runs.find(tx, id), places

    def _bring_back(
        self, tx: Connection, by: Caller, run: Run, where: Where
    ) -> tuple[int, list[Digest], list[tuple[Tag, str]]]:
        repos.hold(tx, where.id)
        left: list[tuple[Tag, str]] = []
        outcomes: dict[Digest, tuple[Done, str | None]] = {}
        for item in lifecycle_runs.items_in(tx, run.id, where.id, Done.DELETED):
            if item.digest in lifecycle_runs.in_trash(tx, run.id, where.id):
                away = self._restore(tx, by, where, item.digest)
                left += away.left
                if away.stays:
                    continue
            is_back = history.is_held(tx, where.id, item.digest)
            outcomes[item.digest] = (Done.RESTORED, None) if is_back else (Done.LOST, "it is no longer in the trash")
        for item in lifecycle_runs.items_in(tx, run.id, where.id, Done.UNTAGGED):
            outcomes[item.digest] = (Done.RESTORED, None)
            left += self._tag_again(tx, by, where, item)
        outcomes |= self._let_go(tx, run, where)
        lifecycle_runs.settle(tx, run.id, where.id, outcomes)
        lost = [digest for digest, (state, _) in outcomes.items() if state is Done.LOST]
        return len(outcomes) - len(lost), lost, left

    def _let_go(self, tx: Connection, run: Run, where: Where) -> dict[Digest, tuple[Done, str | None]]:
        """End the run's brown-out here: what was doomed is no longer."""
        there = brownouts.digests(tx, run.id, where.id)
        lifecycle_facts.lock(tx, where.id, there)
        doomed = brownouts.hold(tx, run.id, where.id)
        brownouts.release(tx, run.id, where.id, there)
        return {item.digest: (Done.RESTORED, None) for item in doomed}

    def _restore(self, tx: Connection, by: Caller, where: Where, digest: Digest) -> _Away:
        """Out of the trash, unless the name of an immutable tag would be free by it: then it waits for another one."""
        rule = by.rule
        try:
            with savepoint(tx):
                back = self._trash.bring_back(tx, by, where, digest)
        except Denied as denied:
            by.rule = rule
            return _Away([(denied.detail["tag"], denied.message)], stays=True)
        return _Away([(each.tag, each.why) for each in back.left])

    def _tag_again(self, tx: Connection, by: Caller, where: Where, item: Item) -> list[tuple[Tag, str]]:
        if not history.hold_manifest(tx, where.id, item.digest):
            return [(Tag(tag), "its image is gone") for tag in item.tags]
        left = []
        for tag in map(Tag, item.tags):
            why = self._why_not(tx, by, where, tag, item.digest)
            left += [(tag, why)] if why else []
        return left

    def _why_not(self, tx: Connection, by: Caller, where: Where, tag: Tag, digest: Digest) -> str | None:
        """Put the tag back; why that was not to be."""
        decision = by.decide(Action.PUSH, where.name, tag=tag)
        if not decision.allowed:
            return decision.reason
        had = history.since(tx, where.id, tag, digest)
        since = by.now if had is None else had
        rule = by.rule
        try:
            if self._changes.put_back(tx, by, where, tag, digest, since):
                return None
        except Denied as denied:
            by.rule = rule  # the guard noted what forbids it, but this request goes on
            return denied.message
        at = tags.find(tx, where.id, tag)
        return None if at == digest else f"the tag is at {at} now"

    def _finish(self, tx: Connection, by: Caller, undone: Undone) -> Run:
        run, now = undone.run, self._now()
        told = {
            "by": by.name,
            "at": now,
            "restored": undone.restored + run.report.get("undone", {}).get("restored", 0),
            "lost": [f"{name}@{digest}" for name, digest in undone.lost[:NAMED_AT_MOST]],
            "tags_left": [f"{name}:{tag}: {why}" for name, tag, why in undone.left[:NAMED_AT_MOST]],
        }
        report = {"undone": told, "images": lifecycle_runs.counts(tx, run.id)}
        lifecycle_runs.note(tx, run, State.UNDONE, run.finished_at or now, report)
        audit.add(tx, by.entry("lifecycle.undo", detail={"run": run.id, "restored": undone.restored}))
        return lifecycle_runs.find(tx, run.id)
