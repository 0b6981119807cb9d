"""What every tag pointed at, since when, and who did it; and since when a manifest has no tag."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, exists, func, insert, select, update

from wharfinger.meta import journal, repos
from wharfinger.meta.journal import Kind
from wharfinger.meta.schema import manifests, tags
from wharfinger.meta.schema_tagging import tag_history
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName, Tag

FIRST = 2**62
"""An id that no entry reaches: the page that begins here begins with the newest entry."""


class How(StrEnum):
    """By what a tag came to be where it is. ``found`` was there before there was a history."""

    FOUND = "found"
    PUSH = "push"
    TAG = "tag"
    ROLLBACK = "rollback"
    DELETE = "delete"
    LIFECYCLE = "lifecycle"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a tag. ``digest`` is None where it was removed; ``who`` is empty where nobody knows."""

    id: int
    tag: Tag
    digest: Digest | None
    at: float
    who: str
    how: str
    present: bool


def add(tx: Connection, repository_id: int, tag: Tag, digest: Digest | None, at: float, who: str, how: How) -> None:
    """The tag points there from now on; None when it is gone."""
    row = {"repository_id": repository_id, "tag": tag, "digest": digest, "at": at, "who": who, "how": how}
    event = tx.execute(insert(tag_history).values(row).returning(tag_history.c.id)).scalar_one()
    journal.note(tx, Kind.EVENT, repository_id, str(event))


def note_left(tx: Connection, repository_id: int, digest: Digest, now: float) -> None:
    """A tag has left the manifest: note the time, if it was the last.

    The first statement waits for everybody else who gives or takes the manifest a tag (a push locks its row too),
    and the second sees what they did: whichever of two tags goes last is noted.
    """
    this = (manifests.c.repository_id == repository_id) & (manifests.c.digest == digest)
    tx.execute(update(manifests).where(this).values(untagged_at=now))
    tagged = exists().where(tags.c.repository_id == repository_id, tags.c.digest == digest)
    tx.execute(update(manifests).where(this, tagged).values(untagged_at=None))
    journal.note(tx, Kind.MANIFEST, repository_id, digest)


def note_came(tx: Connection, repository_id: int, digest: Digest) -> None:
    """A tag has come to the manifest, whose row this transaction has locked."""
    this = (manifests.c.repository_id == repository_id) & (manifests.c.digest == digest)
    tagged = update(manifests).where(this, manifests.c.untagged_at.is_not(None)).values(untagged_at=None)
    if tx.execute(tagged).rowcount:
        journal.note(tx, Kind.MANIFEST, repository_id, digest)


def hold_manifest(tx: Connection, repository_id: int, digest: Digest) -> bool:
    """Whether the manifest is there; and nobody gives or takes it a tag before this transaction ends."""
    this = (manifests.c.repository_id == repository_id) & (manifests.c.digest == digest)
    held = select(manifests.c.digest).where(this).with_for_update(key_share=True)
    return tx.execute(held).first() is not None


def is_held(tx: Connection, repository_id: int, digest: Digest) -> bool:
    """Whether the repository holds the manifest."""
    this = (manifests.c.repository_id == repository_id) & (manifests.c.digest == digest)
    return tx.execute(select(manifests.c.digest).where(this)).first() is not None


def page(tx: Connection, repository: RepoName, tag: Tag | None, before: int, limit: int) -> list[Event]:
    """Up to ``limit`` events older than the one with the id ``before``, the newest first. Raises NameUnknown."""
    return _events(tx, repos.require(tx, repository), tag, tag_history.c.id < before, limit)


def latest(tx: Connection, repository_id: int, tag: Tag, at: float) -> Event | None:
    """The last event of the tag that was not after ``at``."""
    found = _events(tx, repository_id, tag, tag_history.c.at <= at, 1)
    return found[0] if found else None


def since(tx: Connection, repository_id: int, tag: Tag, digest: Digest) -> float | None:
    """When the tag last came to point there; None if it never did."""
    events = tag_history.c
    this = (events.repository_id == repository_id) & (events.tag == tag) & (events.digest == digest)
    return tx.execute(select(events.at).where(this).order_by(events.id.desc()).limit(1)).scalar()


def had(tx: Connection, repository_id: int, tag: Tag, digest: Digest) -> bool:
    """Whether the tag ever pointed there."""
    events = tag_history.c
    this = (events.repository_id == repository_id) & (events.tag == tag) & (events.digest == digest)
    return tx.execute(select(events.id).where(this).limit(1)).first() is not None


def _events(tx: Connection, repository_id: int, tag: Tag | None, which: object, limit: int) -> list[Event]:
    events = tag_history.c
    there = select(func.count()).where(
        manifests.c.repository_id == events.repository_id, manifests.c.digest == events.digest
    )
    query = (
        select(events.id, events.tag, events.digest, events.at, events.who, events.how, there.scalar_subquery())
        .where(events.repository_id == repository_id, which)  # type: ignore[arg-type]
        .order_by(events.id.desc())
        .limit(limit)
    )
    if tag is not None:
        query = query.where(events.tag == tag)
    return [
        Event(id, Tag(name), Digest(digest) if digest else None, at, who, how, bool(present))
        for id, name, digest, at, who, how, present in tx.execute(query)
    ]
