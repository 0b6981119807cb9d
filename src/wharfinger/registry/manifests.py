"""Pushing manifests: read, check what it needs, and let its tags point at it, all or nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.access.repository_book import RepositoryBook
from wharfinger.errors import ManifestBlobUnknown, ManifestInvalid
from wharfinger.meta import audit, blobs, facts, manifests, repos
from wharfinger.meta.audit import Entry
from wharfinger.meta.db import Database
from wharfinger.meta.history import How
from wharfinger.registry import tag_changes
from wharfinger.registry.facts import ImageFacts
from wharfinger.registry.tag_changes import MayMove, Precondition, TagChanges, Where
from wharfinger.registry.trash import Trash
from wharfinger.spec.config import Config
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import RepoName, Tag

NAMED = 10
"""How many missing references a refusal names."""


class Sparse(StrEnum):
    """Which references may be missing when a manifest is pushed."""

    REFUSE = "refuse"
    INDEXES = "indexes"
    ALLOW = "allow"


Reaction = Callable[[Connection, Caller, Where, Manifest, float], None]
"""Asks for what follows from a push, in its transaction."""


def reactions(*each: Reaction) -> Reaction:
    """All of them, in this order."""

    def react(tx: Connection, by: Caller, where: Where, manifest: Manifest, now: float) -> None:
        for reaction in each:
            reaction(tx, by, where, manifest, now)

    return react


class Manifests:
    """The writing side of manifests and tags."""

    def __init__(
        self,
        db: Database,
        now: Callable[[], float],
        *,
        sparse: Sparse,
        trash: Trash,
        facts: ImageFacts,
        tags: TagChanges | None = None,
        pushed: Reaction | None = None,
    ) -> None:
        self._db = db
        self._now = now
        self._sparse = sparse
        self._trash = trash
        self._facts = facts
        self._tags = tags or TagChanges()
        self._pushed = pushed
        self._book = RepositoryBook()

    async def put(
        self,
        by: Caller,
        repository: RepoName,
        manifest: Manifest,
        names: Sequence[Tag],
        precondition: Precondition,
        may_move: MayMove,
    ) -> None:
        """Store the manifest in the repository and let every one of ``names`` point at it.

        One that is in the trash comes back by it, with what went with it; of the tags that it had, with immutable ones.
        Raises ManifestBlobUnknown when it needs what the repository does not hold, ManifestInvalid when a size in
        it is wrong, PreconditionFailed when a tag is not what the client thinks it is, what ``may_move`` raises for a
        tag that points elsewhere, and Denied when a rule forbids a tag or the repository. Then nothing was changed.
        """
        # Before the tags are looked at: `may_move` lets the caller note another grant.
        told = by.entry("push", repository=repository, digest=manifest.digest, **_named(names))
        config = await self._facts.read(repository, manifest)
        await self._db.write(self._put, by, told, repository, manifest, config, names, precondition, may_move)

    def _put(
        self,
        tx: Connection,
        by: Caller,
        told: Entry,
        repository: RepoName,
        manifest: Manifest,
        config: Config | None,
        names: Sequence[Tag],
        condition: Precondition,
        may_move: MayMove,
    ) -> None:
        now = self._now()
        self._book.require_may_create(tx, by, repository)
        repository_id = repos.ensure(tx, repository, now)
        tag_changes.hold(tx, repository_id, names)
        present = self._require_references(tx, repository_id, manifest)
        if any(target.digest not in present for target in (*manifest.blobs, *manifest.children)):
            # What is about to come into the repository finds our edge to it, or we find it: never neither.
            repos.hold(tx, repository_id)
            present = self._require_references(tx, repository_id, manifest)
        manifests.add(tx, repository_id, manifest, present, now)
        if config is not None:
            facts.note(tx, repository_id, manifest, config)
        audit.add(tx, told)
        pointing, where = dict.fromkeys(names, manifest.digest), Where(repository, repository_id)
        self._trash.revive(tx, by, where, manifest.digest, names)
        self._tags.point(tx, by, where, pointing, condition, may_move, now, How.PUSH)
        if self._pushed is not None:
            self._pushed(tx, by, where, manifest, now)

    def _require_references(self, tx: Connection, repository_id: int, manifest: Manifest) -> set[Digest]:
        """Which of its targets the repository holds; those that it must hold but does not are refused."""
        held_blobs = blobs.sizes_in(tx, repository_id, {blob.digest for blob in manifest.blobs})
        held_children = manifests.sizes_in(tx, repository_id, {child.digest for child in manifest.children})
        missing = [
            *(self._missing(manifest.blobs, held_blobs) if self._sparse is not Sparse.ALLOW else ()),
            *(self._missing(manifest.children, held_children) if self._sparse is Sparse.REFUSE else ()),
        ]
        if missing:
            raise _unknown(missing)
        _require_sizes(manifest.blobs, held_blobs)
        _require_sizes(manifest.children, held_children)
        return {*held_blobs, *held_children}

    @staticmethod
    def _missing(targets: Iterable[Descriptor], held: Mapping[Digest, int]) -> Iterable[Digest]:
        return dict.fromkeys(t.digest for t in targets if t.digest not in held and not t.may_be_absent)


def _named(tags: Sequence[Tag]) -> dict[str, Any]:
    """The tag that a push is recorded under; all of them where there are several."""
    return {"tag": tags[0] if tags else None, "detail": {"tags": tags} if len(tags) > 1 else {}}


def _require_sizes(targets: Iterable[Descriptor], held: Mapping[Digest, int]) -> None:
    """A descriptor with another size than its content makes every client fail that checks what it pulled."""
    for target in targets:
        size = held.get(target.digest, target.size)
        if size != target.size:
            raise ManifestInvalid(f"{target.digest} has {size} bytes, but its descriptor says {target.size}")


def _unknown(missing: Sequence[Digest]) -> ManifestBlobUnknown:
    named = ", ".join(missing[:NAMED]) + (f" and {len(missing) - NAMED} others" if len(missing) > NAMED else "")
    return ManifestBlobUnknown(f"push these first, the manifest refers to them: {named}", digests=missing[:NAMED])
