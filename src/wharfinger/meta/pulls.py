"""When each manifest was last pulled."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from wharfinger.meta.schema import repositories
from wharfinger.meta.schema_trash import last_pulls
from wharfinger.meta.sql import chunks, insert
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName


def note(tx: Connection, pulled: Mapping[tuple[RepoName, Digest], float]) -> None:
    """Each was pulled then, and maybe later: times only go forward. In one order, so that nobody waits in a circle."""
    keys = _keys(tx, sorted({repository for repository, _ in pulled}))
    rows = sorted((keys[repository], digest, at) for (repository, digest), at in pulled.items() if repository in keys)
    put = insert(tx, last_pulls)
    later = {"pulled_at": put.excluded.pulled_at}
    newer = last_pulls.c.pulled_at < put.excluded.pulled_at
    put = put.on_conflict_do_update(index_elements=["repository_id", "digest"], set_=later, where=newer)
    if rows:
        tx.execute(put, [dict(zip(("repository_id", "digest", "pulled_at"), row, strict=True)) for row in rows])


def _keys(tx: Connection, names: Sequence[RepoName]) -> dict[RepoName, int]:
    query = select(repositories.c.name, repositories.c.id)
    rows = (row for some in chunks(names) for row in tx.execute(query.where(repositories.c.name.in_(some))))
    return {RepoName(row.name): row.id for row in rows}


def last(tx: Connection, repository_id: int) -> dict[Digest, float]:
    """When each manifest of the repository was last pulled, if it was."""
    query = select(last_pulls.c.digest, last_pulls.c.pulled_at).where(last_pulls.c.repository_id == repository_id)
    return {Digest(row.digest): row.pulled_at for row in tx.execute(query)}
