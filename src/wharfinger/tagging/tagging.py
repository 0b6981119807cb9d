"""Tagging what is there already: a version with its floating tags, a tag back to where it was, and all that was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.errors import ManifestUnknown, PreconditionFailed, RequestInvalid
from wharfinger.meta import history, repos, tag_rules, tags
from wharfinger.meta.db import Database
from wharfinger.meta.history import Event, How
from wharfinger.registry import tag_changes
from wharfinger.registry.tag_changes import Precondition, TagChange, TagChanges, Where
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName, Tag
from wharfinger.tagging import floating
from wharfinger.tagging.guard import TagGuard
from wharfinger.tagging.moments import past
from wharfinger.tagging.rules import Rule

NAMES_AT_MOST = 50
ANY = Precondition()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The tags that a manifest should have. With ``floating``, those that follow the version, where they may."""

    version: Tag | None = None
    commit: Tag | None = None
    names: Sequence[Tag] = ()
    floating: bool = True

    @property
    def all(self) -> tuple[Tag, ...]:
        """Those that must be set, or nothing is."""
        named = (self.version, self.commit, *self.names)
        return tuple(dict.fromkeys(tag for tag in named if tag is not None))


@dataclass(frozen=True, slots=True)
class Left:
    """A floating tag that stays where it is, and why."""

    tag: Tag
    why: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """What came of it: ``same`` were there already."""

    changes: Sequence[TagChange]
    same: Sequence[Tag]
    left: Sequence[Left] = field(default_factory=tuple)


