"""``python -m bench.usage``: how long usage takes at many repositories, from figures that are kept, on SQLite.

Prints what it measured; the figures are also what the nightly comparison finds right.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cyclopts import run
from sqlalchemy import Connection, text

from wharfinger.meta import usage_reading
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.migrate import migrate
from wharfinger.registry.usage import Usage
from wharfinger.spec.names import RepoName

PAGE = 1000


def bench(*, repositories: int = 10_000, links: int = 10_000_000, blobs: int = 3_000_000) -> None:
    """Fill a database, fold its links, ask for all figures, compare them with the links."""
    with TemporaryDirectory() as folder:
        asyncio.run(_bench(Path(folder) / "wharf.db", repositories, links, blobs))


async def _bench(path: Path, repositories: int, links: int, blobs: int) -> None:
    db = open_database(f"sqlite:///{path}")
    migrate(db.engine)
    with _timed("filled"):
        await db.write(_fill, repositories, links, blobs)
    usage = Usage(db, time.time)
    with _timed(f"folded {links + blobs:,} changes"):
        while await usage.fold():
            pass
    for _ in range(3):
        with _timed(f"figures of {repositories:,} repositories"):
            await _figures(db)
    with _timed("compared with the links"):
        found = await usage.compare()
    print("off:", found.count)
    await db.close()


async def _figures(db: Database) -> None:
    last, everything = "", _anything
    while page := await db.read(usage_reading.figures, last, PAGE, ("",), everything):
        last = page[-1].name


def _anything(_name: RepoName) -> bool:
    return True


_NOTE_LINKS = """INSERT INTO usage_changes (repository_id, digest, size, sign)
    SELECT l.repository_id, l.digest, b.size, 1 FROM blob_links l JOIN blobs b ON b.digest = l.digest"""


def _fill(tx: Connection, repositories: int, links: int, blobs: int) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) "
    digest = "'sha256:' || printf('%032x%032x', {i} * 2654435761 % 4294967296, {i})"
    of_link = digest.format(i=f"(i * 7919 % {blobs} + 1)")
    holder = f"(i % {repositories} + 1)"
    for most, statement in (
        (
            repositories,
            "INSERT INTO repositories (name, created_at) {n} SELECT printf('team-%d/app-%d', i % 100, i), 0 FROM n",
        ),
        (blobs, f"INSERT INTO blobs {{n}} SELECT {digest.format(i='i')}, i % 100000, 'blobs/' || i, 0 FROM n"),
        (links, f"INSERT OR IGNORE INTO blob_links {{n}} SELECT {holder}, {of_link}, 0 FROM n"),
        (1, "INSERT INTO usage_changes (repository_id, digest, size, sign) SELECT 0, digest, size, 1 FROM blobs"),
        (1, _NOTE_LINKS),
    ):
        tx.execute(text(statement.format(n=numbers.format(most=most))))


@contextmanager
def _timed(what: str, clock: Callable[[], float] = time.perf_counter) -> Iterator[None]:
    began = clock()
    yield
    print(f"{what}: {clock() - began:.2f} s", flush=True)


if __name__ == "__main__":
    run(bench)
