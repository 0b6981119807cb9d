"""What the routes of tagging take and give."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from wharfinger.meta.history import Event
from wharfinger.registry.tag_changes import TagChange
from wharfinger.tagging.tagging import NAMES_AT_MOST, Tagged


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TagWanted(_Request):
    """``version`` is a full one, such as 1.4.2; with ``floating``, 1.4 and 1 follow it where they may."""

    digest: str
    version: str | None = None
    commit: str | None = None
    names: list[str] = Field(default_factory=list, max_length=NAMES_AT_MOST)
    floating: bool = True


class Rollback(_Request):
    """``to`` is a time, such as 2h-ago, or a digest; ``expected`` is where the tag must be now, empty for nowhere."""

    to: str = Field(max_length=200)
    expected: str | None = None
    dry_run: bool = False


class MovedView(BaseModel):
    """``before`` is null where there was no such tag."""

    tag: str
    before: str | None
    after: str | None

    @classmethod
    def of(cls, change: TagChange) -> "MovedView":
        """What may be told of a change."""
        return cls(tag=change.tag, before=change.before, after=change.after)


class ImmutableView(BaseModel):
    """``rule`` is the name of the rule that makes the tag immutable."""

    immutable: bool
    rule: str | None


class LeftView(BaseModel):
    tag: str
    why: str


class TaggedView(BaseModel):
    """``changes`` were made, ``same`` were there already, ``left`` are floating tags that stay where they are."""

    changes: list[MovedView]
    same: list[str]
    left: list[LeftView]

    @classmethod
    def of(cls, tagged: Tagged) -> "TaggedView":
        """What may be told: all of it."""
        return cls(
            changes=[MovedView.of(change) for change in tagged.changes],
            same=list(tagged.same),
            left=[LeftView(tag=each.tag, why=each.why) for each in tagged.left],
        )


class History(BaseModel):
    history: Sequence[Event]
    next: str | None
