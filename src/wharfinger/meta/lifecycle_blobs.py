"""Which blobs manifests need, how big they are and who else has them: for what deleting would give back.

A blob is called by the first 64 bits of its digest: there may be ten million references, and this is for sums alone.
"""

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
        yield id, manifest, array("Q", bytes.fromhex(joined))


def links(tx: Connection, ids: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """(repository, blob, its size, how many repositories have it) of each that these repositories have."""
    other = blob_links.alias()
    count = select(func.count()).select_from(other).where(other.c.digest == blob_links.c.digest).scalar_subquery()
    key = func.substr(blobs.c.digest, KEY_BEGINS, KEY_LENGTH)
    query = select(blob_links.c.repository_id, key, blobs.c.size, count)
    query = query.join(blobs, blobs.c.digest == blob_links.c.digest).where(blob_links.c.repository_id.in_(ids))
    for id, text, size, count_of_it in tx.execute(query):
        yield id, _key(text), size, count_of_it


def _key(text: str) -> int:
    return array("Q", bytes.fromhex(text))[0]
