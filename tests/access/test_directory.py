"""How old what a process decides by may be: a fifth of a second, and five when the database cannot be asked."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.kit.clock import Clock
from wharfinger.access.directory import FRESH, STALE, Directory
from wharfinger.errors import Unavailable
from wharfinger.meta import accounts
from wharfinger.meta.accounts import Account
from wharfinger.meta.db import Database


class Watched:
    """A database that counts what it is asked, and that can be away, or be held up."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.away = False
        self.asked = self.loaded = 0
        self.meanwhile: Callable[[], Any] = lambda: None

    def prepare(self, query: Any) -> Any:
        prepared, watched = self._db.prepare(query), self

        class Prepared:
            async def first(self) -> Any:
                watched.asked += 1
                if watched.away:
                    raise Unavailable("the database is away")
                row = await prepared.first()
                watched.meanwhile()
                await asyncio.sleep(0)
                return row

        return Prepared()

    async def read(self, function: Any) -> Any:
        self.loaded += 1
        return await self._db.read(function)


@pytest.fixture
def watched(db: Database) -> Watched:
    return Watched(db)


@pytest.fixture
def monotonic() -> Clock:
    return Clock(0.0)


@pytest.fixture
def directory(watched: Watched, monotonic: Clock) -> Directory:
    return Directory(watched, monotonic)  # type: ignore[arg-type]


async def add(db: Database, name: str) -> None:
    def store(tx: Connection) -> None:
        generation = accounts.begin_change(tx)
        accounts.add(tx, Account(name, "", disabled=False, generation=generation, created_at=0))

    await db.write(store)


async def test_within_a_fifth_of_a_second_nothing_is_asked(
    directory: Directory, watched: Watched, monotonic: Clock
) -> None:
    first = await directory.current()
    monotonic.advance(FRESH - 0.001)
    assert directory.fresh is first
    assert await directory.current() is first
    assert (watched.asked, watched.loaded) == (1, 1)


async def test_after_it_one_row_is_asked_for_and_the_rest_only_if_that_has_changed(
    directory: Directory, watched: Watched, monotonic: Clock, db: Database
) -> None:
    first = await directory.current()
    monotonic.advance(FRESH)
    assert directory.fresh is None
    assert await directory.current() is first
    assert (watched.asked, watched.loaded) == (2, 1)
    await add(db, "ann")
    monotonic.advance(FRESH)
    second = await directory.current()
    assert "ann" in second.accounts
    assert "ann" not in first.accounts
    assert second.revision > first.revision
    assert (watched.asked, watched.loaded) == (3, 2)


async def test_a_change_through_this_process_counts_at_once(directory: Directory, db: Database) -> None:
    await directory.current()
    await add(db, "ann")
    assert "ann" not in (await directory.current()).accounts
    directory.forget()
    assert directory.fresh is None
    assert "ann" in (await directory.current()).accounts
    assert directory.fresh is not None


async def test_a_change_while_the_database_is_asked_is_asked_for_again(
    directory: Directory, watched: Watched, db: Database
) -> None:
    """The row may have been read before the change was committed: what was read is not taken to be fresh."""
    watched.meanwhile = directory.forget
    await directory.current()
    assert directory.fresh is None
    watched.meanwhile = lambda: None
    await add(db, "ann")
    assert "ann" in (await directory.current()).accounts


async def test_requests_that_come_at_once_ask_once(directory: Directory, watched: Watched, monotonic: Clock) -> None:
    found = await asyncio.gather(*(directory.current() for _ in range(50)))
    assert len({id(each) for each in found}) == 1
    assert watched.asked == 1
    monotonic.advance(FRESH)
    await asyncio.gather(*(directory.current() for _ in range(50)))
    assert (watched.asked, watched.loaded) == (2, 1)


async def test_a_database_that_is_away_is_forgiven_for_less_than_five_seconds(
    directory: Directory, watched: Watched, monotonic: Clock
) -> None:
    known = await directory.current()
    watched.away = True
    monotonic.advance(STALE - 0.001)
    assert await directory.current() is known
    monotonic.advance(0.001)
    with pytest.raises(Unavailable, match="does not say any more who may do what"):
        await directory.current()
    assert directory.fresh is None
    watched.away = False
    assert await directory.current() is known
    assert directory.fresh is known


async def test_to_fail_is_not_to_have_looked(directory: Directory, watched: Watched, monotonic: Clock) -> None:
    """However often it is tried meanwhile, the five seconds run from when the database last answered."""
    await directory.current()
    watched.away = True
    for _ in range(39):
        monotonic.advance(0.125)
        await directory.current()
    monotonic.advance(0.125)
    with pytest.raises(Unavailable):
        await directory.current()
    assert watched.asked == 40  # within the first fifth of a second it was not


async def test_a_process_that_never_knew_refuses_at_once(directory: Directory, watched: Watched) -> None:
    watched.away = True
    with pytest.raises(Unavailable):
        await directory.current()


async def test_what_was_forgotten_is_not_younger_for_it(
    directory: Directory, watched: Watched, monotonic: Clock
) -> None:
    await directory.current()
    watched.away = True
    monotonic.advance(STALE - 1)
    directory.forget()
    await directory.current()
    monotonic.advance(1)
    with pytest.raises(Unavailable):
        await directory.current()


async def test_the_whole_of_it_over_two_directories(
    db: Database, open_again: Callable[[], Database], monotonic: Clock
) -> None:
    here, there = Directory(db, monotonic), Directory(open_again(), monotonic)
    for directory in (here, there):
        await directory.current()
    await add(db, "ann")
    here.forget()
    assert "ann" in (await here.current()).accounts
    assert "ann" not in (await there.current()).accounts
    monotonic.advance(FRESH)
    assert "ann" in (await there.current()).accounts
