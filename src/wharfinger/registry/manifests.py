"""Pushing manifests: read, check what it needs, and let its tags point at it, all or nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.errors import ManifestBlobUnknown, ManifestInvalid, PreconditionFailed
from wharfinger.meta import audit, blobs, manifests, repos, tags
from wharfinger.meta.audit import Entry
from wharfinger.meta.db import Database
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import RepoName, Tag

MayMove = Callable[[Tag], None]
"""Raises Denied for a tag that points elsewhere and that the account may not move."""

NAMED = 10
"""How many missing references a refusal names."""


class Sparse(StrEnum):
    """Which references may be missing when a manifest is pushed."""

    REFUSE = "refuse"
    INDEXES = "indexes"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must hold for the tag when it is moved (RFC 9110, section 13): ``current`` has one of these digests."""

    current: frozenset[str] | None = None
    absent: bool = False


class Manifests:
    """The writing side of manifests and tags."""

    def __init__(self, db: Database, now: Callable[[], float], *, sparse: Sparse) -> None:
        self._db = db
        self._now = now
        self._sparse = sparse

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

        Raises ManifestBlobUnknown when it needs what the repository does not hold, ManifestInvalid when a size in
        it is wrong, PreconditionFailed when a tag is not what the client thinks it is, and what ``may_move`` raises
        for a tag that points elsewhere. Then nothing was changed.
        """
        # Before the tags are looked at: `may_move` lets the caller note another grant.
        told = by.entry("push", repository=repository, digest=manifest.digest, **_named(names))
        await self._db.write(self._put, by, told, repository, manifest, names, precondition, may_move)

    def _put(
        self,
        tx: Connection,
        by: Caller,
        told: Entry,
        repository: RepoName,
        manifest: Manifest,
        names: Sequence[Tag],
        condition: Precondition,
        may_move: MayMove,
    ) -> None:
        now = self._now()
        repository_id = repos.ensure(tx, repository, now)
        present = self._require_references(tx, repository_id, manifest)
        if any(target.digest not in present for target in (*manifest.blobs, *manifest.children)):
            # What is about to come into the repository finds our edge to it, or we find it: never neither.
            repos.hold(tx, repository_id)
            present = self._require_references(tx, repository_id, manifest)
        manifests.add(tx, repository_id, manifest, present, now)
        audit.add(tx, told)
        for tag in names:
            before = _point(tx, repository_id, tag, manifest.digest, condition, may_move, now)
            if before != manifest.digest:
                audit.add(tx, _moved(by, repository, tag, before, manifest.digest))

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


def _moved(by: Caller, repository: RepoName, tag: Tag, before: Digest | None, after: Digest) -> Entry:
    return by.entry(
        "tag.make" if before is None else "tag.move",
        repository=repository,
        tag=tag,
        digest=after,
        detail={"before": before, "after": after},
    )


def _require_sizes(targets: Iterable[Descriptor], held: Mapping[Digest, int]) -> None:
    """A descriptor with another size than its content makes every client fail that checks what it pulled."""
    for target in targets:
        size = held.get(target.digest, target.size)
        if size != target.size:
            raise ManifestInvalid(f"{target.digest} has {size} bytes, but its descriptor says {target.size}")


def _unknown(missing: Sequence[Digest]) -> ManifestBlobUnknown:
    named = ", ".join(missing[:NAMED]) + (f" and {len(missing) - NAMED} others" if len(missing) > NAMED else "")
    return ManifestBlobUnknown(f"push these first, the manifest refers to them: {named}", digests=missing[:NAMED])


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
