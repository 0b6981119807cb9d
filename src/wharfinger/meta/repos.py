"""Repositories."""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, select

from wharfinger.errors import NameUnknown
from wharfinger.meta import journal
from wharfinger.meta.journal import Kind
from wharfinger.meta.schema import repositories
from wharfinger.meta.sql import among, insert
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


def keys(tx: Connection, names: Iterable[RepoName]) -> dict[RepoName, int]:
    """Those of these repositories that are known, with their keys."""
    query = select(repositories.c.name, repositories.c.id)
    rows = (row for these in among(tx, repositories.c.name, names) for row in tx.execute(query.where(these)))
    return {RepoName(name): key for name, key in rows}


def name_of(tx: Connection, key: int) -> RepoName:
    """The name of the repository with this key."""
    return RepoName(tx.execute(select(repositories.c.name).where(repositories.c.id == key)).scalar_one())


def ensure(tx: Connection, name: RepoName, now: float) -> int:
    """The repository's key; the repository is made when this is the first that is stored in it."""
    key = find(tx, name)
    if key is None:
        made = insert(tx, repositories).values(name=name, created_at=now).on_conflict_do_nothing()
        if tx.execute(made.returning(repositories.c.id)).first() is not None:
            journal.note(tx, Kind.REPOSITORY, require(tx, name), name)
        key = require(tx, name)
    return key


def hold(tx: Connection, key: int) -> None:
    """Nothing comes into the repository from anybody else before this transaction ends.

    Every blob link and manifest refers to the repository, for which PostgreSQL locks its row against this lock.
    """
    tx.execute(select(repositories.c.id).where(repositories.c.id == key).with_for_update())


def page(tx: Connection, last: str, limit: int, prefixes: Sequence[str] = ("",)) -> list[RepoName]:
    """Up to ``limit`` names after ``last`` in byte order, of those that begin with one of ``prefixes``.

    ``prefixes`` are in order and none begins with another; each costs one look-up in the index until enough is found.
    """
    found: list[RepoName] = []
    for prefix in prefixes:
        after = repositories.c.name > last
        if prefix:
            # No character of a name sorts after "z", so this is the first string behind all that begin so.
            after &= (repositories.c.name >= prefix) & (repositories.c.name < f"{prefix}{{")
        query = select(repositories.c.name).where(after).order_by(repositories.c.name).limit(limit - len(found))
        found += (RepoName(name) for name in tx.execute(query).scalars())
        if len(found) >= limit:
            break
    return found


def visible(
    tx: Connection, last: str, limit: int, prefixes: Sequence[str], may_pull: Callable[[RepoName], bool]
) -> list[str]:
    """Up to ``limit`` names after ``last``, of those that ``may_pull`` allows and :func:`page` finds."""
    found: list[str] = []
    while len(found) < limit:
        names = page(tx, last, limit, prefixes)
        found += (name for name in names if may_pull(name))
        if len(names) < limit:
            break
        last = names[-1]
    return found[:limit]
