"""Reading many rows: in parts where memory should not hold them all, and as the driver has them."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg.pq import Format
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    TextClause,
    func,
    insert,
    select,
    text,
)

from wharfinger.meta.db import Database
from wharfinger.meta.sql import BINARY, STREAMED, plain_rows, stream

on_postgresql = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=[pytest.mark.system, pytest.mark.postgresql])], indirect=True
)
MANY = 3 * STREAMED
seen = Table(
    "seen",
    MetaData(),
    Column("n", BigInteger),
    Column("body", LargeBinary),
    Column("at", Double),
    Column("name", Text),
)
ROWS = [(1 << 62, bytes(range(256)), 1_800_000_000.123456, "Ä\t\\x00"), (-1, b"", 0.1, ""), (None, None, None, None)]


@pytest.mark.parametrize("is_plain_sql", [True, False])
async def test_streamed_rows_are_asked_for_in_parts(db: Database, *, is_plain_sql: bool) -> None:
    made, count = await db.write(_made, is_plain_sql)
    assert 0 < made <= STREAMED + 1
    assert count == MANY


def _made(tx: Connection, is_plain_sql: bool) -> tuple[int, int]:
    """How many rows the database had made when the first was there, and how many came in all."""
    counting, numbers, told = _counting(tx)
    query: Select[tuple[int]] | TextClause = select(text(counting)).select_from(text(f"{numbers} AS numbers"))
    if is_plain_sql:
        query = text(f"SELECT {counting} FROM {numbers} AS numbers")
    rows = stream(tx, query)
    next(rows)
    made = told()
    return made, 1 + sum(1 for _ in rows)


def _counting(tx: Connection) -> tuple[str, str, Callable[[], int]]:
    """An expression that counts how often it is asked for, numbers to ask it of, and how often that was."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("CREATE TEMPORARY SEQUENCE told"))
        count = text("SELECT last_value FROM told")
        return "nextval('told')", f"generate_series(1, {MANY})", lambda: int(tx.execute(count).scalar_one())
    asked: list[int] = []
    driver: Any = tx.connection.dbapi_connection
    driver.create_function("told", 1, asked.append)
    numbers = f"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) SELECT i FROM n)"
    return "told(i)", numbers, lambda: len(asked)


async def test_plain_rows_are_what_was_put_in(db: Database) -> None:
    assert await db.write(_put_and_read) == ROWS


def _put_and_read(tx: Connection) -> list[tuple[object, ...]]:
    seen.create(tx)
    tx.execute(insert(seen), [dict(zip(seen.c.keys(), row, strict=True)) for row in ROWS])
    return [tuple(row) for row in plain_rows(tx, select(seen).order_by(func.coalesce(seen.c.n, -2).desc()))]


@on_postgresql
@pytest.mark.parametrize(("options", "format"), [({BINARY: True}, Format.BINARY), ({}, Format.TEXT)])
async def test_bytes_travel_as_they_are_where_that_is_asked(
    db: Database, options: dict[str, bool], format: Format
) -> None:
    assert await db.read(_format, options) == format


def _format(tx: Connection, options: dict[str, bool]) -> int:
    driver: Any = tx.execute(text("SELECT decode('00ff', 'hex')"), execution_options=options).cursor
    found: int = driver.pgresult.fformat(0)
    return found


@on_postgresql
async def test_no_statement_is_compiled(db: Database) -> None:
    assert await db.read(_compiles) == await db.write(_compiles) == "off"


def _compiles(tx: Connection) -> str:
    return str(tx.execute(text("SHOW jit")).scalar_one())
