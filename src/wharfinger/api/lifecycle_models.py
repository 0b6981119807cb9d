"""What the routes of lifecycle take and give."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from wharfinger.lifecycle.evaluate import Verdict
from wharfinger.lifecycle.explaining import Explained
from wharfinger.lifecycle.replays import Replayed
from wharfinger.lifecycle.undoing import NAMED_AT_MOST, Undone
from wharfinger.lifecycle.units import SECOND, written
from wharfinger.meta.brownouts import Mark
from wharfinger.meta.lifecycle_runs import Item, Run
from wharfinger.spec.names import RepoName

DAYS_AT_MOST = 3660


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PlanWanted(_Request):
    """``repositories`` is a selector, as in a policy: text, a list or a mapping; without it, all."""

    repositories: Any = None


class ReplayWanted(_Request):
    """``policy`` is the text of a policy.yaml; without it, what is in force is replayed."""

    days: int = Field(ge=1, le=DAYS_AT_MOST)
    policy: str | None = None


class FailedView(BaseModel):
    """Pulls by one account that would have failed: from ``first`` to ``last``, in seconds since the epoch.

    ``what`` would have been gone since ``since``: the image, or the tag.
    """

    repository: str
    account: str
    tag: str | None
    digest: str
    first: float
    last: float
    count: int
    what: str
    since: float
    rule: str | None


class ReplayView(BaseModel):
    """How many recorded pulls there are, how many would have failed, and the first thousand of those records."""

    pulls: int
    failing: int
    failed: list[FailedView]

    @classmethod
    def of(cls, replayed: Replayed) -> "ReplayView":
        """What may be told of it."""
        failed = [
            FailedView(
                repository=name,
                account=each.pull.account,
                tag=each.pull.tag,
                digest=each.pull.digest,
                first=each.pull.first / SECOND,
                last=each.pull.last / SECOND,
                count=each.pull.count,
                what=each.what,
                since=each.since / SECOND,
                rule=each.rule,
            )
            for name, each in replayed.failed
        ]
        return cls(pulls=replayed.pulls, failing=replayed.failing, failed=failed)


class RunView(BaseModel):
    """A run. ``state`` is planning, running, brown-out, finished, refused, stopped, interrupted or undone.

    In a brown-out, its report has ``goes_at``: when that ends.
    """

    id: int
    kind: str
    state: str
    who: str
    clock: float
    started_at: float
    finished_at: float | None
    report: dict[str, Any]

    @classmethod
    def of(cls, run: Run) -> "RunView":
        """What may be told of a run."""
        return cls(
            id=run.id,
            kind=run.kind,
            state=run.state,
            who=run.who,
            clock=run.clock,
            started_at=run.started_at,
            finished_at=run.finished_at,
            report=dict(run.report),
        )


class RunItemView(BaseModel):
    """What a run did with one image. ``state`` says what became of it, ``goes_at`` when its brown-out ends.

    ``spared_at`` is when a pull took it off the list. Both are in seconds since the epoch.
    """

    repository: str
    digest: str
    verdict: str
    rule: str | None
    reason: str
    tags: list[str]
    state: str
    goes_at: float | None
    spared_at: float | None

    @classmethod
    def of(cls, repository: RepoName, item: Item) -> "RunItemView":
        """What may be told of an item."""
        return cls(
            repository=repository,
            digest=item.digest,
            verdict=item.verdict,
            rule=item.rule,
            reason=item.reason,
            tags=list(item.tags),
            state=item.state,
            goes_at=item.goes_at,
            spared_at=item.spared_at,
        )


class RunReport(BaseModel):
    """A run, how many images are in which state, and the first thousand of them."""

    run: RunView
    counts: dict[str, int]
    items: list[RunItemView]


class RunList(BaseModel):
    """Runs, the newest first; ``next`` begins the next page."""

    runs: list[RunView]
    next: int | None


class UndoneView(BaseModel):
    """What is back; images that are lost, and tags that stay away, each with the reason: the first hundred."""

    run: RunView
    restored: int
    lost: list[str]
    tags_left: list[str]

    @classmethod
    def of(cls, undone: Undone) -> "UndoneView":
        """What may be told of it."""
        return cls(
            run=RunView.of(undone.run),
            restored=undone.restored,
            lost=[f"{name}@{digest}" for name, digest in undone.lost[:NAMED_AT_MOST]],
            tags_left=[f"{name}:{tag}: {why}" for name, tag, why in undone.left[:NAMED_AT_MOST]],
        )


class VerdictView(BaseModel):
    """What becomes of an image, by which rule and why. ``protected_by`` as in ``wharf lifecycle evaluate``."""

    verdict: str
    rule: str | None
    reason: str
    tags_removed: list[str]
    protected_by: str | None

    @classmethod
    def of(cls, verdict: Verdict) -> "VerdictView":
        """What may be told of a verdict."""
        return cls(
            verdict=verdict.verdict,
            rule=verdict.rule,
            reason=verdict.reason,
            tags_removed=list(verdict.tags_removed),
            protected_by=verdict.protected_by,
        )


class DoomedView(BaseModel):
    """An image in the brown-out of a run: when that ends, and when a pull took the image off the list, if one did."""

    run: int
    repository: str
    digest: str
    verdict: str
    rule: str | None
    reason: str
    tags: list[str]
    goes_at: float | None
    spared_at: float | None

    @classmethod
    def of(cls, mark: Mark) -> "DoomedView":
        """What may be told of it."""
        item = mark.item
        return cls(
            run=mark.run,
            repository=mark.repository,
            digest=item.digest,
            verdict=item.verdict,
            rule=item.rule,
            reason=item.reason,
            tags=list(item.tags),
            goes_at=item.goes_at,
            spared_at=item.spared_at,
        )


class DoomedPage(BaseModel):
    """Images by repository and digest; ``next`` begins the next page."""

    doomed: list[DoomedView]
    next: str | None


class ExplainedView(BaseModel):
    """The verdict now, and the next one that is another, with its time in RFC 3339.

    Both are null where nothing that is known now will change it; ``known_until`` is how far was looked, null for
    everything. ``brownout`` is the one that it is in.
    """

    repository: str
    digest: str
    rules: int
    brownout: DoomedView | None
    now: VerdictView
    next: VerdictView | None
    next_at: str | None
    known_until: str | None

    @classmethod
    def of(cls, explained: Explained) -> "ExplainedView":
        """What may be told of it."""
        found = explained.foreseen
        return cls(
            repository=explained.repository,
            digest=explained.digest,
            rules=explained.rules,
            brownout=None if explained.mark is None else DoomedView.of(explained.mark),
            now=VerdictView.of(found.verdict),
            next=None if found.next is None else VerdictView.of(found.next),
            next_at=None if found.at is None else written(found.at),
            known_until=None if found.until is None else written(found.until),
        )
