"""Which blobs manifests need, how big they are and who else has them: for what deleting would give back.

A blob is called by the first 64 bits of its digest: there may be ten million references, and this is for sums alone.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO, Any, TypeAlias

from sqlalchemy import Connection, func, select

from wharfinger.meta.schema import blob_links, blobs, manifest_blobs
from wharfinger.meta.sql import plain_rows

Keys: TypeAlias = "array[int]"

KEY_BEGINS, KEY_LENGTH = 8, 16  # behind "sha256:" or "sha512:"
SHELVES, SHELF_SHIFT = 4096, 52
PAGE = 20_000
_IS_LITTLE = sys.byteorder == "little"


class Sizes:
    """How big every blob is, in 16 bytes for each; a dictionary would take ten times as much."""

    def __init__(self, keys: Sequence[int], sizes: Sequence[int]) -> None:
        """From what the blobs are called, in ascending order, and how big each is."""
        self._keys, self._sizes = keys, sizes
        self._shelves = [bisect_left(keys, n << SHELF_SHIFT) for n in range(SHELVES)] + [len(keys)]

    @classmethod
    def opened(cls, path: Path) -> "Sizes":
        """What :func:`write_sizes` wrote, which all who open it have together."""
        if path.stat().st_size == 0:  # which cannot be mapped
            return cls((), ())
        with path.open("rb") as file:
            numbers = memoryview(mmap(file.fileno(), 0, access=ACCESS_READ)).cast("Q")
        half = len(numbers) // 2
        return cls(numbers[:half], numbers[half:])

    def get(self, blob: int, otherwise: int, /) -> int:
        """The size, or what to say of a blob that is not there: as a dictionary does."""
        keys, shelf = self._keys, blob >> SHELF_SHIFT
        end = self._shelves[shelf + 1]
        at = bisect_left(keys, blob, self._shelves[shelf], end)
        return self._sizes[at] if at < end and keys[at] == blob else otherwise


def write_sizes(tx: Connection, file: IO[bytes]) -> None:
    """The sizes of all blobs: for who needs many, in a fifth of the time that looking up each would take."""
    key = func.substr(blobs.c.digest, KEY_BEGINS, KEY_LENGTH).label("key")
    found: Any = tx.execute(select(key, blobs.c.size).order_by(key).execution_options(yield_per=PAGE))
    sizes = array("Q")
    for page in found.partitions():
        digits, some = zip(*page, strict=True)
        file.write(_keys("".join(digits)))
        sizes.extend(some)
    file.write(sizes)


def _keys(text: str) -> Keys:
    """From their digits one after the other."""
    found = array("Q", bytes.fromhex(text))
    if _IS_LITTLE:
        found.byteswap()
    return found


def references(tx: Connection, ids: Sequence[int]) -> Iterator[tuple[int, str, Sequence[int]]]:
    """(repository, manifest, its blobs) of everything in these repositories."""
    edges = manifest_blobs.c
    keys: Any = func.aggregate_strings(func.substr(edges.digest, KEY_BEGINS, KEY_LENGTH), "")
    query = select(edges.repository_id, edges.manifest, keys).where(edges.repository_id.in_(ids))
    for id, manifest, joined in plain_rows(tx, query.group_by(edges.repository_id, edges.manifest)):
        yield id, manifest, _keys(joined)


def sizes(tx: Connection, ids: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(repository, blob, its size) of each that these repositories have."""
    key = func.substr(blob_links.c.digest, KEY_BEGINS, KEY_LENGTH)
    query = select(blob_links.c.repository_id, key, _size_of_link()).where(blob_links.c.repository_id.in_(ids))
    for id, text, size in plain_rows(tx, query):
        yield id, int(text, 16), size


def shared(tx: Connection) -> dict[int, tuple[int, int]]:
    """How many repositories have each blob that more than one has, and its size. One walk along an index, for all."""
    links = blob_links.c.digest
    key = func.substr(links, KEY_BEGINS, KEY_LENGTH)
    query = select(key, func.count(), _size_of_link()).group_by(links).having(func.count() > 1)
    return {int(text, 16): (count, size) for text, count, size in plain_rows(tx, query)}


def _size_of_link() -> Any:
    # No join: SQLite would go through all blobs once for each repository.
    return select(blobs.c.size).where(blobs.c.digest == blob_links.c.digest).scalar_subquery()
