from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.kit.clock import Clock
from tests.kit.trail import Trail
from wharfinger.access import audit_keys
from wharfinger.meta.db import Database, open_database


@pytest.fixture
async def open_again(database_url: str) -> AsyncIterator[Callable[[], Database]]:
    """Opens the same database once more, as another process or node does."""
    opened: list[Database] = []

    def open_() -> Database:
        opened.append(open_database(database_url))
        return opened[-1]

    yield open_
    for database in opened:
        await database.close()


@pytest.fixture
def trail(db: Database, clock: Clock, tmp_path: Path) -> Trail:
    """An empty audit trail and its key."""
    key = tmp_path / "keys" / "audit.pem"
    assert audit_keys.make(key)
    return Trail(db, clock, key)
