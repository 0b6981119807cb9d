"""Several nodes over one database and one folder of bytes, slowed down at random points so that races are met."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event

from tests.kit import facts
from tests.kit.clock import Clock
from tests.registry.nodes import Fleet, Node, Slow
from wharfinger.blobs.filesystem import FilesystemStore
from wharfinger.meta.db import Database, open_database

NODES = 3
STATEMENT_SECONDS = 0.002


@pytest.fixture
async def fleet(database_url: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Three nodes. Whatever was done with them, in the end database and bytes agree, and what is needed is left."""
    chance, clock, root = random.Random(20), Clock(), tmp_path / "bytes"
    databases = [open_database(database_url) for _ in range(NODES)]
    if database_url.startswith("postgresql"):
        for database in databases:
            _slow_down(database, chance)
    stores = [FilesystemStore(root) for _ in range(NODES)]
    fleet = Fleet(
        [Node(db, Slow(store, chance), clock) for db, store in zip(databases, stores, strict=True)], clock, chance
    )
    yield fleet
    try:
        await _require_sound(fleet, database_url, root)
    finally:
        await asyncio.gather(*(store.close() for store in stores), *(database.close() for database in databases))


async def _require_sound(fleet: Fleet, database_url: str, root: Path) -> None:
    assert facts.check(database_url, facts.Folder(root)) == []
    fleet.clock.advance(days=30)
    while await fleet.nodes[0].uploads.sweep():
        pass
    while await fleet.nodes[0].trash.sweep():
        pass
    await fleet.nodes[0].collector.collect(rest=0)
    assert facts.check(database_url, facts.Folder(root)) == []
    assert facts.leftovers(database_url, facts.Folder(root)) == []
    assert facts.garbage(database_url) == []


def _slow_down(database: Database, chance: random.Random) -> None:
    """Let every third statement come late. SQLite's transactions run one after the other, so there it shows nothing."""

    @event.listens_for(database.engine, "before_cursor_execute")
    def _(*_: object) -> None:
        if chance.random() < 1 / 3:
            time.sleep(chance.uniform(0, STATEMENT_SECONDS))
