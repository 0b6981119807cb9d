"""VEX documents that were pushed beside an image, as rows: what they say, and who brought them last."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, exists, or_, select, update

from wharfinger.meta.schema import manifest_children, manifests, repositories
from wharfinger.meta.schema_exceptions import exceptions, vex_attached
from wharfinger.meta.schema_trash import trash, trash_children
from wharfinger.meta.sql import chunks, insert
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

DEPTH_AT_MOST = 8
LOOKED_AT = 1_000
"""Documents about one image that are looked at."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A manifest about ``subject`` that may be a VEX document; by whom, in which groups. ``read_at`` None: not yet."""

    repository: RepoName
    manifest: Digest
    subject: Digest
    brought_by: str
    principals: frozenset[str]
    brought_at: float
    read_at: float | None
    author: str
    statements: int
    problem: str


_COLUMNS = [vex_attached.c[name] for name in Attached.__slots__ if name != "repository"]
_THERE = (manifests.c.repository_id == vex_attached.c.repository_id) & (manifests.c.digest == vex_attached.c.manifest)
_ALL = (
    select(repositories.c.name, *_COLUMNS)
    .join(repositories, repositories.c.id == vex_attached.c.repository_id)
    .where(exists().where(_THERE))
)
"""Those that are there; what is in the trash says nothing."""


def bring(
    tx: Connection,
    repository_id: int,
    manifest: Digest,
    subject: Digest,
    by: tuple[str, Collection[str]],
    now: float,
) -> None:
    """Somebody has pushed it: from now on it is by them, and by nobody else."""
    who, principals = by
    brought = {"brought_by": who, "principals": json.dumps(sorted(principals)), "brought_at": now}
    row = {"repository_id": repository_id, "manifest": manifest, "subject": subject, **brought}
    put = insert(tx, vex_attached).values(row | {"read_at": None, "author": "", "statements": 0, "problem": ""})
    tx.execute(put.on_conflict_do_update(index_elements=["repository_id", "manifest"], set_=brought))


def bring_back(
    tx: Connection, repository_id: int, digests: Sequence[Digest], by: tuple[str, Collection[str]], now: float
) -> list[Digest]:
    """Somebody has taken them out of the trash: from now on they are theirs. Those of them that nobody has read."""
    who, principals = by
    brought = {"brought_by": who, "principals": json.dumps(sorted(principals)), "brought_at": now}
    unread: list[Digest] = []
    for some in chunks(digests):
        these = (vex_attached.c.repository_id == repository_id) & vex_attached.c.manifest.in_(some)
        put = update(vex_attached).where(these).values(brought)
        back = tx.execute(put.returning(vex_attached.c.manifest, vex_attached.c.read_at))
        unread += (Digest(row.manifest) for row in back if row.read_at is None)
    return unread


def read(
    tx: Connection,
    repository_id: int,
    manifest: Digest,
    now: float,
    *,
    author: str,
    statements: int,
    problem: str,
    body: bytes | None,
) -> None:
    """What was read in it."""
    these = (vex_attached.c.repository_id == repository_id) & (vex_attached.c.manifest == manifest)
    values = {"read_at": now, "author": author, "statements": statements, "problem": problem, "body": body}
    tx.execute(update(vex_attached).where(these).values(values))


def forget(tx: Connection, repository_id: int, manifest: Digest) -> None:
    """It is no VEX document."""
    these = (vex_attached.c.repository_id == repository_id) & (vex_attached.c.manifest == manifest)
    tx.execute(delete(vex_attached).where(these))


def forget_tagged(tx: Connection, repository_id: int, manifest: Digest) -> bool:
    """The tag is gone by which it was known; whether it was. One that names its subject itself needs no tag."""
    these = (vex_attached.c.repository_id == repository_id) & (vex_attached.c.manifest == manifest)
    by_itself = exists().where(_THERE, manifests.c.subject.is_not(None))
    return tx.execute(delete(vex_attached).where(these, ~by_itself)).rowcount > 0


