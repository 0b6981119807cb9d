"""Which blobs manifests need, how big they are and who else has them: for what deleting would give back."""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO, Any, TypeAlias

from sqlalchemy import Connection, func, select

from wharfinger.meta.schema import blob_links, blobs, manifest_blobs
from wharfinger.meta.sql import plain_rows

Keys: TypeAlias = "array[int]"

KEY = slice(7, 23)  # behind "sha256:" or "sha512:"
SHELVES, SHELF_SHIFT = 4096, 52
PAGE = 20_000
_IS_LITTLE = sys.byteorder == "little"


class Sizes:
    """How big every blob is, in 16 bytes for each; a dictionary would take ten times as much.

    It knows a blob by the first 64 bits of its digest: there may be millions, and this is for sums alone.
    """

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

    def get(self, blob: str, otherwise: int, /) -> int:
        """The size, or what to say of a blob that is not there: as a dictionary does."""
        keys, key = self._keys, int(blob[KEY], 16)
        shelf = key >> SHELF_SHIFT
        end = self._shelves[shelf + 1]
        at = bisect_left(keys, key, self._shelves[shelf], end)
        return self._sizes[at] if at < end and keys[at] == key else otherwise


def write_sizes(tx: Connection, file: IO[bytes]) -> None:
    """The sizes of all blobs: for who needs many, in a fifth of the time that looking up each would take."""
    key = func.substr(blobs.c.digest, KEY.start + 1, KEY.stop - KEY.start).label("key")
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


def references(tx: Connection, ids: Sequence[int]) -> Iterable[tuple[int, str, str]]:
    """(repository, manifest, its blobs with commas between them) of everything in these repositories."""
    edges = manifest_blobs.c
    joined: Any = func.aggregate_strings(edges.digest, ",")
    query = select(edges.repository_id, edges.manifest, joined).where(edges.repository_id.in_(ids))
    yield from plain_rows(tx, query.group_by(edges.repository_id, edges.manifest))


def sizes(tx: Connection, ids: Sequence[int]) -> Iterable[tuple[int, str, int]]:
    """(repository, blob, its size) of each that these repositories have."""
    links = blob_links.c
    yield from plain_rows(
        tx, select(links.repository_id, links.digest, _size_of_link()).where(links.repository_id.in_(ids))
    )


def shared(tx: Connection) -> dict[str, tuple[int, int]]:
    """How many repositories have each blob that more than one has, and its size. One walk along an index, for all."""
    links = blob_links.c.digest
    query = select(links, func.count(), _size_of_link()).group_by(links).having(func.count() > 1)
    return {blob: (count, size) for blob, count, size in plain_rows(tx, query)}


def _size_of_link() -> Any:
    # No join: SQLite would go through all blobs once for each repository.
    return select(blobs.c.size).where(blobs.c.digest == blob_links.c.digest).scalar_subquery()
