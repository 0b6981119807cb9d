"""Records into the tables of a staged set: what is as it was stays, what changed is replaced, what is gone goes."""

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from wharfinger.scanning.advisories import licences, osv
from wharfinger.scanning.advisories.enrichments import Enrichments
from wharfinger.scanning.advisories.native import formats, native
from wharfinger.scanning.advisories.ratings import publisher
from wharfinger.scanning.advisories.reading import Budget, Container, Entry
from wharfinger.scanning.advisories.records import Interval, Record, RecordInvalid
from wharfinger.scanning.advisories.reports import Imported, Skipped, SourceReport

SHOWN_AT_MOST = 1000
RECORD_AT_MOST = 16 * 2**20
ROWS_AT_ONCE = 20_000


@dataclass(slots=True)
class _Source:
    """A source while it is filled: ``had`` are its records as they were, ``by_hash`` the same by their bytes."""

    id: int
    name: str
    had: dict[str, int]
    by_hash: dict[bytes, str]
    seen: set[str] = field(default_factory=set)
    added: int = 0
    changed: int = 0
    removed: int = 0

    def report(self) -> SourceReport:
        return SourceReport(self.name, len(self.seen), len(self.had), self.added, self.changed, self.removed)


@dataclass(slots=True)
class _Told:
    """What was skipped: the first of it, and how much."""

    first: list[Skipped] = field(default_factory=list)
    count: int = 0

    def add(self, entry: Entry, reason: str) -> None:
        self.count += 1
        if len(self.first) < SHOWN_AT_MOST:
            self.first.append(Skipped(entry.place, reason))


