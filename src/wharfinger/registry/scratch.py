"""A database of its own on the disk, gone with its process: what is too much for memory and needed only once."""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from wharfinger.blobs.stock import Item, Stock
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

Record = dict[str, Any]

_SCHEMA = """
CREATE TABLE records (kind TEXT, repository TEXT, name TEXT, state TEXT, record TEXT,
                      PRIMARY KEY (kind, repository, name)) WITHOUT ROWID;
CREATE TABLE items (location TEXT PRIMARY KEY, size INTEGER, since REAL, digest TEXT) WITHOUT ROWID;
CREATE TABLE marks (digest TEXT, location TEXT, PRIMARY KEY (digest, location)) WITHOUT ROWID;
CREATE INDEX marks_location ON marks (location);
"""
_PAGE = 500


class Scratch:
    """The last record of each thing that a journal speaks of, and what a store holds."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        connection.executescript(_SCHEMA)

    # The journal ----------------------------------------------------------------------------------------------------

    def tell(self, records: Iterable[Record]) -> None:
        """Each of these replaces what was said of its thing before."""
        rows = ((r["kind"], r["repository"], r["name"], r["state"], json.dumps(r)) for r in records)
        self._sql.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", rows)

    def told(self, kind: str, state: str) -> Iterator[list[Record]]:
        """What is of this kind and in this state, a page at a time."""
        query = "SELECT record FROM records WHERE kind = ? AND state = ? ORDER BY repository, name"
        cursor = self._sql.execute(query, (kind, state))
        while rows := cursor.fetchmany(_PAGE):
            yield [json.loads(row[0]) for row in rows]

    def events(self) -> Iterator[list[Record]]:
        """The history of tags in its order."""
        query = "SELECT record FROM records WHERE kind = 'event' AND state = 'live' ORDER BY CAST(name AS INTEGER)"
        cursor = self._sql.execute(query)
        while rows := cursor.fetchmany(_PAGE):
            yield [json.loads(row[0]) for row in rows]

    def repositories(self) -> list[str]:
        """Every name that anything was said of."""
        return [row[0] for row in self._sql.execute("SELECT DISTINCT repository FROM records")]

    # The store ------------------------------------------------------------------------------------------------------

    async def note(self, stock: Stock) -> AsyncIterator[int]:
        """Note all that the store holds; how much that is, now and then."""
        count = 0
        async for items in stock.items():
            rows = ((item.location, item.size, item.since, item.digest) for item in items)
            self._sql.executemany("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)", rows)
            count += len(items)
            yield count
        async for marks in stock.marks():
            self._sql.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?)", ((d, at) for at, d in marks))
            yield count

    def copies(self, digest: Digest, size: int) -> list[Location]:
        """Where bytes of this size were sealed as this digest."""
        query = "SELECT location FROM marks JOIN items USING (location) WHERE marks.digest = ? AND size = ?"
        return [Location(row[0]) for row in self._sql.execute(query, (digest, size))]

    def size(self, location: Location) -> int | None:
        """How many bytes are there."""
        row = self._sql.execute("SELECT size FROM items WHERE location = ?", (location,)).fetchone()
        return None if row is None else int(row[0])

    def is_marked(self, location: Location, digest: Digest) -> bool:
        """Whether it can be found there without a database."""
        query = "SELECT 1 FROM marks WHERE digest = ? AND location = ?"
        return self._sql.execute(query, (digest, location)).fetchone() is not None

    def items(self) -> Iterator[list[Item]]:
        """All bytes, with the digest that they are sealed as, a page at a time."""
        query = (
            "SELECT i.location, i.size, i.since, COALESCE(i.digest, "
            "(SELECT m.digest FROM marks m WHERE m.location = i.location)) FROM items i ORDER BY i.location"
        )
        cursor = self._sql.execute(query)
        while rows := cursor.fetchmany(_PAGE):
            yield [Item(Location(at), size, since, Digest(d) if d else None) for at, size, since, d in rows]

    def stray_marks(self) -> Iterator[tuple[Location, Digest]]:
        """Marks without bytes."""
        query = "SELECT location, digest FROM marks WHERE location NOT IN (SELECT location FROM items)"
        return ((Location(at), Digest(digest)) for at, digest in self._sql.execute(query).fetchall())

    def totals(self) -> tuple[int, int]:
        """How many items there are, and how many bytes."""
        count, size = self._sql.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM items").fetchone()
        return int(count), int(size)


@contextmanager
def opened() -> Iterator[Scratch]:
    """A new one, in a file without a name where SQLite keeps temporary ones (TMPDIR)."""
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        yield Scratch(connection)
