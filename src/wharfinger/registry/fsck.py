"""Database and store are compared both ways, contents are hashed, and what is wrong is told and, if asked, mended.

It may run beside a server. The store is listed first and the database asked afterwards, so bytes of an upload that is
under way are known by then: their row was made before them. Whatever looks wrong is looked at once more before it is
told, and what nobody knows of is put aside, not deleted, and only when it is old.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from wharfinger.blobs.stock import Item, Stock
from wharfinger.blobs.store import BlobStore, Bytes
from wharfinger.blobs.verify import Hashing
from wharfinger.errors import BlobUnknown, Unavailable, Unreachable
from wharfinger.meta import fsck as rows
from wharfinger.meta.blobs import Blob
from wharfinger.meta.db import Database
from wharfinger.registry import scratch
from wharfinger.registry.scratch import Scratch
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location

FOUND_AT_MOST = 10_000
"""Findings that are told one by one; further ones are counted."""
NOTED_EVERY = 64
"""Blobs after which it is noted how far the reading is, so that the next run goes on there."""


class What(StrEnum):
    """What can be wrong."""

    MISSING = "missing"  # a blob without its bytes
    SIZE = "size"  # a blob whose bytes are more or fewer
    CORRUPT = "corrupt"  # a blob with other bytes
    UNMARKED = "unmarked"  # a blob that could not be found without the database
    ORPHAN = "orphan"  # bytes that nobody knows of
    STRAY = "stray"  # a mark without bytes
    MANIFEST = "manifest"  # a manifest whose bytes are not those of its digest
    CONTRADICTION = "contradiction"  # the database says both


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong. ``done`` is what was done about it, empty when nothing was."""

    what: What
    digest: Digest | None = None
    location: Location | None = None
    size: int = 0
    repositories: Sequence[str] = ()
    detail: str = ""
    done: str = ""


