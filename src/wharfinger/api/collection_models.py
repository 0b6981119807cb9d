"""What the management API says of collection."""

import json

from pydantic import BaseModel

from wharfinger.meta.audit import Record
from wharfinger.meta.backlog import Backlog, Candidate
from wharfinger.registry.collect_metrics import Collected


class LastView(BaseModel):
    """The last batch of blobs that went."""

    at: float
    blobs: int
    bytes: int


class BacklogView(BaseModel):
    """``links`` and ``blobs`` are up for review, ``due`` of them now; ``first_due`` is when the first one is or was."""

    links: int
    blobs: int
    due: int
    first_due: float | None
    doomed: int
    doomed_bytes: int
    last: LastView | None

    @classmethod
    def of(cls, found: Backlog, last: Record | None) -> "BacklogView":
        return cls(
            links=found.links,
            blobs=found.blobs,
            due=found.due,
            first_due=found.first_due,
            doomed=found.doomed,
            doomed_bytes=found.doomed_bytes,
            last=None if last is None else LastView(at=last.at, **json.loads(last.detail)),
        )


class CandidateView(BaseModel):
    """A blob that would go. ``repositories`` are some that hold it and have no manifest that needs it."""

    digest: str
    size: int
    repositories: list[str]
    reason: str

    @classmethod
    def of(cls, found: Candidate) -> "CandidateView":
        named = ", ".join(found.repositories)
        reason = f"no manifest needs it in {named}" if named else "no repository holds it"
        return cls(digest=found.digest, size=found.size, repositories=list(found.repositories), reason=reason)


class CandidatePage(BaseModel):
    """``next`` is the ``last`` of the next page; null when this is the end."""

    blobs: list[CandidateView]
    next: str | None


class CollectedView(BaseModel):
    """What a run did. ``busy``: another process is at it; ``more``: the time of the request was over first."""

    reviewed: int
    unlinked: int
    blobs: int
    bytes: int
    deleted: int
    deleted_bytes: int
    failed: int
    busy: bool
    more: bool

    @classmethod
    def of(cls, done: Collected) -> "CollectedView":
        return cls(**{name: getattr(done, name) for name in cls.model_fields})
