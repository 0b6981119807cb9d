"""Rows that are given to a statement arrive as they are, on both databases."""

import pytest
from sqlalchemy import BigInteger, Connection, Text, select

from wharfinger.meta.db import Database
from wharfinger.meta.sql import Given, plain_rows

ODD = ["", "NULL", "null", "a,b", "{}", "{a", 'say "yes"', "back\\slash", "\\", '\\"', " room ", "line\nbreak", "Ä\t✓"]
ROWS = [(number, text) for number, text in enumerate(ODD, -3)] + [((1 << 63) - 1, "largest"), (-(1 << 63), "least")]


async def _as_given(db: Database, rows: list[tuple[int, str]]) -> list[tuple[int, str]]:
    def ask(tx: Connection) -> list[tuple[int, str]]:
        these = Given(tx.dialect.name, number=BigInteger(), text=Text())
        return [(number, text) for number, text in plain_rows(tx, select(*these.c), these.values(rows))]

    return await db.read(ask)


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], []], ids=["odd ones", "one", "none"])
async def test_rows_arrive_as_they_were_given(db: Database, rows: list[tuple[int, str]]) -> None:
    assert await _as_given(db, rows) == rows
