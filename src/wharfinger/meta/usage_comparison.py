"""Everything that is linked, counted and compared with the figures of usage that are kept.

One statement, sorted by digest, goes by once, so that what is counted needs memory for repositories and not for blobs.
It is one state of the database, and what is noted and not yet folded counts as well: so it is right while pushes go on.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, select, text

from wharfinger.meta.schema_usage import usage_repositories
from wharfinger.meta.sql import stream
from wharfinger.meta.usage_sums import STORE, Delta, Held

BLOB, LINK, NOTED, KEPT = range(4)

# An expression instead of the column: SQLite would follow the index of the digests and look up each row where it lies,
# which takes three times as long as sorting them.
_EVERYTHING = text(
    f"""
    SELECT digest || '' AS digest, {BLOB} AS what, size AS size, 1 AS n, {STORE} AS k FROM blobs
    UNION ALL SELECT digest || '', {LINK}, 0, 1, repository_id FROM blob_links
    UNION ALL SELECT digest || '', {NOTED}, size, sign, repository_id FROM usage_changes
    UNION ALL SELECT digest || '', {KEPT}, size, holders, key_sum FROM usage_blobs
    ORDER BY digest
    """  # noqa: S608 - put together from constants
)


@dataclass(frozen=True, slots=True)
class Drift:
    """How much the figures are off: by blob (holders, sum of their keys), and by repository."""

    blobs: Mapping[str, Held]
    repositories: Mapping[int, Delta]

    @property
    def count(self) -> int:
        return len(self.blobs) + len(self.repositories)


def drift(tx: Connection) -> Drift:
    """How far the figures are from what is linked, in this one state of the database."""
    counted, blobs = _Counted(), {}
    for digest, rows in groupby(stream(tx, _EVERYTHING), key=itemgetter(0)):
        off = counted.take(rows)
        if off.holders or off.key_sum:
            blobs[digest] = off
    return Drift(blobs, counted.less(tx))


class _Counted:
    """What repositories have as counted so far, less what is noted and not yet folded."""

    def __init__(self) -> None:
        self._blobs: dict[int, int] = defaultdict(int)
        self._bytes: dict[int, int] = defaultdict(int)
        self._exclusive: dict[int, int] = defaultdict(int)

    def take(self, rows: Iterable[Sequence[Any]]) -> Held:
        """Count all that there is of one blob; how far what is kept of it is off."""
        holders: list[int] = []
        noted: list[tuple[int, int, int]] = []
        there, size, kept_size, kept_holders, kept_sum = False, 0, 0, 0, 0
        for _, what, of, count, key in rows:
            if what == LINK:
                holders.append(key)
            elif what == BLOB:
                there, size = True, of
            elif what == NOTED:
                noted.append((key, of, count))
            else:
                kept_size, kept_holders, kept_sum = of, count, key
        size = size if there else max([kept_size, *(of for _, of, _ in noted)])
        for key in holders:
            self._add(key, 1, size)
        if there:
            self._add(STORE, 1, size)
        for key, of, sign in noted:
            self._add(key, -sign, -sign * of)
        number = len(holders) - sum(sign for key, _, sign in noted if key != STORE)
        keys = sum(holders) - sum(sign * key for key, _, sign in noted)
        if number >= 1:
            self._exclusive[STORE] += size
        if number == 1:
            self._exclusive[keys] += size
        return Held(size, number - kept_holders, keys - kept_sum)

    def _add(self, key: int, blobs: int, size: int) -> None:
        self._blobs[key] += blobs
        self._bytes[key] += size

    def less(self, tx: Connection) -> dict[int, Delta]:
        """By how much it is more than the figures that are kept, of those repositories of which it is not the same."""
        kept = usage_repositories.c
        for key, blobs, size, exclusive in tx.execute(
            select(kept.repository_id, kept.blobs, kept.bytes, kept.exclusive)
        ):
            self._add(key, -blobs, -size)
            self._exclusive[key] -= exclusive
        every = sorted(self._blobs.keys() | self._exclusive.keys())
        found = {key: Delta(self._blobs[key], self._bytes[key], self._exclusive[key]) for key in every}
        return {key: off for key, off in found.items() if off != Delta()}
