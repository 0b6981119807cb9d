"""What the routes of the trash, of holds, of what is in use and of purging take and give. Times are in seconds."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from wharfinger.meta.holds import Hold
from wharfinger.meta.in_use import Reporter
from wharfinger.meta.trash_list import InTrash
from wharfinger.registry.holds import BECAUSE_AT_MOST
from wharfinger.registry.in_use import PLACES_AT_MOST, Reported
from wharfinger.registry.purges import Purged
from wharfinger.registry.trash import Returned

EMPTY_AT_MOST = 1000
IMAGES_AT_MOST = 20_000
NAMED_AT_MOST = 100
LAST_MOMENT = 253402300799.0  # the last second of the year 9999


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TrashPage(BaseModel):
    trash: Sequence[InTrash]
    next: str | None


class Restore(_Request):
    """A digest, or a tag that the manifest had."""

    reference: str = Field(max_length=300)


class Empty(_Request):
    """Which manifests; all of the repository's trash where this is null."""

    digests: list[str] | None = Field(max_length=EMPTY_AT_MOST)


class Emptied(BaseModel):
    emptied: int


class LeftTagView(BaseModel):
    tag: str
    digest: str
    why: str


class Restored(BaseModel):
    """``left`` are tags that were not put back, ``missing`` are children that are nowhere any more."""

    digests: Sequence[str]
    tags: Sequence[str]
    left: list[LeftTagView]
    missing: Sequence[str]

    @classmethod
    def of(cls, returned: Returned) -> "Restored":
        """What may be told: all of it."""
        left = [LeftTagView(tag=one.tag, digest=one.digest, why=one.why) for one in returned.left]
        return cls(digests=returned.digests, tags=returned.tags, left=left, missing=returned.missing)


class HoldWanted(_Request):
    """``until`` is null for a hold without end."""

    reference: str = Field(max_length=300)
    until: float | None = Field(default=None, ge=0, le=LAST_MOMENT)
    because: str = Field(max_length=BECAUSE_AT_MOST)


class HoldPage(BaseModel):
    holds: Sequence[Hold]
    next: int | None


class RunningImage(_Request):
    """``reference`` is a tag, or the digest of a manifest, an index or a config."""

    repository: str = Field(max_length=255)
    reference: str = Field(max_length=300)
    places: list[str] = Field(default_factory=list, max_length=PLACES_AT_MOST)


class Report(_Request):
    """All that the reporter runs; it promises to report again within ``interval`` seconds."""

    interval: int
    images: list[RunningImage] = Field(max_length=IMAGES_AT_MOST)


class ReportedView(BaseModel):
    """How many images are protected by this report; how many are not here, or not for this account to see; some."""

    images: int
    unknown: int
    examples: list[str]

    @classmethod
    def of(cls, reported: Reported) -> "ReportedView":
        """What may be told."""
        examples = [
            f"{one.repository}{'@' if ':' in one.reference else ':'}{one.reference}" for one in reported.unknown
        ]
        return cls(images=reported.images, unknown=len(examples), examples=examples[:NAMED_AT_MOST])


class ReporterView(BaseModel):
    """``silent`` says that it has not reported for twice its interval; what it protects stays protected."""

    name: str
    account: str
    interval: int
    reported_at: float
    images: int
    silent: bool

    @classmethod
    def of(cls, reporter: Reporter, now: float) -> "ReporterView":
        """What may be told of it at this time."""
        return cls(
            name=reporter.name,
            account=reporter.account,
            interval=reporter.interval,
            reported_at=reporter.reported_at,
            images=reporter.images,
            silent=reporter.is_silent(now),
        )


class Reporters(BaseModel):
    reporters: list[ReporterView]


class PurgeWanted(_Request):
    digest: str = Field(max_length=300)
    because: str = Field(max_length=BECAUSE_AT_MOST)


class PurgedView(BaseModel):
    """The manifests and blobs that are gone; ``kept`` are blobs that something else needs."""

    manifests: list[str]
    blobs: Sequence[str]
    bytes: int
    kept: Sequence[str]

    @classmethod
    def of(cls, purged: Purged) -> "PurgedView":
        """What may be told: all of it."""
        manifests = [f"{place.repository}@{place.digest}" for place in purged.manifests]
        return cls(manifests=manifests, blobs=purged.blobs, bytes=purged.bytes, kept=purged.kept)
