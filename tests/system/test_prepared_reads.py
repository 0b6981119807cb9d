"""Prepared reads on PostgreSQL share a connection of the event loop's: each gets its own answer, whatever others do."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal,
    select,
    text,
)

from tests.kit.parts.postgres import fresh_database
from wharfinger.errors import Unavailable
from wharfinger.meta.db import Database, open_database

pytestmark = [pytest.mark.system, pytest.mark.postgresql]

END_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'wharfinger' AND pid <> pg_backend_pid()"
)
LOOKING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep%'"
    " AND state = 'active' AND pid <> pg_backend_pid()"
)
seen = Table(
    "seen",
    MetaData(),
    Column("n", Integer),
    Column("body", LargeBinary),
    Column("at", Double),
    Column("is_so", Boolean),
    Column("name", Text),
)


@pytest.fixture
async def db(postgres_server: str) -> AsyncIterator[Database]:
    with fresh_database(postgres_server) as url:
        database = open_database(url)
        yield database
        await database.close()


async def _end_others(db: Database) -> None:
    other = open_database(db.url)
    await other.write(lambda tx: tx.execute(END_OTHERS).all())
    await other.close()


async def _until_it_is_being_answered(db: Database) -> None:
    async with asyncio.timeout(30):
        while not await db.read(lambda tx: tx.execute(LOOKING).scalar()):  # noqa: ASYNC110  the server tells nobody
            await asyncio.sleep(0.01)


async def test_many_at_once_get_their_own_answers_and_one_that_fails_fails_alone(db: Database) -> None:
    read = db.prepare(select(literal(100) / bindparam("n", type_=Integer), func.pg_backend_pid()))
    found = await asyncio.gather(*(read.first(n=n) for n in (1, 2, 0, 5)), return_exceptions=True)
    rows = [each for each in found if not isinstance(each, BaseException)]
    assert [row[0] for row in rows if row is not None] == [100, 50, 20]
    assert len({row[1] for row in rows if row is not None}) == 1, "all went over one connection"
    assert "division by zero" in str(found[2])


async def test_what_comes_back_is_what_the_driver_gives_and_none_for_nothing(db: Database) -> None:
    row = {"n": 1, "body": bytes(range(256)) * 2000, "at": 1.5, "is_so": True, "name": "ä"}
    await db.write(seen.create)
    await db.write(lambda tx: tx.execute(insert(seen), row).rowcount)
    read = db.prepare(select(seen).where(seen.c.n == bindparam("number")))
    assert await read.first(number=1) == tuple(row.values())
    assert await read.first(number=2) is None


async def test_a_statement_that_could_not_be_prepared_is_tried_again(db: Database) -> None:
    read = db.prepare(select(seen.c.n).where(seen.c.n == bindparam("n")))
    for _ in range(2):
        with pytest.raises(Exception, match='relation "seen" does not exist'):
            await read.first(n=1)
    await db.write(seen.create)
    assert await read.first(n=1) is None


async def test_whoever_does_not_wait_any_more_disturbs_nobody(db: Database) -> None:
    slow, quick = db.prepare(select(func.pg_sleep(1))), db.prepare(select(bindparam("n", type_=Integer)))
    leaving = asyncio.create_task(slow.first())
    await _until_it_is_being_answered(db)
    staying = asyncio.create_task(quick.first(n=7))
    leaving.cancel()
    assert await staying == (7,)
    assert await quick.first(n=8) == (8,)


async def test_a_connection_that_the_server_has_closed_is_replaced(db: Database) -> None:
    read = db.prepare(select(literal(7)))
    assert await read.first() == (7,)
    await _end_others(db)
    assert list(await asyncio.gather(read.first(), read.first())) == [(7,), (7,)]


async def test_what_was_being_answered_when_it_closed_is_asked_again(db: Database) -> None:
    slow = db.prepare(select(literal(7), func.pg_sleep(1)))
    waiting = asyncio.create_task(slow.first())
    await _until_it_is_being_answered(db)
    await _end_others(db)
    row = await waiting
    assert row is not None
    assert row[0] == 7


def test_it_serves_one_loop_after_the_other(postgres_server: str) -> None:
    with fresh_database(postgres_server) as url:
        database = open_database(url)
        read = database.prepare(select(literal(7)))
        assert [asyncio.run(read.first()) for _ in range(2)] == [(7,), (7,)]
        asyncio.run(database.close())


async def test_without_a_server_it_is_unavailable() -> None:
    nobody = open_database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable):
        await nobody.prepare(select(func.now())).first()
    await nobody.close()
