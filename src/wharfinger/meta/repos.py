"""Repositories."""

from sqlalchemy import Connection, select

from wharfinger.errors import NameUnknown
from wharfinger.meta.schema import repositories
from wharfinger.meta.sql import insert
from wharfinger.spec.names import RepoName


def find(tx: Connection, name: RepoName) -> int | None:
    """The repository's key, or None when nothing was ever stored in it."""
    return tx.execute(select(repositories.c.id).where(repositories.c.name == name)).scalar()


def require(tx: Connection, name: RepoName) -> int:
    """The repository's key. Raises NameUnknown."""
    key = find(tx, name)
    if key is None:
        raise NameUnknown(f"repository {name} is not known: nothing was pushed to it", name=name)
    return key


def ensure(tx: Connection, name: RepoName, now: float) -> int:
    """The repository's key; the repository is made when this is the first that is stored in it."""
    key = find(tx, name)
    if key is None:
        tx.execute(insert(tx, repositories).values(name=name, created_at=now).on_conflict_do_nothing())
        key = require(tx, name)
    return key


def hold(tx: Connection, key: int) -> None:
    """Nothing comes into the repository from anybody else before this transaction ends.

    Every blob link and manifest refers to the repository, for which PostgreSQL locks its row against this lock.
    """
    tx.execute(select(repositories.c.id).where(repositories.c.id == key).with_for_update())


def page(tx: Connection, last: str, limit: int) -> list[str]:
    """Up to ``limit`` names after ``last`` in byte order."""
    query = select(repositories.c.name).where(repositories.c.name > last).order_by(repositories.c.name).limit(limit)
    return list(tx.execute(query).scalars())
