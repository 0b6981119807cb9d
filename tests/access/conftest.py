from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.kit.clock import Clock
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.migrate import migrate


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def open_again(tmp_path: Path) -> AsyncIterator[Callable[[], Database]]:
    """Opens the same database once more, as another process or node does."""
    opened: list[Database] = []

    def open_() -> Database:
        opened.append(open_database(f"sqlite:///{tmp_path}/registry.db"))
        return opened[-1]

    yield open_
    for database in opened:
        await database.close()


@pytest.fixture
def db(open_again: Callable[[], Database]) -> Database:
    database = open_again()
    migrate(database.engine)
    return database