class Tagging:
    """Moves tags of manifests that are there, by the rules and permissions that a push goes by."""

    def __init__(self, db: Database, now: Callable[[], float], guard: TagGuard, changes: TagChanges) -> None:
        self._db = db
        self._now = now
        self._guard = guard
        self._changes = changes

    async def tag(self, by: Caller, repository: RepoName, digest: Digest, wanted: Wanted) -> Tagged:
        """Set the tags, all or none, and let floating ones follow that may.

        Raises ManifestUnknown, RequestInvalid for a version that is none, and Denied.
        """
        if not wanted.all:
            raise RequestInvalid("no tag is named: say a version, a commit or a name")
        if len(wanted.all) > NAMES_AT_MOST:
            raise RequestInvalid(f"more than {NAMES_AT_MOST} tags at once")
        follow = floating.following(wanted.version) if wanted.version is not None and wanted.floating else []
        follow = [tag for tag in follow if tag not in wanted.all]
        return await self._db.write(self._tag, by, repository, digest, wanted, follow)

    def _tag(
        self, tx: Connection, by: Caller, repository: RepoName, digest: Digest, wanted: Wanted, follow: Sequence[Tag]
    ) -> Tagged:
        now, where = self._now(), Where(repository, repos.require(tx, repository))
        tag_changes.hold(tx, where.id, (*wanted.all, *follow))
        _require_present(tx, where, digest)
        made = self._point(tx, by, where, wanted.all, digest, now)
        left: list[Left] = []
        for tag in follow:
            assert wanted.version is not None, "what follows, follows a version"
            why = self._why_not(tx, by, where, tag, wanted.version, digest, now)
            if why is None:
                made += self._point(tx, by, where, (tag,), digest, now)
            else:
                left.append(Left(tag, why))
        moved, kept = {change.tag for change in made}, {each.tag for each in left}
        return Tagged(made, [tag for tag in (*wanted.all, *follow) if tag not in moved | kept], left)

    def _point(
        self, tx: Connection, by: Caller, where: Where, names: Sequence[Tag], digest: Digest, now: float
    ) -> list[TagChange]:
        for tag in names:
            by.require(Action.PUSH, where.name, tag=tag)
        may_move = partial(_require_move, by, where.name)
        return self._changes.point(tx, by, where, dict.fromkeys(names, digest), ANY, may_move, now, How.TAG)

    def _why_not(
        self, tx: Connection, by: Caller, where: Where, tag: Tag, version: Tag, digest: Digest, now: float
    ) -> str | None:
        """Why a floating tag stays where it is."""
        before = tags.find(tx, where.id, tag)
        if before == digest:
            return None
        v = "v" if version.startswith("v") else ""
        present = tag_rules.beginning_with(tx, where.id, f"{v}{floating.full_version(version).major}.")
        higher = floating.above(version, tag, present)
        if higher is not None:
            return f"{higher} is higher than {version}"
        for action in (Action.PUSH,) if before is None else (Action.PUSH, Action.TAG):
            decision = by.decide(action, where.name, tag=tag)
            if not decision.allowed:
                return decision.reason
        refused = self._guard.judge(tx, by, where, TagChange(tag, before, digest), now)
        return None if refused is None else str(refused)

    async def immutable_by(self, repository: RepoName, tag: Tag) -> Rule | None:
        """The rule that lets nobody move the tag, be it there or not; None where there is none."""
        return await self._db.read(self._guard.immutable_by, repository, tag)

    # --- history

    async def history(self, repository: RepoName, tag: Tag | None, before: int, limit: int) -> list[Event]:
        """Up to ``limit`` events older than the one with the id ``before``, the newest first. Raises NameUnknown."""
        return await self._db.read(history.page, repository, tag, before, limit)

    async def before(self, repository: RepoName, tag: Tag, to: str) -> TagChange:
        """What :meth:`rollback` would do. Raises what it would raise, but for what the caller may not do."""
        return await self._db.read(self._target, repository, tag, to)

    async def rollback(
        self, by: Caller, repository: RepoName, tag: Tag, to: str, *, expected: str | None = None
    ) -> TagChange:
        """Let the tag point at what it pointed at then: ``to`` is a time such as ``2h-ago``, or a digest.

        Raises ManifestUnknown when it was not there then or the manifest is gone, PreconditionFailed when the tag is
        not at ``expected`` any more, and Denied.
        """
        return await self._db.write(self._rollback, by, repository, tag, to, expected)

    def _rollback(
        self, tx: Connection, by: Caller, repository: RepoName, tag: Tag, to: str, expected: str | None
    ) -> TagChange:
        now, where = self._now(), Where(repository, repos.require(tx, repository))
        tag_changes.hold(tx, where.id, [tag])
        change = self._target(tx, repository, tag, to)
        if expected is not None and change.before != (expected or None):
            raise PreconditionFailed(f"tag {tag} is at {change.before or 'nothing'} by now", tag=tag)
        assert change.after is not None, "a rollback leads somewhere"
        _require_present(tx, where, change.after)
        by.require(Action.PUSH, where.name, tag=tag)
        may_move = partial(_require_move, by, where.name)
        self._changes.point(tx, by, where, {tag: change.after}, ANY, may_move, now, How.ROLLBACK)
        return change

    def _target(self, tx: Connection, repository: RepoName, tag: Tag, to: str) -> TagChange:
        repository_id = repos.require(tx, repository)
        if ":" in to and not to[:1].isdigit():
            digest = digests.parse(to)
            if not history.had(tx, repository_id, tag, digest):
                raise ManifestUnknown(f"{tag} never pointed at {digest}: see wharf history, or use wharf tag", tag=tag)
        else:
            event = history.latest(tx, repository_id, tag, past(to, self._now()))
            if event is None or event.digest is None:
                raise ManifestUnknown(f"there was no tag {tag} in {repository} then", tag=tag)
            digest = event.digest
        if not history.is_held(tx, repository_id, digest):
            raise ManifestUnknown(f"{digest}, where {tag} was then, is gone from {repository}", digest=digest)
        return TagChange(tag, tags.find(tx, repository_id, tag), digest)


def _require_move(by: Caller, repository: RepoName, tag: Tag) -> None:
    by.require(Action.TAG, repository, tag=tag)


def _require_present(tx: Connection, where: Where, digest: Digest) -> None:
    if not history.hold_manifest(tx, where.id, digest):
        raise ManifestUnknown(f"manifest {digest} is not known in {where.name}", digest=digest)
