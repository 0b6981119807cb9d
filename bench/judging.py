"""``python -m bench.judging``: what it costs to judge all images again after the advisories have changed.

Generated images, package versions and advisories, on SQLite and on PostgreSQL. The data is made so that a tenth of the
images has findings; each image has 400 packages and lies in one of 500 repositories. With ``--gates`` a rule about all
of them is in force, so that each image of which something else is said gets another row for its pulls.
"""

import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from cyclopts import run
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, func, insert, select, text

from tests.kit.advisories import osv, up_to, write_zip
from tests.kit.parts.postgres import fresh_database, postgres
from wharfinger.meta import package_versions, policy_sections, verdicts
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.jobs import Job
from wharfinger.meta.migrate import migrate
from wharfinger.meta.schema_judging import TALLIES
from wharfinger.meta.schema_scanning import verdicts as table
from wharfinger.scanning import reports
from wharfinger.scanning.admission import making, service
from wharfinger.scanning.advisories.building import bring_in, old_of
from wharfinger.scanning.books import Books
from wharfinger.scanning.outcomes import versions_of
from wharfinger.scanning.packages import Catalogue, Distribution, Package, Source
from wharfinger.scanning.targets.images import Image
from wharfinger.scanning.verdicts import Verdicts, scanned
from wharfinger.spec import digest as digests
from wharfinger.spec.names import RepoName

Kind = Literal["sqlite", "postgresql"]
EACH = 400
VERSIONS_OF_A_NAME = 10
DEBIAN = Distribution("debian", "12")
CHANGED = 300
KNOWN_IMAGES = 20
REPOSITORIES = 500
RULE = {
    "name": "no-high",
    "repositories": "**",
    "block": {"severity": "high"},
    "warn": {"severity": "low"},
    "grace": "14d",
}


def bench(
    *,
    images: int = 10_000,
    versions: int = 30_000,
    records: int = 28_000,
    database: Kind = "sqlite",
    gates: bool = False,
) -> None:
    """Fill a database, change advisories, and judge again."""
    with TemporaryDirectory(prefix="wharf-bench-") as folder, a_database(database, Path(folder)) as db:
        asyncio.run(_bench(db, Path(folder), images, versions, records, gates=gates))


@contextmanager
def a_database(kind: Kind, folder: Path) -> Iterator[Database]:
    """An empty one of this kind."""
    if kind == "sqlite":
        yield open_database(f"sqlite:///{folder}/wharf.db")
        return
    with postgres(folder) as server, fresh_database(server) as url:
        yield open_database(url)


async def _bench(db: Database, folder: Path, images: int, versions: int, records: int, *, gates: bool) -> None:
    migrate(db.engine)
    known = folder / "advisories.db"
    advise(folder, known, records_for(versions, records))
    made = service.build(db, time.time, Books(), lambda: 1, CollectorRegistry()).making
    judge = Verdicts(db, None, known, time.time, made.changed)  # type: ignore[arg-type]
    every = [package(number) for number in range(versions)]
    async with _timed(f"filled: {images:,} images, {versions:,} versions, {images * EACH:,} pairs"):
        await db.write(fill, every, images)
        await db.write(place)
    if gates:
        await db.write(policy_sections.write, "gates", json.dumps([RULE]), 0.0)
    async with _timed("one UPDATE of every verdict, to compare"):
        await db.write(lambda tx: tx.execute(text("UPDATE image_verdicts SET judged_at = judged_at + 1")))
    async with _timed("full: every version matched, every verdict rewritten, the first time"):
        await judge.judge_again()
    await _tell(db)
    advise(folder, known, records_for(versions, records, changed=CHANGED))
    async with _timed(f"{CHANGED} records changed"):
        await judge.judge_again()
    await _tell(db)
    advise(folder, known, records_for(versions, records))
    old_of(known).unlink()
    async with _timed("full: every version matched, every verdict rewritten"):
        await judge.judge_again()
    await _tell(db)
    if gates:
        await db.write(policy_sections.write, "gates", json.dumps([RULE | {"grace": "7d"}]), 0.0)
        async with _timed(f"another rule: the rows of {images:,} images in {REPOSITORIES} repositories made again"):
            await made.make_again(Job(1, making.KIND, making.ALL, {}, 1, 0.0))
    await _images(db, judge, every)
    judge.close()
    await db.close()


async def _images(db: Database, judge: Verdicts, every: list[Package]) -> None:
    catalogue = Catalogue(tuple(every[:EACH]), DEBIAN)
    made = [scanned_as(f"new {number}", catalogue) for number in range(KNOWN_IMAGES)]
    async with _timed(f"{KNOWN_IMAGES} new images of {EACH} known packages that are vulnerable, one after the other"):
        for each in made:
            await judge.keep(each, versions_of(catalogue))
    async with _timed(f"{KNOWN_IMAGES} whole reports on them"):
        for each in made:
            await db.read(lambda tx, digest: reports.report(tx, verdicts.find(tx, [digest])[digest]), each.digest)