def forget_gone(tx: Connection) -> int:
    """Forget those that neither a repository nor its trash has any more; how many."""
    trashed = (trash.c.repository_id == vex_attached.c.repository_id) & (trash.c.digest == vex_attached.c.manifest)
    gone = ~exists().where(_THERE), ~exists().where(trashed)
    return tx.execute(delete(vex_attached).where(*gone)).rowcount


def find(tx: Connection, repository: RepoName, manifest: Digest) -> Attached | None:
    """The one that this manifest is, where it is there."""
    query = _ALL.where(repositories.c.name == repository, vex_attached.c.manifest == manifest)
    row = tx.execute(query).first()
    return None if row is None else _attached(row)


def any_read(tx: Connection) -> bool:
    """Whether there is any that says something."""
    return tx.execute(select(vex_attached.c.manifest).where(vex_attached.c.statements > 0).limit(1)).first() is not None


def about(tx: Connection, repository: RepoName, subjects: Collection[Digest]) -> list[Attached]:
    """Those about an image or its indexes, the last brought first."""
    query = _ALL.where(repositories.c.name == repository, vex_attached.c.subject.in_(sorted(subjects)))
    query = query.order_by(vex_attached.c.brought_at.desc(), vex_attached.c.manifest).limit(LOOKED_AT)
    return [_attached(row) for row in tx.execute(query)]


def page(tx: Connection, last: tuple[str, str], limit: int) -> list[Attached]:
    """Up to ``limit`` of all, by repository and digest, after ``last``."""
    name, digest = last
    after = or_(repositories.c.name > name, (repositories.c.name == name) & (vex_attached.c.manifest > digest))
    query = _ALL.where(after).order_by(repositories.c.name, vex_attached.c.manifest).limit(limit)
    return [_attached(row) for row in tx.execute(query)]


def bodies(tx: Connection, repository: RepoName, found: Collection[Digest]) -> dict[Digest, bytes]:
    """What these say, by manifest."""
    columns = vex_attached.c.manifest, vex_attached.c.body
    query = select(*columns).join(repositories, repositories.c.id == vex_attached.c.repository_id)
    query = query.where(repositories.c.name == repository, vex_attached.c.body.is_not(None))
    return {
        Digest(row.manifest): row.body
        for some in chunks(sorted(found))
        for row in tx.execute(query.where(vex_attached.c.manifest.in_(some)))
    }


def concerned(tx: Connection, repository_id: int, digests: Sequence[Digest]) -> set[Digest]:
    """What documents beside images and exceptions are about, where one of them or of their subjects came or went.

    Images, and all below an index.
    """
    found: set[Digest] = set()
    for some in chunks(digests):
        excepted = select(exceptions.c.digest).where(exceptions.c.digest.in_(some))
        found.update(map(Digest, tx.execute(excepted).scalars()))
        these = or_(vex_attached.c.manifest.in_(some), vex_attached.c.subject.in_(some))
        query = select(vex_attached.c.subject).where(vex_attached.c.repository_id == repository_id, these)
        found.update(map(Digest, tx.execute(query).scalars()))
    return _below(tx, repository_id, found)


def _below(tx: Connection, repository_id: int, roots: set[Digest]) -> set[Digest]:
    found, last = set(roots), roots
    for _ in range(DEPTH_AT_MOST):
        children: set[Digest] = set()
        for table in (manifest_children, trash_children):
            query = select(table.c.digest).where(table.c.repository_id == repository_id)
            for some in chunks(sorted(last)):
                children.update(map(Digest, tx.execute(query.where(table.c.manifest.in_(some))).scalars()))
        last = children - found
        if not last:
            break
        found |= last
    return found


def _attached(row: Any) -> Attached:
    name, manifest, subject, who, principals, *rest = row
    known = frozenset(json.loads(principals))
    return Attached(RepoName(name), Digest(manifest), Digest(subject), who, known, *rest)
