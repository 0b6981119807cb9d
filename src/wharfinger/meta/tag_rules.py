"""What rules about tags look at."""

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, select

from wharfinger.meta.schema import repositories, tags
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Tag

SHOWN_AT_MOST = 1000


def tags_of(tx: Connection, repository_id: int, digest: Digest) -> list[Tag]:
    """The tags of a manifest; of one that has more than a thousand, some."""
    query = select(tags.c.name).where(tags.c.repository_id == repository_id, tags.c.digest == digest)
    return [Tag(name) for name in tx.execute(query.limit(SHOWN_AT_MOST)).scalars()]


def beginning_with(tx: Connection, repository_id: int, prefix: str) -> list[Tag]:
    """The repository's tags that begin so; the prefix ends with a dot."""
    # "/" is what follows the dot, and no tag has one.
    these = (tags.c.name >= prefix) & (tags.c.name < f"{prefix[:-1]}/")
    query = select(tags.c.name).where(tags.c.repository_id == repository_id, these)
    return [Tag(name) for name in tx.execute(query).scalars()]


def every_tag(tx: Connection, concerned: Callable[[str], bool], limit: int) -> Iterator[tuple[str, str]]:
    """(repository, tag) of up to ``limit`` tags of the repositories that are ``concerned``."""
    for id, name in tx.execute(select(repositories.c.id, repositories.c.name).order_by(repositories.c.name)).all():
        if not concerned(name):
            continue
        query = select(tags.c.name).where(tags.c.repository_id == id).order_by(tags.c.name).limit(limit)
        found = tx.execute(query).scalars().all()
        yield from ((name, tag) for tag in found)
        limit -= len(found)
        if limit <= 0:
            return
