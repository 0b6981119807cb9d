from collections.abc import AsyncIterator, Callable

import pytest

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
