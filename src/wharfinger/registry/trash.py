"""Into the trash, back, and for good: with the rules asked, the tags remembered and the record made."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller, system
from wharfinger.errors import Denied, ManifestUnknown
from wharfinger.meta import audit, repos, tags, trash, trash_list
from wharfinger.meta.db import Database
from wharfinger.meta.history import How
from wharfinger.meta.trash import HadTag, Trashed
from wharfinger.meta.trash_list import InTrash
from wharfinger.registry.tag_changes import TagChanges, Where
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Reference, RepoName, Tag

DAY = 86400.0
NAMED_AT_MOST = 100
"""Tags and manifests that the audit trail names of one deletion."""
SWEEP = 100


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long, in seconds: the trash, and what clients were told that it exists."""

    trash: float = 7 * DAY
    grace: float = DAY


@dataclass(frozen=True, slots=True)
class LeftTag:
    """A tag that was not put back, and why."""

    tag: Tag
    digest: Digest
    why: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What is back, with which tags; what was left; and the children that are nowhere any more."""

    digests: Sequence[Digest]
    tags: Sequence[Tag]
    left: Sequence[LeftTag]
    missing: Sequence[Digest]


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told, in the same transaction, which manifests went into the trash, and which came back by whom."""

    went: Callable[[Connection, Where, Sequence[Digest]], None] = lambda _tx, _where, _digests: None
    came: Callable[[Connection, Caller, Where, Sequence[Digest]], None] = lambda _tx, _by, _where, _digests: None


