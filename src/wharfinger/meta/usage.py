"""What is noted for the figures of usage, in the transaction that changes them: ``docs/internals/usage.md``."""

from collections.abc import Iterable, Sequence
from functools import cache

from sqlalchemy import BigInteger, Connection, Insert, Text, insert, literal, select

from wharfinger.meta.schema import KEY, blobs
from wharfinger.meta.schema_usage import usage_changes
from wharfinger.meta.sql import Given, chunks
from wharfinger.meta.usage_sums import STORE as STORE  # noqa: PLC0414 - `usage.STORE` is what callers say
from wharfinger.spec.digest import Digest


def note(tx: Connection, repository_id: int, digests: Iterable[Digest], sign: int) -> None:
    """The repository holds the blobs since now (1) or no longer (-1); to be called while the blobs' rows are there."""
    row = select(literal(repository_id), blobs.c.digest, blobs.c.size, literal(sign))
    for some in chunks(digests):
        noted = insert(usage_changes).from_select(
            ["repository_id", "digest", "size", "sign"], row.where(blobs.c.digest.in_(some))
        )
        tx.execute(noted)


def note_gone(tx: Connection, gone: Sequence[tuple[int, Digest, int]]) -> None:
    """These repositories hold these blobs, of this size, no longer: the same for many at once."""
    if gone:
        given, noted = _noting_gone(tx.dialect.name)
        tx.execute(noted, given.values(gone))


@cache
def _noting_gone(kind: str) -> tuple[Given, Insert]:
    these = Given(kind, repository_id=KEY, digest=Text(), size=BigInteger())
    return these, insert(usage_changes).from_select([*these.c.keys(), "sign"], select(*these.c, literal(-1)))
