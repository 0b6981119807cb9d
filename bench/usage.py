"""``python -m bench.usage``: how long usage takes at many repositories, from figures that are kept, on either database.

The figures are made by summing up the links once. The nightly comparison then has to find nothing that is off, and two
figures that are altered on purpose. Folding is measured with changes that come on top.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from cyclopts import run
from sqlalchemy import Connection, text

from bench.images import memory_folder
from tests.kit.parts.postgres import fresh_database, postgres
from wharfinger.meta import usage_reading
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.migrate import migrate
from wharfinger.meta.schema import blob_links
from wharfinger.registry.usage import Usage
from wharfinger.spec.names import RepoName

PAGE = 1000
Kind = Literal["sqlite", "postgresql"]


@dataclass(frozen=True, slots=True)
class Stock:
    """How much is there, and how many links come on top."""

    repositories: int
    links: int
    blobs: int
    changes: int


def bench(
    *,
    database: Kind = "sqlite",
    repositories: int = 10_000,
    links: int = 10_000_000,
    blobs: int = 3_000_000,
    changes: int = 50_000,
) -> None:
    """Fill a database, ask for all figures, fold changes into them, compare them with the links."""
    stock = Stock(repositories, links, blobs, changes)
    with TemporaryDirectory(prefix="wharf-bench-", dir=memory_folder()) as folder:
        if database == "sqlite":
            asyncio.run(_bench(f"sqlite:///{folder}/wharf.db", stock))
        else:
            with postgres(Path(folder)) as server, fresh_database(server) as url:
                asyncio.run(_bench(url, stock))


async def _bench(url: str, stock: Stock) -> None:
    db = open_database(url)
    migrate(db.engine)
    with _timed(f"{stock.links:,} links of {stock.blobs:,} blobs were made"):
        await asyncio.to_thread(_fill, db, stock)
    usage = Usage(db, time.time)
    for _ in range(5):
        with _timed(f"figures of {stock.repositories:,} repositories"):
            await _figures(db)
    with _timed("compared with the links"):
        print("off:", (await usage.compare()).count)
    await db.write(_alter)
    with _timed("compared again, two figures altered"):
        print("off:", (await usage.compare()).count)
    await db.write(_more, stock.changes)
    with _timed(f"folded {stock.changes:,} changes"):
        while await usage.fold():
            pass
    with _timed(f"figures of {stock.repositories:,} repositories"):
        await _figures(db)
    await db.close()


async def _figures(db: Database) -> None:
    last, everything = "", _anything
    while page := await db.read(usage_reading.figures, last, PAGE, ("",), everything):
        last = page[-1].name


def _anything(_name: RepoName) -> bool:
    return True


_SUMS = (
    """INSERT INTO usage_blobs (digest, size, holders, key_sum)
       SELECT b.digest, b.size, count(*), sum(l.repository_id)
       FROM blob_links l JOIN blobs b ON b.digest = l.digest GROUP BY b.digest, b.size""",
    """INSERT INTO usage_repositories (repository_id, blobs, bytes, exclusive)
       SELECT l.repository_id, count(*), sum(u.size), sum(CASE WHEN u.holders = 1 THEN u.size ELSE 0 END)
       FROM blob_links l JOIN usage_blobs u ON u.digest = l.digest GROUP BY l.repository_id""",
    """INSERT INTO usage_repositories (repository_id, blobs, bytes, exclusive)
       SELECT 0, count(*), sum(b.size), sum(CASE WHEN u.digest IS NULL THEN 0 ELSE b.size END)
       FROM blobs b LEFT JOIN usage_blobs u ON u.digest = b.digest""",
)


_UNCHECKED = {
    "sqlite": [
        "PRAGMA foreign_keys = OFF",
        "PRAGMA journal_mode = OFF",  # or each row would be written twice, and read from the log until its end
        "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = -1000000",
    ],
    "postgresql": ["SET session_replication_role = replica", "SET maintenance_work_mem = '512MB'"],
}


def _fill(db: Database, stock: Stock) -> None:
    """Without looking whether what is referred to is there, which the numbers see to; the index of links comes last."""
    kind = db.engine.dialect.name
    with db.engine.connect() as tx:
        for setting in _UNCHECKED[kind]:
            tx.exec_driver_sql(setting)
        index = next(iter(blob_links.indexes))
        index.drop(tx)
        for statement in _rows(stock, is_sqlite=kind == "sqlite"):
            tx.execute(text(statement))
            tx.commit()
        index.create(tx)
        for statement in (*_SUMS, "ANALYZE"):
            tx.execute(text(statement))
            tx.commit()


def _rows(stock: Stock, *, is_sqlite: bool) -> Iterator[str]:
    each = stock.links // stock.repositories
    for name, columns, values, most in (
        ("repositories", "id, name, created_at", f"i, {_name('i', is_sqlite=is_sqlite)}, 0", stock.repositories),
        (
            "blobs",
            "digest, size, location, created_at",
            f"{_digest('i', is_sqlite=is_sqlite)}, i % 100000, 'blobs/' || i, 0",
            stock.blobs,
        ),
        (
            "blob_links",
            "repository_id, digest, linked_at",
            f"(i - 1) / {each} + 1, {_digest(f'(i * 7919 % {stock.blobs} + 1)', is_sqlite=is_sqlite)}, 0",
            stock.links // stock.repositories * stock.repositories,
        ),
    ):
        numbers = (
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})"
            if is_sqlite
            else f"WITH n AS (SELECT i FROM generate_series(1::bigint, {most}) AS s(i))"
        )
        yield f"INSERT INTO {name} ({columns}) {numbers} SELECT {values} FROM n"


def _name(number: str, *, is_sqlite: bool) -> str:
    return (
        f"printf('team-%d/app-%d', {number} % 100, {number})"
        if is_sqlite
        else (f"format('team-%s/app-%s', {number} % 100, {number})")
    )


def _digest(number: str, *, is_sqlite: bool) -> str:
    mixed = f"({number} * 2654435761 % 4294967296)"
    if is_sqlite:
        return f"'sha256:' || printf('%032x%032x', {mixed}, {number})"
    return f"'sha256:' || lpad(to_hex({mixed}), 32, '0') || lpad(to_hex({number}), 32, '0')"


def _alter(tx: Connection) -> None:
    """A repository's figure, and what is kept of a blob."""
    tx.execute(text("UPDATE usage_repositories SET bytes = bytes + 1 WHERE repository_id = 7"))
    first = "SELECT digest FROM usage_blobs ORDER BY digest LIMIT 1"
    tx.execute(text(f"UPDATE usage_blobs SET holders = holders + 1 WHERE digest = ({first})"))


def _more(tx: Connection, changes: int) -> None:
    """As if so many links went."""
    gone = f"SELECT repository_id, digest FROM blob_links LIMIT {changes}"
    noted = f"""INSERT INTO usage_changes (repository_id, digest, size, sign)
                SELECT l.repository_id, l.digest, b.size, -1 FROM ({gone}) l JOIN blobs b ON b.digest = l.digest"""
    tx.execute(text(noted))


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began, busy = time.perf_counter(), time.process_time()
    yield
    elapsed, processor = time.perf_counter() - began, time.process_time() - busy
    print(f"{what}: {elapsed:.2f} s, {processor:.2f} s of this process's processor time", flush=True)


if __name__ == "__main__":
    run(bench)