def records_for(versions: int, records: int, changed: int = 0) -> Iterator[dict[str, Any]]:
    """Most are about versions that nobody has any more; a tenth of the images has one of the others."""
    names = versions // VERSIONS_OF_A_NAME
    vulnerable = max(1, (versions // 10 - EACH) // VERSIONS_OF_A_NAME)
    every = records // changed if changed else 0
    for number in range(records):
        name, turn = number % names, number // names
        is_changed = every and number % every == 0
        is_open = name < vulnerable and name % 8 == 0 and turn < 3
        fixed = ("99-2" if is_changed else "99-1") if is_open else f"0.{turn}-1"
        cve = f"CVE-2026-{10_000 + number}"
        summary = "told again" if is_changed else "told"
        yield osv(f"DSA-{number}", "Debian:12", f"pkg-{name}", *up_to(fixed), upstream=[cve], summary=summary)


def advise(folder: Path, known: Path, records: Iterator[dict[str, Any]]) -> None:
    place = folder / "records"
    place.mkdir(exist_ok=True)
    write_zip(place / "debian.zip", records)
    bring_in(place, known)


def package(number: int) -> Package:
    name, version = f"pkg-{number // VERSIONS_OF_A_NAME}", f"1.{number % VERSIONS_OF_A_NAME}-1"
    return Package("deb", name, version, f"pkg:deb/debian/{name}@{version}?arch=amd64", Source(name, version))


def scanned_as(name: str, catalogue: Catalogue) -> verdicts.Scanned:
    digest = digests.of(name.encode())
    return scanned(Image(digest, "linux/amd64"), RepoName("shop/web"), digest, catalogue, 0.0)


def place(tx: Connection) -> None:
    """Every image in a repository, with a configuration, a manifest and a tag."""
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {REPOSITORIES}) "
    key, kind = f"id % {REPOSITORIES} + 1", "application/vnd.oci.image.config.v1+json"
    columns = "repository_id, digest, media_type, artifact_type, annotations, size, pushed_at, raw"
    manifest = f"{key}, digest, 'application/vnd.oci.image.manifest.v1+json', '{kind}', '{{}}', 1, 0, :raw"
    again = "WHERE true ON CONFLICT DO NOTHING"
    for statement in (
        f"INSERT INTO repositories (name, created_at) {numbers} SELECT 'team/app-' || i, 0 FROM n",
        f"INSERT INTO blobs SELECT config, 1, 'blobs/' || id, 0 FROM scanned_images {again}",
        f"INSERT INTO blob_links SELECT {key}, config, 0 FROM scanned_images {again}",
        f"INSERT INTO manifests ({columns}) SELECT {manifest} FROM scanned_images",
        f"INSERT INTO tags SELECT {key}, 'v' || id, digest, 0 FROM scanned_images",
    ):
        tx.execute(text(statement), {"raw": bytes(1500)} if ":raw" in statement else {})
    count_rows(tx)


def count_rows(tx: Connection) -> None:
    """Let PostgreSQL know how much there is, as it finds out by itself a minute later."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("ANALYZE"))


def fill(tx: Connection, every: list[Package], images: int, catalogue: bytes = zlib.compress(b"{}")) -> None:
    if tx.dialect.name == "postgresql":
        tx.execute(
            text("SET LOCAL session_replication_role = replica")
        )  # four million look-ups of what we know is there
    kept = package_versions.add(tx, versions_of(Catalogue(tuple(every), DEBIAN)))
    numbers = [kept[each.key] for each in versions_of(Catalogue(tuple(every), DEBIAN))]
    tx.execute(text("INSERT INTO advisory_sets (sha256, sources, begun_at, matched_at) VALUES ('none', '{}', 1, 1)"))
    base = replace(scanned_as("", Catalogue((), DEBIAN)), catalogue=catalogue)
    made = [verdicts.put_image(tx, replace(base, digest=digests.of(b"%d" % number))) for number in range(images)]
    nothing = dict.fromkeys(TALLIES, 0) | {"advisory_set": 1, "status": "complete", "judged_at": 1, "changed_at": 1}
    tx.execute(insert(table), [{"image": image, **nothing} for image in made])
    tx.execute(text("CREATE TEMPORARY TABLE place (n INTEGER PRIMARY KEY, package INTEGER)"))
    tx.execute(text("INSERT INTO place VALUES (:n, :package)"), [{"n": n, "package": p} for n, p in enumerate(numbers)])
    start = "((s.id * 37) % :windows)"
    rows = "SELECT s.id, p.package FROM scanned_images s JOIN place p ON p.n >= {0} AND p.n < {0} + :each ORDER BY 1, 2"
    tx.execute(text("DROP INDEX ix_image_packages_package_image"))
    tx.execute(
        text(f"INSERT INTO image_packages (image, package) {rows.format(start)}"),
        {"windows": len(every) - EACH, "each": EACH},
    )
    tx.execute(text("CREATE INDEX ix_image_packages_package_image ON image_packages (package, image)"))
    count_rows(tx)


async def _tell(db: Database) -> None:
    def count(tx: Connection) -> tuple[int, ...]:
        found = func.sum(table.c.found_unknown)
        vulnerable = func.count().filter(table.c.found_unknown > 0)
        return tuple(
            tx.execute(select(func.count(), vulnerable, found, func.count(table.c.advisory_set.distinct()))).one()
        )

    verdicts_, vulnerable, findings, sets = await db.read(count)
    print(f"    {verdicts_:,} verdicts, {vulnerable:,} with findings, {findings:,} findings, by {sets} set")


@asynccontextmanager
async def _timed(what: str) -> AsyncIterator[None]:
    began, busy = time.perf_counter(), time.process_time()
    yield
    took, processor = time.perf_counter() - began, time.process_time() - busy
    print(f"{what}: {took:.3f} s, {processor:.3f} s of the processor in this process", flush=True)


if __name__ == "__main__":
    run(bench)