@dataclass(slots=True)
class Report:
    """What fsck came to. Findings that are ``left`` are those about which nothing was done."""

    blobs: int = 0
    items: int = 0
    bytes: int = 0
    hashed: int = 0
    hashed_bytes: int = 0
    complete: bool = False
    young: int = 0
    aside: int = 0
    restored: int = 0
    thrown_away: int = 0
    unfinished_unknown: bool = False
    findings: list[Finding] = field(default_factory=list)
    more: int = 0

    @property
    def left(self) -> int:
        """How many findings wait for somebody."""
        return self.more + sum(not finding.done for finding in self.findings)

    def fields(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {**asdict(self), "left": self.left}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done beside looking. Ages are in seconds, ``budget`` in bytes a second."""

    hash: bool = True
    budget: float = float("inf")
    repair: bool = False
    quarantine: bool = False
    min_age: float = 86400.0
    put_back: bool = False
    throw_away_after: float | None = None
    again: bool = False


Source = Callable[[Digest, Sequence[str]], Awaitable[Bytes | None]]
"""The bytes that somebody else says a digest has, and repositories that it may be asked of there; None: it has none."""


class Fsck:
    """One look at one registry."""

    def __init__(
        self,
        db: Database,
        store: BlobStore,
        stock: Stock,
        now: Callable[[], float],
        *,
        sources: Sequence[Source] = (),
        progress: Callable[[str, int, int], None] = lambda *_: None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._db = db
        self._store = store
        self._stock = stock
        self._now = now
        self._sources = sources
        self._progress = progress
        self._pause = pause
        self._report = Report()
        self._known: Scratch
        self._aside: dict[Digest, Item] = {}

    async def run(self, wanted: Wanted) -> Report:
        """Look at everything, and do what is wanted."""
        self._report.unfinished_unknown = not self._stock.tells_unfinished
        if wanted.put_back:
            await self._put_back()
        with scratch.opened() as self._known:
            await self._look(self._known, wanted)
        if wanted.throw_away_after is not None:
            await self._throw_away(wanted.throw_away_after)
        async for page in self._stock.aside():
            self._report.aside += len(page)
        return self._report

    async def _look(self, known: Scratch, wanted: Wanted) -> None:
        async for count in known.note(self._stock):
            self._progress("listing the store", count, 0)
        self._report.items, self._report.bytes = known.totals()
        async for page in self._stock.aside():
            self._aside |= {item.digest: item for item in page if item.digest is not None}
        await self._compare(known, wanted)
        await self._orphans(known, wanted)
        await self._contradictions(wanted)
        if wanted.hash:
            await self._manifests()
            await self._hash(wanted)

    def _find(self, finding: Finding) -> None:
        if len(self._report.findings) < FOUND_AT_MOST:
            self._report.findings.append(finding)
        else:
            self._report.more += not finding.done

    # The database's blobs in the store ------------------------------------------------------------------------------

    async def _compare(self, known: Scratch, wanted: Wanted) -> None:
        last = ""
        while page := await self._db.read(rows.blobs_after, last):
            for blob in page:
                size = known.size(blob.location)
                if size != blob.size:
                    await self._look_again(blob, wanted)
                elif not known.is_marked(blob.location, blob.digest):
                    await self._unmarked(blob, wanted)
            last = page[-1].digest
            self._report.blobs += len(page)
            self._progress("comparing", self._report.blobs, 0)

    async def _look_again(self, blob: Blob, wanted: Wanted) -> None:
        """It may have come after the store was listed, or be gone from the database by now."""
        size = await self._store.size(blob.location)
        if size == blob.size or not await self._db.read(rows.still, blob):
            return
        what = What.MISSING if size is None else What.SIZE
        detail = "" if size is None else f"{size} bytes instead of {blob.size}"
        await self._broken(blob, what, detail, wanted)

    async def _broken(self, blob: Blob, what: What, detail: str, wanted: Wanted) -> None:
        holders = await self._db.read(rows.holders, blob.digest)
        done = await self._replace(blob, holders) if wanted.repair else ""
        self._find(Finding(what, blob.digest, blob.location, blob.size, holders, detail, done))

    async def _unmarked(self, blob: Blob, wanted: Wanted) -> None:
        done = ""
        if wanted.repair:
            await self._store.seal(blob.location, blob.digest)
            done = "marked"
        elif not await self._db.read(rows.still, blob):
            return
        self._find(Finding(What.UNMARKED, blob.digest, blob.location, blob.size, done=done))

    # The store's bytes in the database ------------------------------------------------------------------------------

    async def _orphans(self, known: Scratch, wanted: Wanted) -> None:
        for page in known.items():
            places = [(item.location, self._stock.staged(item.location)) for item in page]
            unknown = set(await self._db.read(rows.unknown, places))
            for item in page:
                if item.location in unknown:
                    await self._orphan(item, wanted)
        for location, digest in known.stray_marks():
            if await self._store.size(location) is None:
                done = ""
                if wanted.repair:
                    await self._stock.unmark(location, digest)
                    done = "mark removed"
                self._find(Finding(What.STRAY, digest, location, done=done))

    async def _orphan(self, item: Item, wanted: Wanted) -> None:
        if self._now() - item.since < wanted.min_age:
            self._report.young += 1
            return
        # Once more, for the listing may have taken hours; and a collector may have been there.
        pair = [(item.location, self._stock.staged(item.location))]
        if await self._store.size(item.location) is None or not await self._db.read(rows.unknown, pair):
            return
        done = ""
        if wanted.quarantine:
            await self._stock.put_aside(item)
            done = "put aside"
        self._find(Finding(What.ORPHAN, item.digest, item.location, item.size, done=done))

    async def _throw_away(self, after: float) -> None:
        async for page in self._stock.aside():
            for item in page:
                if self._now() - item.since >= after:
                    await self._stock.throw_away(item)
                    self._report.thrown_away += 1

    async def _put_back(self) -> None:
        async for page in self._stock.aside():
            for item in page:
                await self._stock.put_back(item)
                self._report.restored += 1

    # The database alone ---------------------------------------------------------------------------------------------

    async def _contradictions(self, wanted: Wanted) -> None:
        for found in await self._db.read(rows.contradictions, FOUND_AT_MOST):
            done = "mended" if wanted.repair and await self._db.write(rows.mend, found) else ""
            detail = f"{found.what}: {found.other}"
            self._find(Finding(What.CONTRADICTION, found.digest, None, 0, [found.repository], detail, done))

    async def _manifests(self) -> None:
        key, digest = 0, ""
        while page := await self._db.read(rows.manifests_after, key, digest, 100):
            for _, repository, named, raw in page:
                if digests.of(raw, digests.algorithm(named)) != named:
                    self._find(Finding(What.MANIFEST, named, None, len(raw), [repository]))
            key, digest = page[-1][0], page[-1][2]

    # Contents -------------------------------------------------------------------------------------------------------

    async def _hash(self, wanted: Wanted) -> None:
        """Read every blob, from where the last run was ended, and not more bytes a second than the budget."""
        last = "" if wanted.again else await self._db.read(rows.verified)
        broken = {finding.digest for finding in self._report.findings}
        began = self._now()
        while page := await self._db.read(rows.blobs_after, last, NOTED_EVERY):
            for blob in page:
                if blob.digest not in broken:
                    await self._hash_one(blob, wanted, began)
            last = page[-1].digest
            await self._db.write(rows.note_verified, last, self._now())
        await self._db.write(rows.note_verified, "", self._now())
        self._report.complete = True

    async def _hash_one(self, blob: Blob, wanted: Wanted, began: float) -> None:
        hashing = Hashing(self._store.read(blob.location, 0, blob.size), digests.algorithm(blob.digest))
        problem = ""
        try:
            async for chunk in hashing:
                self._report.hashed_bytes += len(chunk)
                early = began + self._report.hashed_bytes / wanted.budget - self._now()
                if early > 0:
                    await self._pause(early)
        except (BlobUnknown, Unavailable) as refusal:
            problem = refusal.message
        self._report.hashed += 1
        self._progress("hashing", self._report.hashed, self._report.hashed_bytes)
        if (problem or hashing.digest != blob.digest) and await self._db.read(rows.still, blob):
            await self._broken(blob, What.CORRUPT, problem or f"its digest is {hashing.digest}", wanted)

    # Repair ---------------------------------------------------------------------------------------------------------

    async def _replace(self, blob: Blob, holders: Sequence[str]) -> str:
        """Good bytes at a location of their own, then the row, then the bad ones aside: what was done, or nothing."""
        if await self._returned(blob):
            return "put back"
        async for name, body in self._offers(blob, holders):
            location = self._store.new_location()
            hashing = Hashing(body, digests.algorithm(blob.digest))
            try:
                size = await self._store.write(location, hashing)
            except (BlobUnknown, Unavailable, Unreachable):
                continue  # the store has kept nothing of it
            if (size, hashing.digest) != (blob.size, blob.digest):
                await self._store.delete(location)
                continue
            sealed = await self._store.seal(location, blob.digest)
            if not await self._db.write(rows.move, blob, sealed):
                await self._store.delete(sealed, blob.digest)
                return "somebody else replaced it"
            if (bad := await self._store.size(blob.location)) is not None:
                await self._stock.put_aside(Item(blob.location, bad, self._now(), blob.digest))
            return f"replaced from {name}"
        return ""

    async def _returned(self, blob: Blob) -> bool:
        """Whether the blob's own bytes were aside, and are back."""
        item = self._aside.get(blob.digest)
        if item is None or item.location != blob.location or await self._store.size(blob.location) is not None:
            return False
        await self._stock.put_back(item)
        return await self._store.size(blob.location) == blob.size

    async def _offers(self, blob: Blob, holders: Sequence[str]) -> AsyncIterator[tuple[str, Bytes]]:
        """Whoever may have the bytes: this store in another place or aside, then the sources."""
        for location in self._known.copies(blob.digest, blob.size):
            if location != blob.location and await self._store.size(location) == blob.size:
                yield "another copy", self._store.read(location, 0, blob.size)
        item = self._aside.get(blob.digest)
        if item is not None and item.location != blob.location:
            await self._stock.put_back(item)
            yield "what was aside", self._store.read(item.location, 0, item.size)
        for number, source in enumerate(self._sources, start=1):
            body = await source(blob.digest, holders)
            if body is not None:
                yield f"source {number}", body
