"""Before a run deletes: its images can still be pulled for a while, each pull warns, and takes them off its list."""

from collections.abc import Iterable

from sqlalchemy import Connection

from wharfinger.lifecycle import families
from wharfinger.lifecycle.comparing import Agreed
from wharfinger.lifecycle.judging import Judged
from wharfinger.lifecycle.units import SECOND
from wharfinger.meta import brownouts
from wharfinger.meta.lifecycle_runs import Item, Run
from wharfinger.registry.tag_changes import Where
from wharfinger.spec.digest import Digest


def apart(tx: Connection, where: Where, found: Agreed, clock: float) -> Agreed:
    """Without what is in the brown-out of an earlier run: or each plan would put off what the one before it began.

    What a pull has taken off that run's list stays until a plan is made after the pull.
    """
    marks = brownouts.standing(tx, where.id, sorted(found.taken))
    already = [digest for digest, mark in marks.items() if mark.is_doomed]
    spared = {
        digest: f"it was pulled in the brown-out of run {mark.run}, after this plan was made"
        for digest, mark in marks.items()
        if mark.item.spared_at is not None and mark.item.spared_at >= clock
    }
    return found.without(already, spared) if already or spared else found


def begin(tx: Connection, run_id: int, where: Where, found: Agreed, goes_at: float) -> None:
    """What would be done now is in the brown-out; the caller holds the manifests."""
    roots = {digest: found.roots[digest] for digest in found.delete} | {digest: digest for digest in found.untag}
    brownouts.begin(tx, run_id, where.id, roots, goes_at)


def reprieved(
    tx: Connection, run: Run, where: Where, items: Iterable[Item], judged: Judged | None
) -> dict[Digest, str]:
    """Which of these doomed images are not to go after all, whatever the rules say, and why.

    A pull takes its image off the list before it is answered. It is looked for here all the same: a child of a doomed
    index that another index has, too, is on no list, and its pulls count for both.
    """
    if judged is None:
        return {}
    marked = brownouts.standing(tx, where.id, [item.digest for item in items])
    pulls = families.last_pulls(judged.images, families.of(judged.images))
    pulled = {image.id: at for image, at in zip(judged.images, pulls, strict=True)}
    found = {}
    for item in items:
        at = pulled.get(item.digest)
        if item.digest in pulled and item.digest not in marked:
            found[item.digest] = "it was deleted in the brown-out, and has come back"
        elif item.verdict == "delete" and at is not None and at > run.started_at * SECOND:
            found[item.digest] = "it was pulled in the brown-out, or what is below it was"
    return found
