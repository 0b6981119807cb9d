"""``python -m bench.finding``: what it costs to find images by a package or a vulnerability, among many.

The images are those of ``bench.judging``, each in a repository with a tag. The vulnerability is asked for
once as it is, once when an exception excuses it everywhere, and once when a VEX document does.
"""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from cyclopts import run
from sqlalchemy import Connection

from bench.judging import DEBIAN, EACH, Kind, a_database, advise, fill, package, place, records_for, scanned_as
from wharfinger.meta import exceptions, vex
from wharfinger.meta.db import Database
from wharfinger.meta.exceptions import APPROVED, Wanted
from wharfinger.meta.migrate import migrate
from wharfinger.meta.vex import Document
from wharfinger.scanning import finder
from wharfinger.scanning.answers import questions
from wharfinger.scanning.books import Books
from wharfinger.scanning.packages import Catalogue
from wharfinger.scanning.verdicts import Verdicts
from wharfinger.scanning.vex import reading, stored

PAGE = 100
ROUNDS = 3
VULNERABILITY = "CVE-2026-10248"
QUESTIONS = ("pkg:deb/debian/pkg-3", "pkg:deb/debian/pkg-1500@<1.5-1", "pkg:deb/debian/not-there", VULNERABILITY)
SAID = b"""{
  "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/vex", "author": "bench",
  "timestamp": "2026-11-28T00:00:00Z", "version": 1,
  "statements": [{
    "vulnerability": {"name": "%s"}, "status": "not_affected", "justification": "vulnerable_code_not_present",
    "products": [{"@id": "pkg:deb/debian/pkg-248"}]
  }]
}"""


def bench(*, images: int = 10_000, versions: int = 30_000, records: int = 28_000, database: Kind = "sqlite") -> None:
    """Fill a database, judge all images, and ask."""
    with TemporaryDirectory(prefix="wharf-bench-") as folder, a_database(database, Path(folder)) as db:
        asyncio.run(_bench(db, Path(folder), images, versions, records))


async def _bench(db: Database, folder: Path, images: int, versions: int, records: int) -> None:
    migrate(db.engine)
    advise(folder, folder / "advisories.db", records_for(versions, records))
    judge = Verdicts(db, None, folder / "advisories.db", time.time)  # type: ignore[arg-type]
    every = [package(number) for number in range(versions)]
    # Statements are laid beside all packages of an image; these are 400, whichever.
    catalogue = scanned_as("any", Catalogue(tuple(every[:EACH]), DEBIAN)).catalogue
    await db.write(fill, every, images, catalogue)
    await judge.judge_again()
    judge.close()
    await db.write(place)
    for asked in QUESTIONS:
        await _ask(db, asked, asked)
    await db.write(_except)
    await _ask(db, VULNERABILITY, "the same, excused by an exception")
    await db.write(_state)
    await _ask(db, VULNERABILITY, "the same, with a VEX statement beside it")
    await db.close()


async def _ask(db: Database, asked: str, shown: str) -> None:
    wanted = finder.Wanted(questions.parse(asked), lambda _: True, in_use=False, last="", limit=PAGE)
    took, busy = [], time.process_time()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        found = await db.read(finder.find, wanted, Books(), time.time())
        took.append(time.perf_counter() - began)
    processor = (time.process_time() - busy) / ROUNDS
    more = " and more" if found.next else ""
    excused = sum(bool(place.excused) for image in found.images for place in image.places)
    first = f"{len(found.images)} images{more}, excused in {excused} places"
    print(f"{shown}: {first}: {min(took):.3f} to {max(took):.3f} s, {processor:.3f} s of the processor", flush=True)


def _except(tx: Connection) -> None:
    wanted = Wanted(VULNERABILITY, "*", "**", None, "to be measured", "bench", "", time.time() + 3600)
    made = exceptions.add(tx, wanted, "one", time.time())
    exceptions.decide(tx, made.id, APPROVED, "another", "to be measured", time.time())


def _state(tx: Connection) -> None:
    said = reading.parse(SAID % VULNERABILITY.encode(), "bench.json")
    document = Document(0, "bench.json", "0" * 64, "bench", "**", len(said), "bench", time.time())
    rows = [({name.upper() for name in each.vulnerabilities}, stored.plain(each)) for each in said]
    vex.add(tx, document, b"", rows)


if __name__ == "__main__":
    run(bench)
