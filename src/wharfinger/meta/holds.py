"""Holds: images that nobody deletes, until a day or until the hold is taken away."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from wharfinger.meta.schema import repositories
from wharfinger.meta.schema_trash import holds
from wharfinger.meta.sql import chunks
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName


@dataclass(frozen=True, slots=True)
class Hold:
    """Who wants the image kept, since when, until when (None: no end), and why."""

    id: int
    repository: RepoName
    digest: Digest
    until: float | None
    because: str
    who: str
    at: float


_COLUMNS = (
    *(holds.c.id, repositories.c.name, holds.c.digest, holds.c.until),
    *(holds.c.because, holds.c.who, holds.c.at),
)
_ALL = select(*_COLUMNS).join(repositories, repositories.c.id == holds.c.repository_id)


def add(
    tx: Connection, repository_id: int, digest: Digest, until: float | None, because: str, who: str, now: float
) -> int:
    """Hold the image; the hold's number."""
    row = {"repository_id": repository_id, "digest": digest, "until": until, "because": because, "who": who, "at": now}
    return int(tx.execute(insert(holds).values(row).returning(holds.c.id)).scalar_one())


def find(tx: Connection, id: int) -> Hold | None:
    """The hold with this number."""
    return next(iter(_read(tx, holds.c.id == id, 1)), None)


def remove(tx: Connection, id: int) -> None:
    """The image is held by it no more."""
    tx.execute(delete(holds).where(holds.c.id == id))


def page(tx: Connection, repository: RepoName | None, last: int, limit: int, now: float) -> list[Hold]:
    """Up to ``limit`` holds in force after the one with the number ``last``; of one repository, or of all."""
    which = _in_force(now) & (holds.c.id > last)
    return _read(tx, which if repository is None else which & (repositories.c.name == repository), limit)


def of_one(tx: Connection, repository_id: int, digest: Digest, now: float) -> Hold | None:
    """A hold in force of this image."""
    this = (holds.c.repository_id == repository_id) & (holds.c.digest == digest)
    return next(iter(_read(tx, this & _in_force(now), 1)), None)


def in_force(tx: Connection, repository_id: int, now: float) -> dict[Digest, float | None]:
    """Every held image of the repository, and until when: the latest end, None where one has no end."""
    found: dict[Digest, float | None] = {}
    query = select(holds.c.digest, holds.c.until).where(holds.c.repository_id == repository_id, _in_force(now))
    for digest, until in tx.execute(query):
        before = found.get(digest, 0.0)
        found[digest] = None if until is None or before is None else max(before, until)
    return found


def held_among(tx: Connection, repository_id: int, digests: Iterable[Digest], now: float) -> set[Digest]:
    """Those of ``digests`` that are held."""
    query = select(holds.c.digest).where(holds.c.repository_id == repository_id, _in_force(now))
    found = (row.digest for some in chunks(digests) for row in tx.execute(query.where(holds.c.digest.in_(some))))
    return set(map(Digest, found))


def expire(tx: Connection, now: float) -> int:
    """Forget those that have ended; how many."""
    return len(tx.execute(delete(holds).where(holds.c.until <= now).returning(holds.c.id)).all())


def _in_force(now: float) -> ColumnElement[bool]:
    return or_(holds.c.until.is_(None), holds.c.until > now)


def _read(tx: Connection, which: ColumnElement[bool], limit: int) -> list[Hold]:
    rows = tx.execute(_ALL.where(which).order_by(holds.c.id).limit(limit))
    return [Hold(id, RepoName(name), Digest(digest), *rest) for id, name, digest, *rest in rows]
