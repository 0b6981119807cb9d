"""What may be VEX documents that were pushed before any were noticed, page by page."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select, tuple_

from wharfinger.meta.schema import manifests, repositories, tags
from wharfinger.meta.schema_exceptions import vex_attached
from wharfinger.meta.sql import chunks, insert
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

Place = Sequence[int | str]
"""How far one has come, in the order of the pages."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A manifest; of one that is known by a tag, that. ``since`` is when it was pushed, or tagged."""

    place: Place
    repository: RepoName
    repository_id: int
    digest: Digest
    media_type: str
    raw: bytes
    since: float
    tag: str = ""


_WHAT = (repositories.c.name, manifests.c.repository_id, manifests.c.digest, manifests.c.media_type, manifests.c.raw)


def referrers(tx: Connection, after: Place, limit: int) -> list[Candidate]:
    """Manifests with a subject, after those at the place; none is before the beginning, which is empty."""
    key = manifests.c.repository_id, manifests.c.subject, manifests.c.digest
    query = select(*_WHAT, manifests.c.pushed_at, manifests.c.subject)
    query = query.join(repositories, repositories.c.id == manifests.c.repository_id)
    query = query.where(manifests.c.subject.is_not(None)).order_by(*key).limit(limit)
    found = tx.execute(query.where(tuple_(*key) > tuple_(*after)) if after else query)
    return [
        Candidate((id, subject, digest), RepoName(name), id, Digest(digest), media_type, raw, since)
        for name, id, digest, media_type, raw, since, subject in found
    ]


def tagged(tx: Connection, after: Place, limit: int) -> list[Candidate]:
    """Manifests with a tag for attestations, after those at the place."""
    key = tags.c.repository_id, tags.c.name
    query = select(*_WHAT, tags.c.moved_at, tags.c.name)
    query = query.join(repositories, repositories.c.id == manifests.c.repository_id)
    at = (tags.c.repository_id == manifests.c.repository_id) & (tags.c.digest == manifests.c.digest)
    query = query.join(tags, at).where(tags.c.name.like("sha256-%.att")).order_by(*key).limit(limit)
    found = tx.execute(query.where(tuple_(*key) > tuple_(*after)) if after else query)
    return [
        Candidate((id, tag), RepoName(name), id, Digest(digest), media_type, raw, since, tag)
        for name, id, digest, media_type, raw, since, tag in found
    ]


def unnoticed(tx: Connection, repository_id: int, digests: Collection[Digest]) -> list[Candidate]:
    """Those of these manifests of a repository that have a subject, and that nobody has noticed."""
    noticed = exists().where(
        vex_attached.c.repository_id == manifests.c.repository_id, vex_attached.c.manifest == manifests.c.digest
    )
    query = select(*_WHAT, manifests.c.pushed_at).join(repositories, repositories.c.id == manifests.c.repository_id)
    query = query.where(manifests.c.repository_id == repository_id, manifests.c.subject.is_not(None), ~noticed)
    rows = (row for some in chunks(digests) for row in tx.execute(query.where(manifests.c.digest.in_(some))))
    return [
        Candidate((), RepoName(name), id, Digest(digest), media_type, raw, since)
        for name, id, digest, media_type, raw, since in rows
    ]


def notice(tx: Connection, candidate: Candidate, subject: Digest) -> bool:
    """Note it as brought by nobody who is known; whether it was not known yet."""
    put = insert(tx, vex_attached).values(
        repository_id=candidate.repository_id,
        manifest=candidate.digest,
        subject=subject,
        brought_by="",
        principals="[]",
        brought_at=candidate.since,
        read_at=None,
        author="",
        statements=0,
        problem="",
    )
    return tx.execute(put.on_conflict_do_nothing().returning(vex_attached.c.manifest)).first() is not None
