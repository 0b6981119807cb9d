"""What a pass of the collector over 100,000 condemned blobs costs the database, and what pushes notice of it."""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, insert

from bench.images import memory_folder
from tests.kit.images import blob, image
from tests.kit.parts.postgres import fresh_database, postgres
from tests.registry.nodes import Node, body
from wharfinger.access.caller import system
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.migrate import migrate
from wharfinger.meta.schema import blob_links, blobs, repositories
from wharfinger.meta.schema_collection import link_reviews
from wharfinger.registry.collect import Collector
from wharfinger.registry.collect_metrics import Collected, CollectMetrics
from wharfinger.registry.tag_changes import Precondition
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec import names

CONDEMNED = 100_000
REPOSITORIES = 1_000
PUSHES = 400
WANTED = 60.0
"""Seconds of the database's time for the pass."""
EVERY = 10.0
"""Seconds after which it says how far a pass has come."""


class Timed:
    """A database that adds up how long it was busy with what it was asked."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.seconds = 0.0
        self.longest = 0.0
        self.processor = 0.0

    async def read(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self._time(self._db.read(query, *args, **kwargs))

    async def write(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self._time(self._db.write(query, *args, **kwargs))

    async def _time(self, asked: Any) -> Any:
        began, busy = time.perf_counter(), time.process_time()
        result = await asked
        took = time.perf_counter() - began
        self.processor += time.process_time() - busy
        self.seconds += took
        self.longest = max(self.longest, took)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


@dataclass(frozen=True, slots=True)
class Measured:
    """Of a pass: how long the database was busy with it, what the processor did for that and in all; the longest step.

    What PostgreSQL's own processes did is not among it.
    """

    database: float
    for_database: float
    longest: float
    processor: float


def cost(console: Console, condemned: int = CONDEMNED, pushes: int = PUSHES) -> None:
    """Print it."""
    columns = ("a pass, of the database's time", "of the processor's for it", "in all", "wanted", "longest step")
    table = Table("database", *columns, "push alone, median", "99 %", "during", "99 %")
    with TemporaryDirectory(prefix="wharf-bench-", dir=memory_folder()) as folder:
        _measure("SQLite", f"sqlite:///{folder}/wharf.db", Path(folder), table, condemned, pushes)
        with postgres(Path(folder), waits_for_disk=True) as server, fresh_database(server) as url:
            _measure("PostgreSQL", url, Path(folder), table, condemned, pushes)
    console.print(f"{condemned:,} condemned blobs in {REPOSITORIES:,} repositories; one image pushed after the other")
    console.print(table)


def _measure(name: str, url: str, folder: Path, table: Table, condemned: int, pushes: int) -> None:
    asyncio.run(_prepare(url))
    asyncio.run(_fill_again(url, condemned))
    _say(f"{name}: a pass over {condemned:,} blobs")
    found = asyncio.run(_pass(url, folder, condemned))
    asyncio.run(_fill_again(url, condemned))
    _say(f"{name}: {pushes} pushes alone")
    alone = asyncio.run(push_many(url, folder, "alone", pushes))
    process = multiprocessing.get_context("spawn").Process(target=_pass_in_process, args=(url, folder))
    process.start()
    _say(f"{name}: {pushes} pushes during a pass")
    during = asyncio.run(push_many(url, folder, "during", pushes))
    ended = not process.is_alive()
    process.terminate()
    process.join()
    told = [f"{figure * 1e3:,.1f} ms" for times in (alone, during) for figure in (_middle(times), _worst(times))]
    wanted = WANTED * condemned / CONDEMNED
    seconds = (found.database, found.for_database, found.processor, wanted)
    pass_ = (*(f"{figure:.1f} s" for figure in seconds), f"{found.longest * 1e3:.0f} ms")
    table.add_row(name, *pass_, *told)
    _say(f"{name}: " + "; ".join((*pass_, *told)))  # also for who stops it before the other database
    if ended:
        table.add_row(*[""] * 8, "the pass ended first", "")


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def _middle(times: list[float]) -> float:
    return statistics.median(times)


def _worst(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


async def _prepare(url: str) -> None:
    db = open_database(url)
    migrate(db.engine)
    await db.write(_repositories)
    await db.close()


async def _fill_again(url: str, condemned: int) -> None:
    db = open_database(url)
    await db.write(_fill, condemned)
    await db.close()


def _repositories(tx: Connection) -> None:
    rows = [{"id": 1_000 + n, "name": f"old/of-{n}", "created_at": 0.0} for n in range(REPOSITORIES)]
    tx.execute(insert(repositories), rows)


def _fill(tx: Connection, condemned: int) -> None:
    found = [(n, digests.of(b"%d" % n)) for n in range(condemned)]
    stored = [
        {"digest": d, "size": 1, "location": f"blobs/{d.replace(':', '/')}/{n}", "created_at": 0.0} for n, d in found
    ]
    tx.execute(insert(blobs), stored)
    where = [(1_000 + n % REPOSITORIES, digest) for n, digest in found]
    tx.execute(insert(blob_links), [{"repository_id": r, "digest": d, "linked_at": 0.0} for r, d in where])
    tx.execute(insert(link_reviews), [{"repository_id": r, "digest": d, "due_at": 0.0} for r, d in where])


async def _pass(url: str, folder: Path, condemned: int) -> Measured:
    """A pass without rest."""
    db, store = Timed(open_database(url)), FilesystemStore(folder / "bytes")
    collector = Collector(db, store, time.time, CollectMetrics(CollectorRegistry()))
    done, part, busy = Collected(), Collected(more=True), time.process_time()
    while part.more:
        part = await collector.collect(rest=0.0, seconds=EVERY)
        done += part
        _say(f"  {done.blobs:,} blobs taken, {done.deleted:,} deleted")
    assert done.blobs == done.deleted == condemned, done
    await store.close()
    await db.close()
    return Measured(db.seconds, db.processor, db.longest, time.process_time() - busy)


def _pass_in_process(url: str, folder: Path) -> None:
    asyncio.run(_collect(url, folder))


async def _collect(url: str, folder: Path) -> None:
    db, store = open_database(url), FilesystemStore(folder / "bytes")
    await Collector(db, store, time.time, CollectMetrics(CollectorRegistry())).collect()
    await store.close()
    await db.close()


async def push_many(url: str, folder: Path, where: str, count: int) -> list[float]:
    """Push small images to a new repository; how long each took."""
    db, store = open_database(url), FilesystemStore(folder / "bytes")
    node = Node(db, store, time.time)  # type: ignore[arg-type]  # the real clock in place of the tests'
    times = []
    for number in range(count):
        began = time.perf_counter()
        await _push(node, where, number)
        times.append(time.perf_counter() - began)
    await store.close()
    await db.close()
    return times


async def _push(node: Node, where: str, number: int) -> None:
    by, repository = system("bench", time.time()), names.repository(f"new/{where}")
    pushed = image(layers=[blob(10_000, hash((where, number)))], seed=number)
    for content in pushed.blobs.values():
        session = await node.uploads.start(by, repository)
        await node.uploads.finish(by, repository, session.id, body(content), digests.of(content), start=0)
    manifest = manifests.parse(pushed.raw, pushed.media_type)
    await node.manifests.put(by, repository, manifest, [names.tag("latest")], Precondition(), lambda _tag: None)
