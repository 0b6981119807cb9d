"""The rows beside the advisories: ratings, what is exploited, how likely that is, and when releases end."""

import hashlib
import sqlite3

from wharfinger.scanning.advisories import enriching
from wharfinger.scanning.advisories.enriching import Enrichment
from wharfinger.scanning.advisories.reading import Entry
from wharfinger.scanning.advisories.tables import ENRICHED


class Enrichments:
    """Takes files one by one, between the beginning and the end of a container."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._container = ""
        self._had: dict[str, tuple[int, bytes]] = {}
        self.is_changed = False

    def begin(self, container: str) -> None:
        self._container = container
        sql = "SELECT name, id, hash FROM enrichment WHERE container = ?"
        self._had = {name: (id, hashed) for name, id, hashed in self._db.execute(sql, (container,))}

    def end(self) -> None:
        """Forget what the container had and has no more."""
        for id, _ in self._had.values():
            self._forget(id)
        self._had = {}

    def take_csv(self, entry: Entry) -> bool:
        """Whether the table was one of those that are known."""
        hashed = hashlib.sha256(entry.data).digest()
        if self._is_known(entry, hashed):
            return True
        found = enriching.of_csv(entry.data.decode("utf-8", "replace"), entry.name)
        return self._put(entry, hashed, found)

    def take_json(self, entry: Entry, hashed: bytes) -> bool:
        """Whether the document was one of those that are known."""
        return self._is_known(entry, hashed) or self._put(entry, hashed, enriching.of_json(entry.data, entry.name))

    def counts(self) -> dict[str, int]:
        """How many entries there are of each file."""
        sql = "SELECT name, entries FROM enrichment ORDER BY name"
        return dict(self._db.execute(sql).fetchall())

    def _is_known(self, entry: Entry, hashed: bytes) -> bool:
        known = self._had.get(entry.place)
        if known is None or known[1] != hashed:
            return False
        del self._had[entry.place]
        return True

    def _put(self, entry: Entry, hashed: bytes, found: Enrichment | None) -> bool:
        if found is None:
            return False
        self.is_changed = True
        replaced = self._had.pop(entry.place, None)
        if replaced is not None:
            self._forget(replaced[0])
        sql = "INSERT INTO enrichment (container, name, kind, hash, entries) VALUES (?, ?, ?, ?, ?) RETURNING id"
        row = (self._container, entry.place, found.kind, hashed, len(found))
        ((id,),) = self._db.execute(sql, row).fetchall()
        self._fill(id, found)
        return True

    def _fill(self, id: int, found: Enrichment) -> None:
        rated = ((cve, r.source, r.kind, r.severity.value, r.vector, id) for cve, r in found.ratings)
        self._db.executemany("INSERT INTO rating VALUES (?, ?, ?, ?, ?, ?)", rated)
        days = ((cve, day.isoformat(), id) for cve, day in found.exploited.items())
        self._db.executemany("INSERT INTO exploited VALUES (?, ?, ?)", days)
        scores = ((cve, score, id) for cve, score in found.likelihood.items())
        self._db.executemany("INSERT INTO likelihood VALUES (?, ?, ?)", scores)
        ends = ((name, release, day.isoformat(), id) for (name, release), day in found.ends.items())
        self._db.executemany("INSERT INTO ends VALUES (?, ?, ?, ?)", ends)

    def _forget(self, id: int) -> None:
        self.is_changed = True
        for table in ENRICHED:
            self._db.execute(f"DELETE FROM {table} WHERE enrichment = ?", (id,))  # noqa: S608 - our own names
        self._db.execute("DELETE FROM enrichment WHERE id = ?", (id,))
