"""What is noted for the figures of usage, in the transaction that changes them: ``docs/internals/usage.md``."""

from sqlalchemy import Connection, insert, literal, select

from wharfinger.meta.schema import blobs
from wharfinger.meta.schema_usage import usage_changes
from wharfinger.spec.digest import Digest

STORE = 0
"""The repository that holds everything: no repository has this key."""


def note(tx: Connection, repository_id: int, digest: Digest, sign: int) -> None:
    """The repository holds the blob since now (1) or no longer (-1); to be called while the blob's row is there."""
    row = select(literal(repository_id), blobs.c.digest, blobs.c.size, literal(sign)).where(blobs.c.digest == digest)
    tx.execute(insert(usage_changes).from_select(["repository_id", "digest", "size", "sign"], row))
