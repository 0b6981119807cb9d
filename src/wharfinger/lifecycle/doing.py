"""One repository's part of a run, in one transaction: it is looked at again, and only what still holds is done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from wharfinger.access.caller import system
from wharfinger.lifecycle import brownouts, comparing, gathering, judging
from wharfinger.lifecycle.book import PolicyBook
from wharfinger.lifecycle.comparing import Agreed
from wharfinger.lifecycle.evaluate import Verdict
from wharfinger.lifecycle.images import Image
from wharfinger.lifecycle.judging import Judged
from wharfinger.lifecycle.rules import Policies, active, brownout_length, trash_length
from wharfinger.lifecycle.surveying import UndeletableIn
from wharfinger.lifecycle.units import SECOND
from wharfinger.meta import audit, in_use, lifecycle_facts, lifecycle_runs, tags
from wharfinger.meta import brownouts as marks
from wharfinger.meta.history import How
from wharfinger.meta.lifecycle_runs import Done, Item, Run
from wharfinger.registry.tag_changes import TagChanges, Where
from wharfinger.registry.trash import Trash
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName, Tag

Outcome = tuple[Done, str | None]

TAGS_TOLD = 100
"""Tags that the audit trail names of an image that went with them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found before the transaction began. While that is all the same, its verdicts are."""

    policies: Policies
    judged: Judged


class Doing:
    """Does what a run lists of one repository."""

    def __init__(self, book: PolicyBook, undeletable: UndeletableIn, trash: Trash, changes: TagChanges) -> None:
        self._book = book
        self._undeletable = undeletable
        self._trash = trash
        self._changes = changes

    def look(self, tx: Connection, where: Where, clock: int, now: float) -> Seen | None:
        """The verdicts as they are now, changing nothing; None where there are no images."""
        policies = self._book.policies(tx)
        facts = lifecycle_facts.read_one(tx, where.id, gathering.asked(policies))
        if facts is None:
            return None
        undeletable = self._undeletable(tx, now)(where.name)
        return Seen(policies, judging.judge(where.name, facts, policies, undeletable, clock, _lately(tx, where, now)))

    def do(self, tx: Connection, run: Run, where: Where, seen: Seen | None, now: float) -> bool:
        """Delete and untag what the run lists here, and still holds, or begin the brown-out before that.

        False when the run has to stop.

        Whatever is to be noted of each image is noted. Raises what makes the transaction be taken back.
        """
        items = lifecycle_runs.items_in(tx, run.id, where.id, Done.WAITING)
        in_use.hold_reports(tx)
        lifecycle_facts.lock(tx, where.id, [item.digest for item in items])
        judged = self._judge(tx, run, where, seen, now)
        found = brownouts.apart(tx, where, _agreed(judged, items), run.clock)
        if found.changed and not run.report.get("skip_changed"):
            lifecycle_runs.settle(tx, run.id, where.id, _outcomes(found.changed, Done.CHANGED))
            return False
        settled = _left(found) | dict.fromkeys(found.already, (Done.ALREADY, None))
        length = brownout_length(active(self._book.policies(tx)), where.name)
        if _is_too_much(run, judged, found):
            settled |= dict.fromkeys(found.taken, (Done.OVER, None))
        elif length and found.taken:
            self._doom(tx, run, where, found, items, now, now + length / SECOND)
        else:
            settled |= self._take(tx, run, where, found, items, now)
        lifecycle_runs.settle(tx, run.id, where.id, settled)
        return True

    def end(self, tx: Connection, run: Run, where: Where, now: float) -> None:
        """The run's brown-out here is over: delete and untag what nobody pulled and still should go, by its clock.

        What does not is left, and why is noted. It counted for the ceiling when the brown-out began; now it must not
        be more than that of what there is by now.
        """
        in_use.hold_reports(tx)
        there = marks.digests(tx, run.id, where.id)
        lifecycle_facts.lock(tx, where.id, there)
        items = marks.hold(tx, run.id, where.id)
        judged = self._judge(tx, run, where, None, now, more=frozenset({"pulled"}))
        judged = None if judged is None else replace(judged, lately=frozenset())
        why = brownouts.reprieved(tx, run, where, items, judged)
        found = _agreed(judged, [item for item in items if item.digest not in why])
        settled = _left(found) | _outcomes(why, Done.CHANGED)
        if _is_too_much(run, judged, found):
            settled |= dict.fromkeys(found.taken, (Done.OVER, None))
        else:
            settled |= self._take(tx, run, where, found, items, now)
        lifecycle_runs.settle(tx, run.id, where.id, settled)
        marks.release(tx, run.id, where.id, there)

    def _judge(
        self,
        tx: Connection,
        run: Run,
        where: Where,
        seen: Seen | None,
        now: float,
        more: frozenset[str] = frozenset(),
    ) -> Judged | None:
        policies = self._book.held(tx)
        facts = lifecycle_facts.read_one(tx, where.id, gathering.asked(policies) | more)
        if facts is None:
            return None
        undeletable = self._undeletable(tx, now)(where.name)
        if seen is not None and seen.policies is policies and seen.judged.facts == facts:
            images = gathering.images(where.name, facts, undeletable)
            if images == seen.judged.images:  # also in which of its tags may not be removed
                return seen.judged
        lately = _lately(tx, where, now)
        return judging.judge(where.name, facts, policies, undeletable, round(run.clock * SECOND), lately)

    def _doom(
        self, tx: Connection, run: Run, where: Where, found: Agreed, items: Sequence[Item], now: float, goes_at: float
    ) -> None:
        brownouts.begin(tx, run.id, where, found, goes_at)
        by, doomed = system("lifecycle", now), [item for item in items if item.digest in found.taken]
        told = (_told(run, where.name, item, goes_at=goes_at) for item in doomed)
        audit.add_many(tx, [by.entry("manifest.doom", **fields) for fields in told])

    def _take(
        self, tx: Connection, run: Run, where: Where, found: Agreed, items: Sequence[Item], now: float
    ) -> dict[Digest, Outcome]:
        """Delete and untag it; what became of each."""
        self._delete(tx, run, where, found, items, now)
        self._untag(tx, run, where, found.untag, now)
        done: dict[Digest, Outcome] = dict.fromkeys(found.delete, (Done.DELETED, None))
        return done | dict.fromkeys(found.untag, (Done.UNTAGGED, None))

    def _delete(self, tx: Connection, run: Run, where: Where, found: Agreed, items: Sequence[Item], now: float) -> None:
        by, listed = system("lifecycle", now), {item.digest: item for item in items}
        together: dict[Digest, list[Digest]] = {}
        for digest in sorted(found.delete):
            together.setdefault(found.roots[digest], []).append(digest)
        length = trash_length(self._book.policies(tx), where.name)
        empties_at = None if length is None else now + length / SECOND
        for root, digests in together.items():
            why = f"lifecycle run {run.id}: {listed[root].reason}"
            self._trash.put(
                tx,
                by,
                where,
                digests,
                root=root,
                why=why,
                how=How.LIFECYCLE,
                empties_at=empties_at,
                run_id=run.id,
            )
        told = (_told(run, where.name, listed[digest]) for digest in sorted(found.delete))
        audit.add_many(tx, [by.entry("manifest.delete", **fields) for fields in told])

    def _untag(self, tx: Connection, run: Run, where: Where, found: Mapping[Digest, Sequence[str]], now: float) -> None:
        by = system("lifecycle", now)
        for digest, names in found.items():
            gone = [Tag(name) for name in sorted(names)]
            for tag in gone:
                tags.remove(tx, where.name, tag)
            self._changes.removed(tx, by, where, gone, digest, now, How.LIFECYCLE)
            told = {"run": run.id, "for": run.who}
            fields = {"repository": where.name, "digest": digest, "detail": told}
            audit.add_many(tx, [by.entry("tag.delete", tag=tag, **fields) for tag in gone])


def _agreed(judged: Judged | None, items: Sequence[Item]) -> Agreed:
    images: Sequence[Image] = judged.images if judged else ()
    verdicts: Sequence[Verdict] = judged.verdicts if judged else ()
    delete = {item.digest: item.tags for item in items if item.verdict == "delete"}
    untag = {item.digest: item.tags for item in items if item.verdict == "untag"}
    return comparing.agreed(images, verdicts, delete, untag)


def _is_too_much(run: Run, judged: Judged | None, found: Agreed) -> bool:
    return judged is not None and judged.is_too_much(found.taken) and not run.report.get("over_ceiling")


def _lately(tx: Connection, where: Where, now: float) -> Iterable[str]:
    return lifecycle_runs.taken_since(tx, [where.id], now - judging.LATELY).get(where.id, ())


def _left(found: Agreed) -> dict[Digest, Outcome]:
    return _outcomes(found.changed, Done.CHANGED) | dict.fromkeys(found.gone, (Done.GONE, None))


def _outcomes(found: Mapping[Digest, str], state: Done) -> dict[Digest, Outcome]:
    return {digest: (state, why) for digest, why in found.items()}


def _told(run: Run, repository: RepoName, item: Item, **more: float) -> dict[str, Any]:
    """What an entry of the trail says of it."""
    detail = {
        "run": run.id,
        "for": run.who,
        "rule": item.rule,
        "tags": item.tags[:TAGS_TOLD],
        "tags_in_all": len(item.tags),
        **more,
    }
    return {"repository": repository, "digest": item.digest, "detail": detail}
