"""``python -m bench.usage``: how long usage takes at many repositories, from figures that are kept, on either database.

The figures are made by summing up the links once. The nightly comparison then has to find nothing that is off, and two
figures that are altered on purpose. Folding is measured with changes that come on top.
"""

import asyncio
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from cyclopts import run
from sqlalchemy import Connection, delete, select, text

from bench import filling
from bench.backends import Backends
from bench.images import memory_folder
from tests.kit.parts.postgres import fresh_database, postgres
from wharfinger.meta import usage_reading
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.migrate import migrate
from wharfinger.meta.schema import blob_links, repositories
from wharfinger.meta.schema_access import leases
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
    url: str | None = None,
    repositories: int = 10_000,
    links: int = 10_000_000,
    blobs: int = 3_000_000,
    changes: int = 50_000,
) -> None:
    """Fill a database, ask for all figures, fold changes into them, compare them with the links.

    The database at the URL stays, and is not filled again: it is as it was afterwards.
    """
    stock = Stock(repositories, links, blobs, changes)
    if url is not None:
        asyncio.run(_bench(url, stock))
        return
    with TemporaryDirectory(prefix="wharf-bench-", dir=memory_folder()) as folder:
        if database == "sqlite":
            asyncio.run(_bench(f"sqlite:///{folder}/wharf.db", stock))
        else:
            with postgres(Path(folder)) as server, fresh_database(server) as fresh:
                asyncio.run(_bench(fresh, stock))


async def _bench(url: str, stock: Stock) -> None:
    is_empty = await _is_empty(url)
    db = open_database(url)
    timed = _Timed(Backends(db))
    if is_empty:
        with timed(f"{stock.links:,} links of {stock.blobs:,} blobs were made"):
            await asyncio.to_thread(_fill, db, stock)
    await _measure(db, stock, timed)
    await db.close()


async def _measure(db: Database, stock: Stock, timed: "_Timed") -> None:
    await db.write(lambda tx: tx.execute(delete(leases)))  # whoever measured before may have one still
    usage = Usage(db, time.time)
    for _ in range(5):
        with timed("figures of all repositories"):
            await _figures(db)
    with timed("compared with the links"):
        print("off:", (await usage.compare()).count)
    await db.write(_alter)
    with timed("compared again, two figures altered"):
        print("off:", (await usage.compare()).count)
    for sign in (-1, 1):
        await db.write(_more, stock.changes // 2, sign)
    with timed(f"folded {stock.changes:,} changes"):
        while await usage.fold():
            pass
    with timed("figures of all repositories"):
        await _figures(db)


async def _is_empty(url: str) -> bool:
    """Looked up by connections that end with this: SQLite leaves nobody another journal beside others."""
    db = open_database(url)
    migrate(db.engine)
    found = await db.read(lambda tx: tx.execute(select(repositories.c.id).limit(1)).first())
    await db.close()
    return found is None


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


def _fill(db: Database, stock: Stock) -> None:
    """The numbers see to it that what is referred to is there."""
    with filling.unchecked(db, (repositories, blob_links)) as tx:
        for statement in (*_rows(stock, is_sqlite=db.engine.dialect.name == "sqlite"), *_SUMS):
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


def _more(tx: Connection, changes: int, sign: int) -> None:
    """As if so many links went (-1), or came again (1)."""
    gone = f"SELECT repository_id, digest FROM blob_links ORDER BY repository_id, digest LIMIT {changes}"
    noted = f"""INSERT INTO usage_changes (repository_id, digest, size, sign)
                SELECT l.repository_id, l.digest, b.size, {sign} FROM ({gone}) l JOIN blobs b ON b.digest = l.digest"""
    tx.execute(text(noted))


class _Timed:
    """Says how long something took, of the clock and of the processor."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        began, busy, theirs = time.perf_counter(), time.process_time(), self._backends.seconds()
        yield
        elapsed, busy, theirs = (
            time.perf_counter() - began,
            time.process_time() - busy,
            self._backends.seconds() - theirs,
        )
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(
            f"{what}: {elapsed:.2f} s; of the processor {busy:.2f} s here, {theirs:.2f} s in the database's; ", end=""
        )
        print(f"{most} MiB at most until now", flush=True)


if __name__ == "__main__":
    run(bench)
