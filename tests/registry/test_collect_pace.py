"""A pass over many blobs is many short transactions, and others write between two of them."""

import json
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, func, insert, select

from tests.kit.clock import Clock
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.meta import audit
from wharfinger.meta.audit import Filter
from wharfinger.meta.db import Database
from wharfinger.meta.schema import blob_links, blobs, repositories
from wharfinger.meta.schema_collection import link_reviews
from wharfinger.registry.collect import Collector
from wharfinger.registry.collect_metrics import Collected, CollectMetrics
from wharfinger.registry.pace import FIRST
from wharfinger.spec import digest as digests

MANY = 3 * FIRST


class Watched:
    """A database that remembers when each transaction that writes began and ended."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.writes: list[tuple[float, float]] = []

    async def write(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        began = time.monotonic()
        result = await self._db.write(query, *args, **kwargs)
        self.writes.append((began, time.monotonic()))
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


@pytest.fixture
async def watched(db: Database, clock: Clock) -> Watched:
    await db.write(_condemn, clock())
    return Watched(db)


@pytest.fixture
async def collector(watched: Watched, clock: Clock, tmp_path: Path) -> AsyncIterator[Collector]:
    store = FilesystemStore(tmp_path / "bytes")
    yield Collector(watched, store, clock, CollectMetrics(CollectorRegistry()))
    await store.close()


def _condemn(tx: Connection, now: float) -> None:
    tx.execute(insert(repositories).values(id=7, name="team/app", created_at=0.0))
    found = [digests.of(b"%d" % number) for number in range(MANY)]
    stored = [{"digest": d, "size": 2, "location": f"blobs/{n}", "created_at": 0.0} for n, d in enumerate(found)]
    tx.execute(insert(blobs), stored)
    tx.execute(insert(blob_links), [{"repository_id": 7, "digest": d, "linked_at": 0.0} for d in found])
    tx.execute(insert(link_reviews), [{"repository_id": 7, "digest": d, "due_at": now} for d in found])


async def test_many_blobs_go_in_several_transactions_and_each_says_how_many(
    collector: Collector, watched: Watched
) -> None:
    first = await collector.step()
    assert (first.unlinked, first.blobs, first.deleted) == (FIRST, FIRST, FIRST)
    rest = await collector.collect(rest=0)
    assert (rest.unlinked, rest.blobs, rest.deleted) == (MANY - FIRST,) * 3
    assert await collector.collect(rest=0) == Collected()
    assert await watched.read(_left) == [0, 0, 0]
    said = await watched.read(audit.page, Filter(account="system:collector", action="blobs.collect"), None, 100)
    assert len(said) >= 2
    assert sum(json.loads(record.detail)["blobs"] for record in said) == MANY


async def test_it_rests_after_each_transaction_so_that_others_write_between_two(
    collector: Collector, watched: Watched
) -> None:
    await collector.step(rest=3)
    await collector.step(rest=3)
    assert len(watched.writes) == 6, "links, blobs, bytes; twice"
    for (began, ended), (next_began, _) in pairwise(watched.writes):
        assert next_began - ended >= 3 * (ended - began) - 1e-6


def _left(tx: Connection) -> list[int]:
    return [
        tx.execute(select(func.count()).select_from(table)).scalar_one() for table in (blobs, blob_links, link_reviews)
    ]
