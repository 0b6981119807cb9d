"""A lost database is filled from the journal and the store: ``docs/internals/journal.md``.

What the journal says last of a thing is how it is: so nothing comes back that was deleted or purged. What the journal
does not have, accounts and grants above all, is not made up.
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from wharfinger.blobs.notes import Notes
from wharfinger.blobs.stock import Stock
from wharfinger.errors import BlobUnknown, JournalDamaged, JournalForeign
from wharfinger.meta import rebuilding
from wharfinger.meta.db import Database
from wharfinger.meta.journal_states import Record
from wharfinger.meta.rebuilding import Found
from wharfinger.registry import scratch, segments
from wharfinger.registry.scratch import Scratch
from wharfinger.registry.segments import Name
from wharfinger.spec import manifest as manifests
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

NAMED_AT_MOST = 1000

Progress = Callable[[str, int], None]
"""What is being done, and how many are done."""


@dataclass(slots=True)
class Report:
    """What a rebuild came to. ``missing`` are blobs that a live manifest needs and the store does not have."""

    written_until: float = 0.0
    repositories: int = 0
    manifests: int = 0
    trashed: int = 0
    tags: int = 0
    events: int = 0
    missing: list[str] = field(default_factory=list)
    missing_in_all: int = 0
    dangling: list[str] = field(default_factory=list)


class Rebuild:
    """One rebuild of one database."""

    def __init__(
        self, db: Database, notes: Notes, stock: Stock, now: Callable[[], float], progress: Progress = lambda *_: None
    ) -> None:
        self._db = db
        self._notes = notes
        self._stock = stock
        self._now = now
        self._progress = progress
        self._keys: dict[str, int] = {}
        self._report = Report()

    async def run(self) -> Report:
        """Fill the database. Safe to repeat after it was killed. Raises JournalForeign and JournalDamaged."""
        with scratch.opened() as known:
            identity, number = await self._read_journal(known)
            await self._db.write(rebuilding.begin, identity)
            await self._db.write(rebuilding.clear)
            async for count in known.note(self._stock):
                self._progress("objects in the store", count)
            await self._fill(known)
            await self._db.write(rebuilding.end, number)
        return self._report

    # The journal ----------------------------------------------------------------------------------------------------

    async def _read_journal(self, known: Scratch) -> tuple[str, int]:
        try:
            identity = (await self._notes.read(segments.IDENTITY)).decode("ascii", "replace")
        except BlobUnknown as error:
            raise JournalForeign("there is no journal in this store: a database cannot be rebuilt from it") from error
        found = segments.names(await self._notes.names())
        start = max((name.number for name in found if name.kind == "complete"), default=None)
        if start is None:
            raise JournalDamaged("the journal has no complete snapshot: it was lost before the first was written")
        await self._read_snapshot(known, identity, start)
        later = sorted((n for n in found if n.kind == "segment" and n.number > start), key=lambda n: n.number)
        await self._read_segments(known, identity, start, later)
        return identity, max(name.number for name in found)

    async def _read_snapshot(self, known: Scratch, identity: str, number: int) -> None:
        header, _ = await self._read(segments.complete(number), identity)
        self._report.written_until = header.at
        for place in range(header.previous):
            _, records = await self._read(segments.part(number, place), identity)
            known.tell(records)
            self._progress("parts of the snapshot", place + 1)

    async def _read_segments(self, known: Scratch, identity: str, start: int, later: Sequence[Name]) -> None:
        there = {name.number for name in later}
        for count, name in enumerate(later, start=1):
            header, records = await self._read(segments.text(name), identity)
            if header.previous > start and header.previous not in there:
                raise JournalDamaged(f"segment {header.previous} of the journal is missing", number=header.previous)
            known.tell(records)
            self._report.written_until = header.at
            self._progress("segments of the journal", count)

    async def _read(self, name: str, identity: str) -> tuple[segments.Header, list[Record]]:
        try:
            header, records = segments.decode(name, await self._notes.read(name))
        except BlobUnknown as error:
            raise JournalDamaged(f"{name} of the journal is missing", name=name) from error
        if header.identity != identity:
            raise JournalDamaged(f"{name} belongs to the journal of another database", name=name)
        return header, records

    # The database ---------------------------------------------------------------------------------------------------

    async def _fill(self, known: Scratch) -> None:
        made = {name: self._now() for name in known.repositories()}
        made |= {r["name"]: r["created_at"] for page in known.told("repository", "live") for r in page}
        self._keys = await self._db.write(rebuilding.add_repositories, made)
        self._report.repositories = len(made)
        for found in self._manifests(known, "live"):
            await self._db.write(rebuilding.add_manifests, found)
            self._note_missing(found)
            self._report.manifests += len(found)
            self._progress("manifests", self._report.manifests)
        for found in self._manifests(known, "live"):
            await self._db.write(rebuilding.add_children, found)
        for found in self._manifests(known, "trash"):
            await self._db.write(rebuilding.add_trash, found)
            self._report.trashed += len(found)
        await self._fill_tags(known)

    async def _fill_tags(self, known: Scratch) -> None:
        for page in known.told("tag", "live"):
            rows = [(self._keys[record["repository"]], record) for record in page]
            dangling = await self._db.write(rebuilding.add_tags, rows)
            self._report.tags += len(page) - len(dangling)
            self._report.dangling += [f"{record['repository']}:{record['name']}" for record in dangling]
        for page in known.events():
            rows = [(self._keys[record["repository"]], record) for record in page]
            await self._db.write(rebuilding.add_events, rows)
            self._report.events += len(page)

    def _manifests(self, known: Scratch, state: str) -> Iterator[list[Found]]:
        for page in known.told("manifest", state):
            yield list(map(partial(self._found, known), page))

    def _found(self, known: Scratch, record: Record) -> Found:
        digest = Digest(record["name"])
        manifest = manifests.parse(base64.b64decode(record["raw"]), record["media_type"], digest)
        absent = set(record["absent"])
        present: dict[Digest, tuple[Location, int]] = {}
        for blob in manifest.blobs:
            if blob.digest not in absent:
                for location in known.copies(blob.digest, blob.size):
                    present[blob.digest] = (location, blob.size)
        return Found(self._keys[record["repository"]], manifest, record, present)

    def _note_missing(self, found: Sequence[Found]) -> None:
        for each in found:
            needed = {blob.digest for blob in each.manifest.blobs} - set(each.record["absent"])
            for digest in sorted(needed - each.present.keys()):
                self._report.missing_in_all += 1
                if self._report.missing_in_all <= NAMED_AT_MOST:
                    self._report.missing.append(f"{each.record['repository']}@{each.manifest.digest} needs {digest}")
