"""Tags that come, move and go, wherever that happens: what must hold, what is asked first, and what is remembered.

Whoever changes tags does it here, so that no change is without its rules, its record and its history.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.errors import PreconditionFailed
from wharfinger.meta import audit, history, tags, trash
from wharfinger.meta.audit import Entry
from wharfinger.meta.history import How
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName, Tag

MayMove = Callable[[Tag], None]
"""Raises Denied for a tag that points elsewhere and that the account may not move."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must hold for the tag when it is moved (RFC 9110, section 13): ``current`` has one of these digests."""

    current: frozenset[str] | None = None
    absent: bool = False


@dataclass(frozen=True, slots=True)
class TagChange:
    """A tag points elsewhere. ``before`` is None for one that is made, ``after`` for one that is removed."""

    tag: Tag
    before: Digest | None
    after: Digest | None


@dataclass(frozen=True, slots=True)
class Where:
    """A repository: its name, and its key in this database."""

    name: RepoName
    id: int


class Guard(Protocol):
    """What knows the rules; asked in the transaction of a change."""

    @abstractmethod
    def __call__(self, tx: Connection, by: Caller, where: Where, changes: Sequence[TagChange], now: float) -> None:
        """Raise Denied when a rule forbids one of these changes, which are made already and then taken back together.

        They are all tags that point elsewhere by it, also those that are made: a rule may say that a name is taken
        although no tag has it now.
        """

    @abstractmethod
    def immutable_by(self, tx: Connection, repository: RepoName, tag: Tag) -> object | None:
        """The rule that lets nobody move the tag."""


class NoRules(Guard):
    """The guard of a registry without rules."""

    def __call__(self, tx: Connection, by: Caller, where: Where, changes: Sequence[TagChange], now: float) -> None:
        """Forbid nothing."""

    def immutable_by(self, tx: Connection, repository: RepoName, tag: Tag) -> None:
        """No rule."""


Told = Callable[[Connection, Caller, Where, Sequence[TagChange], float], None]
"""What happens in the transaction of a change, after it was allowed."""


def tell_nobody(_tx: Connection, _by: Caller, _where: Where, _changes: Sequence[TagChange], _now: float) -> None:
    """Nothing else happens."""


class TagChanges:
    """Changes tags in the transaction of whatever else is changed; ``told`` is told of every change."""

    def __init__(self, guard: Guard | None = None, told: Told = tell_nobody) -> None:
        self._guard = guard or NoRules()
        self._told = told

    def point(
        self,
        tx: Connection,
        by: Caller,
        where: Where,
        pointing: Mapping[Tag, Digest],
        condition: Precondition,
        may_move: MayMove,
        now: float,
        how: How,
    ) -> list[TagChange]:
        """Let each tag point where it should; what has changed by it.

        The rows of the manifests are locked already, and so are the tags, as far as they are there: see :func:`hold`.
        Raises PreconditionFailed, what ``may_move`` raises, and Denied when a rule forbids it.
        """
        changes = []
        for tag, digest in pointing.items():
            before = _point(tx, where.id, tag, digest, condition, may_move, now)
            if before != digest:
                changes.append(TagChange(tag, before, digest))
                audit.add(tx, _told(by, where.name, changes[-1]))  # before `may_move` notes another grant
        self._note(tx, by, where, changes, now, how)
        return changes

    def removed(
        self, tx: Connection, by: Caller, where: Where, gone: Iterable[Tag], digest: Digest, now: float, how: How
    ) -> None:
        """These tags of the manifest have been removed. Raises Denied when a rule forbids it."""
        self._note(tx, by, where, [TagChange(tag, digest, None) for tag in gone], now, how)

    def put_back(self, tx: Connection, by: Caller, where: Where, tag: Tag, digest: Digest, moved_at: float) -> bool:
        """Let the tag be where it was before, since when it was; False when it is somewhere else by now.

        Raises Denied, having changed nothing, when a rule forbids it.
        """
        change = TagChange(tag, None, digest)
        self._guard(tx, by, where, [change], by.now)
        if not tags.create(tx, where.id, tag, digest, moved_at):
            return False
        audit.add(tx, _told(by, where.name, change))
        history.add(tx, where.id, tag, digest, by.now, by.name, How.RESTORE)
        history.note_came(tx, where.id, digest)
        self._told(tx, by, where, [change], by.now)
        return True

    def is_free(self, tx: Connection, where: Where, tag: Tag) -> bool:
        """Whether nothing has the tag, neither now nor when it comes back from the trash."""
        return tags.find(tx, where.id, tag) is None and trash.holder_of(tx, where.id, tag) is None

    def is_immutable(self, tx: Connection, where: Where, tag: Tag) -> bool:
        """Whether a rule lets nobody move the tag."""
        return self._guard.immutable_by(tx, where.name, tag) is not None

    def _note(
        self, tx: Connection, by: Caller, where: Where, changes: Sequence[TagChange], now: float, how: How
    ) -> None:
        if not changes:
            return
        self._guard(tx, by, where, changes, now)
        for change in changes:
            history.add(tx, where.id, change.tag, change.after, now, by.name, how)
        for digest in sorted({change.before for change in changes if change.before is not None}):
            history.note_left(tx, where.id, digest, now)
        for digest in sorted({change.after for change in changes if change.after is not None}):
            history.note_came(tx, where.id, digest)
        self._told(tx, by, where, changes, now)


def hold(tx: Connection, repository_id: int, names: Iterable[Tag]) -> None:
    """Nobody else moves these tags before this transaction ends.

    To be called before the manifests' rows are locked: two who move one tag to and fro would wait for each other.
    """
    for tag in sorted(names):
        tags.find_for_update(tx, repository_id, tag)


def _point(
    tx: Connection,
    repository_id: int,
    tag: Tag,
    digest: Digest,
    condition: Precondition,
    may_move: MayMove,
    now: float,
) -> Digest | None:
    """Make the tag, or move the one that is there: two things to be allowed, so which it is must stay true.

    Returns what it pointed at before.
    """
    made = condition.current is None and tags.create(tx, repository_id, tag, digest, now)
    if made:
        return None
    if condition.absent:
        raise PreconditionFailed(f"tag {tag} exists already (If-None-Match: *)", tag=tag)
    current = tags.find_for_update(tx, repository_id, tag)
    if condition.current is not None and (
        current is None or (current not in condition.current and "*" not in condition.current)
    ):
        raise PreconditionFailed(f"tag {tag} is at {current or 'nothing'} (If-Match)", tag=tag, digest=current)
    if current != digest:
        may_move(tag)
    tags.point(tx, repository_id, tag, digest, now)
    return current


def _told(by: Caller, repository: RepoName, change: TagChange) -> Entry:
    return by.entry(
        "tag.make" if change.before is None else "tag.move",
        repository=repository,
        tag=change.tag,
        digest=change.after,
        detail={"before": change.before, "after": change.after},
    )
