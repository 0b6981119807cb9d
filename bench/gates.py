"""What a gate costs at a pull: from the manifest that was found to the decision, in this process, on both databases."""

import asyncio
import json
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from tests.kit.images import image
from tests.kit.parts.postgres import fresh_database, postgres
from wharfinger.access import caller
from wharfinger.meta import gates, policy_sections, repos
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.gates import Holder, Row
from wharfinger.meta.manifests import Stored
from wharfinger.meta.migrate import migrate
from wharfinger.scanning.admission import service
from wharfinger.scanning.admission.admitting import Admission
from wharfinger.scanning.admission.book import compiled
from wharfinger.scanning.books import Books
from wharfinger.spec import digest as digests
from wharfinger.spec import names

IMAGES = 2_000
PULLS = 2_000
WANTED = 2e-3
"""Seconds, of which 99 in 100 pulls take less."""
REPOSITORY = names.repository("shop/web")
RULE = {"name": "no-critical", "repositories": "**", "block": {"severity": "critical"}, "grace": "14d"}


def cost(console: Console) -> None:
    """Print it."""
    with TemporaryDirectory(prefix="wharf-bench-") as folder:
        asked = ("a bare SELECT of one row, median", "99 %")
        table = Table("database", "no rules, median", "one row, median", "one row, 99 %", "wanted", *asked)
        asyncio.run(_measure("SQLite", f"sqlite:///{folder}/wharf.db", table))
        with postgres(Path(folder), waits_for_disk=True) as server, fresh_database(server) as url:
            asyncio.run(_measure("PostgreSQL", url, table))
    console.print(f"gate decision at pull: {IMAGES:,} images with a row each")
    console.print(table)


async def _measure(name: str, url: str, table: Table) -> None:
    db = open_database(url)
    try:
        migrate(db.engine)
        without = await _times(_admission(db))
        await db.write(_fill)
        with_rows = sorted(await _times(_admission(db)))
        last = with_rows[len(with_rows) * 99 // 100]
        bare = sorted(await asyncio.to_thread(_bare, db))
        figures = (
            *(statistics.median(without), statistics.median(with_rows), last, WANTED),
            *(statistics.median(bare), bare[len(bare) * 99 // 100]),
        )
        table.add_row(name, *(f"{figure * 1e6:,.1f} µs" for figure in figures))
    finally:
        await db.close()


def _admission(db: Database) -> Admission:
    return service.build(db, time.time, Books(), lambda: 1, CollectorRegistry()).admission


async def _times(admission: Admission) -> list[float]:
    pushed = image()
    by, found = caller.system("bench", time.time()), []
    for number in range(PULLS):
        stored = Stored(_digest(number % IMAGES), pushed.media_type, pushed.raw)
        began = time.perf_counter()
        await admission.admit(by, REPOSITORY, stored)
        found.append(time.perf_counter() - began)
    return found


def _bare(db: Database) -> list[float]:
    """The row by the driver alone, in a thread that does nothing else: what the machine and the server make of it."""
    found = []
    with db.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        for number in range(PULLS):
            began = time.perf_counter()
            driver.execute(
                f"SELECT rules FROM gate_rows WHERE repository_id = 1 AND digest = '{_digest(number % IMAGES)}'"
            ).fetchone()
            found.append(time.perf_counter() - began)
    return found


def _digest(number: int) -> digests.Digest:
    return digests.of(str(number).encode())


def _fill(tx: Connection) -> None:
    policy_sections.write(tx, "gates", json.dumps([RULE]), 0.0)
    rules = compiled("", [RULE]).within(REPOSITORY)
    assert rules is not None
    repository_id = repos.ensure(tx, REPOSITORY, 0.0)
    images = [Holder(repository_id, REPOSITORY, _digest(number), 0.0) for number in range(IMAGES)]
    gates.put(tx, [(image, Row(rules.id)) for image in images], 0.0)
