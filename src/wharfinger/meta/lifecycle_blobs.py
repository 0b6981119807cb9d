"""Which blobs manifests need, how big they are and who else has them: for what deleting would give back.

A blob is called by the first 64 bits of its digest: there may be ten million references, and this is for sums alone.
"""

import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from wharfinger.meta.schema import blob_links, blobs, manifest_blobs

KEY_BEGINS, KEY_LENGTH = 8, 16  # behind "sha256:" or "sha512:"


def references(tx: Connection, ids: Sequence[int]) -> Iterator[tuple[int, str, Sequence[int]]]:
    """(repository, manifest, its blobs) of everything in these repositories."""
    edges = manifest_blobs.c
    keys: Any = func.aggregate_strings(func.substr(edges.digest, KEY_BEGINS, KEY_LENGTH), "")
    query = select(edges.repository_id, edges.manifest, keys).where(edges.repository_id.in_(ids))
    for id, manifest, joined in tx.execute(query.group_by(edges.repository_id, edges.manifest)):
        needed = array("Q", bytes.fromhex(joined))
        if sys.byteorder == "little":
            needed.byteswap()
        yield id, manifest, needed


def sizes(tx: Connection, ids: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(repository, blob, its size) of each that these repositories have."""
    key = func.substr(blob_links.c.digest, KEY_BEGINS, KEY_LENGTH)
    # No join: SQLite would go through all blobs once for each repository.
    size_of = select(blobs.c.size).where(blobs.c.digest == blob_links.c.digest).scalar_subquery()
    query = select(blob_links.c.repository_id, key, size_of).where(blob_links.c.repository_id.in_(ids))
    for id, text, size in tx.execute(query):
        yield id, int(text, 16), size


def shared(tx: Connection) -> dict[int, int]:
    """How many repositories have each blob that more than one has. One walk along an index, for all together."""
    key = func.substr(blob_links.c.digest, KEY_BEGINS, KEY_LENGTH)
    query = select(key, func.count()).group_by(blob_links.c.digest).having(func.count() > 1)
    return {int(text, 16): count for text, count in tx.execute(query)}
