"""A prepared read takes a connection of PostgreSQL out of the pool by itself: whoever has it next notices nothing."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, Integer, bindparam, func, literal, select, text

from tests.kit.parts.postgres import fresh_database
from wharfinger.errors import Unavailable
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.postgresql import CONNECTIONS

pytestmark = [pytest.mark.system, pytest.mark.postgresql]

END_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'wharfinger' AND pid <> pg_backend_pid()"
)


@pytest.fixture
async def db(postgres_server: str) -> AsyncIterator[Database]:
    with fresh_database(postgres_server) as url:
        database = open_database(url)
        await database.write(lambda tx: tx.execute(text("CREATE TABLE seen (n INTEGER)")))
        yield database
        await database.close()


class Stop(Exception):
    """Takes a transaction back."""


def _insert_and_fail(tx: Connection) -> None:
    tx.execute(text("INSERT INTO seen VALUES (1)"))
    raise Stop


async def _is_kept_out(db: Database) -> bool:
    """Whether a transaction on any connection of the pool can still be taken back."""
    for _ in range(CONNECTIONS * 2):
        with pytest.raises(Stop):
            await db.write(_insert_and_fail)
    return await db.read(lambda tx: tx.execute(text("SELECT count(*) FROM seen")).scalar()) == 0


async def test_a_connection_that_was_read_with_has_transactions_again(db: Database) -> None:
    read = db.prepare(select(bindparam("n", type_=Integer) + literal(1)))
    for number in range(CONNECTIONS * 2):
        assert await read.first(n=number) == (number + 1,)
    assert await _is_kept_out(db)


async def test_so_has_one_whose_read_went_wrong(db: Database) -> None:
    read = db.prepare(select(literal(1) / bindparam("n", type_=Integer)))
    with pytest.raises(Exception, match="division by zero"):
        await read.first(n=0)
    assert await _is_kept_out(db)  # before the next read, which would put it right
    assert await read.first(n=1) == (1,)


async def test_a_connection_that_the_server_has_closed_is_replaced(db: Database) -> None:
    read = db.prepare(select(literal(7)))
    assert await read.first() == (7,)
    other = open_database(db.url)
    await other.write(lambda tx: tx.execute(END_OTHERS).all())
    await other.close()
    assert await read.first() == (7,)


async def test_without_a_server_it_is_unavailable() -> None:
    nobody = open_database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable):
        await nobody.prepare(select(func.now())).first()
    await nobody.close()