class Filling:
    """Takes containers one by one, over a connection that is within a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._enrichments = Enrichments(connection)
        self._decoder = msgspec.json.Decoder(osv.Document)
        self._ecosystems: dict[str, int] = dict(connection.execute("SELECT name, id FROM ecosystem").fetchall())
        self._next = (connection.execute("SELECT max(id) FROM record").fetchone()[0] or 0) + 1
        self._sources: dict[str, _Source] = {}
        self._taken: set[str] = set()
        self._records: list[tuple[object, ...]] = []
        self._named: list[tuple[str, int]] = []
        self._affected: list[tuple[object, ...]] = []
        self._malformed, self._flawed, self._other = _Told(), _Told(), _Told()

    def take(self, container: Container, budget: Budget) -> None:
        """Everything in the container, unless it is known by its hash."""
        self._taken.add(container.name)
        row = self._db.execute("SELECT sha256 FROM container WHERE name = ?", (container.name,)).fetchone()
        if row is not None and row[0] is not None and row[0] == container.sha256:
            return
        self._enrichments.begin(container.name)
        for entry in container.entries(budget):
            self._take_entry(container.name, entry)
        self._close(container.name)
        self._db.execute("INSERT OR REPLACE INTO container VALUES (?, ?)", (container.name, container.sha256))

    def forget_others(self) -> None:
        """Forget the containers that were not taken."""
        known = [name for (name,) in self._db.execute("SELECT name FROM container").fetchall()]
        for name in (name for name in known if name not in self._taken):
            self._enrichments.begin(name)
            self._close(name)
            self._db.execute("DELETE FROM container WHERE name = ?", (name,))

    def finish(self) -> Imported:
        """Say what came of it, and give the set its name."""
        sql = "SELECT s.name, count(r.id) FROM source s LEFT JOIN record r ON r.source = s.id GROUP BY s.id"
        others = [SourceReport(n, c, c) for n, c in self._db.execute(sql).fetchall() if n not in self._sources]
        taken = [source.report() for source in self._sources.values()]
        sources = [source for source in taken if source.records or source.before] + others
        self._db.execute("DELETE FROM source WHERE id NOT IN (SELECT source FROM record)")
        changed = self._enrichments.is_changed or any(s.added or s.changed or s.removed for s in sources)
        sha256 = identity(self._db)
        self._db.execute("INSERT OR REPLACE INTO fact VALUES ('sha256', ?)", (sha256,))
        return Imported(
            sha256=sha256,
            sources=tuple(sorted(sources)),
            enrichments=self._enrichments.counts(),
            malformed=tuple(self._malformed.first),
            malformed_count=self._malformed.count,
            flawed=tuple(self._flawed.first),
            flawed_count=self._flawed.count,
            other=tuple(self._other.first),
            other_count=self._other.count,
            is_changed=changed,
        )

    def _take_entry(self, container: str, entry: Entry) -> None:
        if entry.broken:
            self._malformed.add(entry, entry.broken)
        elif entry.other:
            self._other.add(entry, entry.other)
        elif entry.name.lower().endswith((".csv", ".csv.gz")):
            if not self._enrichments.take_csv(entry):
                self._other.add(entry, "a table of some other kind")
        else:
            self._take_json(container, entry)

    def _take_json(self, container: str, entry: Entry) -> None:
        hashed = hashlib.sha256(entry.data).digest()
        known = self._sources.get(entry.source)
        if known is not None and (id := known.by_hash.get(hashed)) is not None:
            known.seen.add(id)
            return
        try:
            document = self._decoder.decode(entry.data)
        except msgspec.ValidationError:
            self._other.add(entry, "JSON of some other kind")
            return
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            self._malformed.add(entry, f"not JSON: {error}")
            return
        if document.is_one:
            self._take_document(self._source(entry.source, container), entry, document, hashed)
        elif not self._enrichments.take_json(entry, hashed) and not self._take_native(entry, container):
            self._other.add(entry, "JSON of some other kind")

    def _take_native(self, entry: Entry, container: str) -> bool:
        """Whether the file is of a format of a distribution's own, be it broken."""
        try:
            found = formats.of(entry.data)
        except RecordInvalid as invalid:
            self._malformed.add(entry, str(invalid))
            return True
        if found is None:
            return False
        source = self._source(f"{entry.source}/{found.kind}", container)
        for record in found.records:
            if (known := source.by_hash.get(hashed := native.hashed(record))) is not None:
                source.seen.add(known)
            else:
                self._take_record(source, entry, record, hashed)
        return True

    def _take_document(self, source: _Source, entry: Entry, document: osv.Document, hashed: bytes) -> None:
        if source.by_hash.get(hashed) is not None:  # the very first record of a source that was there already
            source.seen.add(source.by_hash[hashed])
            return
        try:
            record = _parsed(entry, document)
        except RecordInvalid as invalid:
            self._malformed.add(entry, str(invalid))
            return
        self._take_record(source, entry, record, hashed)

    def _take_record(self, source: _Source, entry: Entry, record: Record, hashed: bytes) -> None:
        if record.advisory.id in source.seen:
            self._malformed.add(entry, "its source has another record with its id")
            return
        if record.problems:
            self._flawed.add(entry, "; ".join(record.problems))
        self._put(source, record, hashed)

    def _source(self, name: str, container: str) -> _Source:
        if name in self._sources:
            return self._sources[name]
        row = self._db.execute("SELECT id FROM source WHERE name = ?", (name,)).fetchone()
        if row is None:
            sql = "INSERT INTO source (name, container, licence) VALUES (?, ?, ?) RETURNING id"
            row = self._db.execute(sql, (name, container, licences.UNSTATED)).fetchone()
        self._db.execute("UPDATE source SET container = ? WHERE id = ?", (container, row[0]))
        rows = self._db.execute("SELECT advisory, id, hash FROM record WHERE source = ?", (row[0],)).fetchall()
        had = {advisory: id for advisory, id, _ in rows}
        source = _Source(row[0], name, had, {hashed: advisory for advisory, _, hashed in rows})
        self._sources[name] = source
        return source

    def _put(self, source: _Source, record: Record, hashed: bytes) -> None:
        advisory = record.advisory
        if advisory.id in source.had:
            self._forget([source.had[advisory.id]])
            source.changed += 1
        else:
            source.added += 1
        if not source.seen:
            terms = licences.licence(publisher(advisory.id))
            self._db.execute("UPDATE source SET licence = ? WHERE id = ?", (terms, source.id))
        source.seen.add(advisory.id)
        id = self._next
        self._next += 1
        facts = msgspec.json.encode(advisory)
        self._records.append((id, source.id, advisory.id, hashed, int(record.withdrawn), facts))
        self._named += [(name, id) for name in {advisory.id, *advisory.aliases, *advisory.covers}]
        self._affected += [self._row(id, interval) for interval in record.intervals]
        if len(self._affected) + len(self._records) > ROWS_AT_ONCE:
            self._flush()

    def _row(self, record: int, interval: Interval) -> tuple[object, ...]:
        ecosystem = self._ecosystems.get(interval.ecosystem)
        if ecosystem is None:
            sql = "INSERT INTO ecosystem (name) VALUES (?) RETURNING id"
            ecosystem = self._db.execute(sql, (interval.ecosystem,)).fetchone()[0]
            self._ecosystems[interval.ecosystem] = ecosystem
        platforms = " ".join("/".join(each) for each in interval.platforms) if interval.platforms else None
        return (
            ecosystem, interval.name, interval.low, interval.high,
            record, interval.fixed, interval.state, interval.stream, platforms,
        )  # fmt: skip

    def _flush(self) -> None:
        self._db.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", self._records)
        self._db.executemany("INSERT INTO named VALUES (?, ?)", self._named)
        self._db.executemany("INSERT INTO affected VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._affected)
        self._records, self._named, self._affected = [], [], []

    def _close(self, container: str) -> None:
        """Forget what the container's sources had and have no more."""
        self._flush()
        self._enrichments.end()
        names = self._db.execute("SELECT name FROM source WHERE container = ?", (container,)).fetchall()
        for (name,) in names:
            source = self._source(name, container)
            gone = [id for advisory, id in source.had.items() if advisory not in source.seen]
            self._forget(gone)
            source.removed = len(gone)

    def _forget(self, ids: Iterable[int]) -> None:
        for id in ids:
            self._db.execute("DELETE FROM affected WHERE record = ?", (id,))
            self._db.execute("DELETE FROM named WHERE record = ?", (id,))
            self._db.execute("DELETE FROM record WHERE id = ?", (id,))


def identity(connection: sqlite3.Connection) -> str:
    """The hash of a set: which source says what, in whatever files it came."""
    digest = hashlib.sha256()
    sql = "SELECT s.name, r.advisory, r.hash FROM record r JOIN source s ON s.id = r.source ORDER BY 1, 2"
    for name, advisory, hashed in connection.execute(sql):
        digest.update(f"{name}\0{advisory}\0".encode() + hashed)
    beside = connection.execute("SELECT name, hash FROM enrichment").fetchall()
    for name, hashed in sorted((name.rpartition("/")[2], hashed) for name, hashed in beside):
        digest.update(f"{name}\0".encode() + hashed)
    return digest.hexdigest()


def _parsed(entry: Entry, document: osv.Document) -> Record:
    if len(entry.data) > RECORD_AT_MOST:
        raise RecordInvalid(f"more than {RECORD_AT_MOST // 2**20} MiB")
    record = osv.parse(document)
    if any(each.ecosystem.partition(":")[0] in licences.FORBIDDEN for each in record.intervals):
        raise RecordInvalid("its licence forbids this use")
    return record