class Trash:
    """What repositories held, for as long as it can come back."""

    def __init__(
        self,
        db: Database,
        now: Callable[[], float],
        tags: TagChanges | None = None,
        keep: Keep | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._db = db
        self._now = now
        self._tags = tags or TagChanges()
        self._watch = watch or Watch()
        self.keep = keep or Keep()

    # --- into the trash

    def put(
        self,
        tx: Connection,
        by: Caller,
        where: Where,
        digests: Iterable[Digest],
        *,
        root: Digest,
        why: str,
        how: How,
        empties_at: float | None = None,
        run_id: int | None = None,
    ) -> Trashed:
        """Move the manifests and their tags into the trash; ``root`` is the one that the deletion is about.

        Part of the caller's transaction, who makes the record. Raises ManifestUnknown, InUse when an index that
        stays lists one of them, or Denied when a rule forbids it for a tag.
        """
        gone = trash.put(
            tx,
            where.id,
            digests,
            root=root,
            who=by.name,
            why=why,
            run_id=run_id,
            now=by.now,
            empties_at=by.now + self.keep.trash if empties_at is None else empties_at,
            due_at=self._now() + self.keep.grace,  # not `by.now`: somebody may have been told since this request began
        )
        for digest, lost in _by_digest(gone.tags).items():
            self._tags.removed(tx, by, where, lost, digest, by.now, how)
        self._watch.went(tx, where, gone.digests)
        return gone

    # --- back

    async def restore(self, by: Caller, repository: RepoName, reference: Reference) -> Returned:
        """Bring the manifest back with what went with it; its tags where they are free and the caller may make them.

        A tag means the manifest that had it last. Raises NameUnknown, ManifestUnknown when it is not in the trash, or
        Denied when the name of an immutable tag would be free by it.
        """
        return await self._db.write(self._restore, by, repository, reference)

    def _restore(self, tx: Connection, by: Caller, repository: RepoName, reference: Reference) -> Returned:
        where = Where(repository, repos.require(tx, repository))
        if names.is_digest(reference):
            return self.bring_back(tx, by, where, Digest(reference))
        digest = trash.holder_of(tx, where.id, Tag(reference))
        if digest is None:
            raise ManifestUnknown(f"nothing in the trash of {repository} had the tag {reference}", tag=reference)
        return self.bring_back(tx, by, where, digest)

    def bring_back(self, tx: Connection, by: Caller, where: Where, digest: Digest) -> Returned:
        """The same in the caller's transaction."""
        repos.hold(tx, where.id)
        back = trash.restore(tx, where.id, digest, by.now)
        self._watch.came(tx, by, where, back.digests)
        done, left = self._put_back(tx, by, where, back.tags)
        self._require_taken(tx, where, (one for one in left if self._tags.is_immutable(tx, where, one.tag)))
        detail = {
            "manifests": back.digests[:NAMED_AT_MOST],
            "manifests_in_all": len(back.digests),
            "tags": done[:NAMED_AT_MOST],
            "tags_in_all": len(done),
            "left": [one.tag for one in left][:NAMED_AT_MOST],
        }
        audit.add(tx, by.entry("manifest.restore", repository=where.name, digest=digest, detail=detail))
        return Returned(back.digests, done, left, back.missing)

    def revive(self, tx: Connection, by: Caller, where: Where, digest: Digest, named: Collection[Tag]) -> None:
        """The manifest has just been pushed: if it is in the trash, it is no more, and what belongs to it is back.

        Of tags those come back that say what a manifest is about (signatures and the like), and the immutable ones,
        whose names stay taken. Those that the push has ``named`` are for the push to set.
        Raises Denied when the caller may not bring an immutable one back: then the name would be free.
        """
        if not trash.has(tx, where.id, digest):
            return
        repos.hold(tx, where.id)
        back = trash.revive(tx, where.id, digest, by.now)
        self._watch.came(tx, by, where, back.digests)
        family = {digest, *back.digests}
        about = {name for one in family for name in trash.reference_tags(one)}
        self._put_back(tx, by, where, [had for had in back.tags if had.tag in about and had.digest != digest])
        last = {had.tag: had for had in reversed(back.tags)}  # of several that had it, the one that had it last
        fixed = [had for had in last.values() if self._tags.is_immutable(tx, where, had.tag)]
        _, left = self._put_back(tx, by, where, [had for had in fixed if had.digest != digest or had.tag not in named])
        self._require_taken(tx, where, left)
        detail = {"manifests": back.digests[:NAMED_AT_MOST], "manifests_in_all": len(back.digests)}
        audit.add(tx, by.entry("manifest.revive", repository=where.name, digest=digest, detail=detail))

    def _put_back(
        self, tx: Connection, by: Caller, where: Where, had: Iterable[HadTag]
    ) -> tuple[list[Tag], list[LeftTag]]:
        done, left = [], []
        for one in had:
            why = self._why_not(tx, by, where, one)
            if why is None:
                done.append(one.tag)
            else:
                left.append(LeftTag(one.tag, one.digest, why))
        return sorted(done), left

    def _why_not(self, tx: Connection, by: Caller, where: Where, had: HadTag) -> str | None:
        """Put the tag back; why that was not to be."""
        if not by.is_system:
            decision = by.decide(Action.PUSH, where.name, tag=had.tag)
            if not decision.allowed:
                return decision.reason
        rule = by.rule
        try:
            if self._tags.put_back(tx, by, where, had.tag, had.digest, had.moved_at):
                return None
        except Denied as denied:
            by.rule = rule  # the guard noted what forbids it, but this request goes on
            return denied.message
        return f"the tag is at {tags.find(tx, where.id, had.tag)} now"

    def _require_taken(self, tx: Connection, where: Where, left: Iterable[LeftTag]) -> None:
        """Raise Denied when one of these immutable tags, which were not put back, could be given to another image."""
        for one in left:
            if self._tags.is_free(tx, where, one.tag):
                raise Denied(_would_be_free(one), tag=one.tag, digest=one.digest)

    async def page(self, by: Caller, repository: RepoName | None, after: tuple[str, str], limit: int) -> list[InTrash]:
        """Up to ``limit`` entries after that repository and digest, where the caller may delete."""
        found: list[InTrash] = []
        while len(found) < limit:
            some = await self._db.read(trash_list.page, repository, after, limit)
            found += (one for one in some if by.may(Action.DELETE, one.repository))
            if len(some) < limit:
                break
            after = (some[-1].repository, some[-1].digest)
        return found[:limit]

    # --- for good

    async def empty(self, by: Caller, repository: RepoName, digests: Sequence[Digest]) -> list[Digest]:
        """Take these manifests out of the trash for good; those that were in it. Raises NameUnknown."""
        return await self._db.write(self._empty, by, repository, digests)

    async def empty_all(self, by: Caller, repository: RepoName) -> int:
        """Take everything out of the repository's trash for good, in small steps; how many. Raises NameUnknown."""
        count = 0
        while gone := await self._db.write(self._empty, by, repository, None):
            count += len(gone)
        return count

    def _empty(
        self, tx: Connection, by: Caller, repository: RepoName, digests: Sequence[Digest] | None
    ) -> list[Digest]:
        repository_id = repos.require(tx, repository)
        wanted = trash_list.some(tx, repository_id, SWEEP) if digests is None else digests
        gone = trash.empty(tx, repository_id, wanted, by.now, self.keep.grace)
        _tell_emptied(tx, by, repository, gone)
        return gone

    async def sweep(self) -> int:
        """Take out what has been in the trash for its time, up to a hundred; how many."""
        return await self._db.write(self._sweep)

    def _sweep(self, tx: Connection) -> int:
        now = self._now()
        by, found = system("trash", now), trash.due(tx, now, SWEEP)
        for repository_id, digests in sorted(found.items()):
            gone = trash.empty(tx, repository_id, digests, now, self.keep.grace)
            _tell_emptied(tx, by, repos.name_of(tx, repository_id), gone)
        return sum(map(len, found.values()))


def _would_be_free(left: LeftTag) -> str:
    out = f"let somebody who may restore {left.digest}, or empty the trash of it"
    return f"this image is in the trash with the immutable tag {left.tag}, which you may not bring back: {out}"


def _tell_emptied(tx: Connection, by: Caller, repository: RepoName, gone: Sequence[Digest]) -> None:
    """One record each: whoever asks what became of a manifest finds it."""
    audit.add_many(tx, [by.entry("trash.empty", repository=repository, digest=digest) for digest in gone])


def _by_digest(had: Iterable[HadTag]) -> dict[Digest, list[Tag]]:
    found: dict[Digest, list[Tag]] = {}
    for one in had:
        found.setdefault(one.digest, []).append(one.tag)
    return found
