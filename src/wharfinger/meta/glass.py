"""Break-glass: images that may be pulled for a while although a rule refuses them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from wharfinger.meta.schema import repositories
from wharfinger.meta.schema_gates import break_glass
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName


@dataclass(frozen=True, slots=True)
class Glass:
    """Who lets the image be pulled, since when, until when, and why."""

    id: int
    repository: RepoName
    digest: Digest
    until: float
    because: str
    who: str
    at: float


_ALL = select(
    break_glass.c.id,
    repositories.c.name,
    break_glass.c.digest,
    break_glass.c.until,
    break_glass.c.because,
    break_glass.c.who,
    break_glass.c.at,
).join(repositories, repositories.c.id == break_glass.c.repository_id)


def add(tx: Connection, repository_id: int, digest: Digest, until: float, because: str, who: str, now: float) -> int:
    """Let it be pulled until then; the number of it."""
    row = {"repository_id": repository_id, "digest": digest, "until": until, "because": because, "who": who, "at": now}
    return int(tx.execute(insert(break_glass).values(row).returning(break_glass.c.id)).scalar_one())


def find(tx: Connection, id: int) -> Glass | None:
    """The one with this number."""
    return next(iter(_read(tx, break_glass.c.id == id, 1)), None)


def of_one(tx: Connection, repository_id: int, digest: Digest, now: float) -> Glass | None:
    """One in force for this image."""
    this = (break_glass.c.repository_id == repository_id) & (break_glass.c.digest == digest)
    return next(iter(_read(tx, this & (break_glass.c.until > now), 1)), None)


def page(tx: Connection, last: int, limit: int, now: float) -> Sequence[Glass]:
    """Up to ``limit`` in force after the one with the number ``last``."""
    return _read(tx, (break_glass.c.id > last) & (break_glass.c.until > now), limit)


def remove(tx: Connection, id: int) -> None:
    """It is in force no more."""
    tx.execute(delete(break_glass).where(break_glass.c.id == id))


def expire(tx: Connection, now: float) -> int:
    """Forget those that have ended; how many."""
    return tx.execute(delete(break_glass).where(break_glass.c.until <= now)).rowcount


def _read(tx: Connection, which: ColumnElement[bool], limit: int) -> list[Glass]:
    rows = tx.execute(_ALL.where(which).order_by(break_glass.c.id).limit(limit))
    return [Glass(id, RepoName(name), Digest(digest), *rest) for id, name, digest, *rest in rows]
