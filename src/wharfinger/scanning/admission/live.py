"""The rules in the memory of a process that serves pulls, and how old the advisories are."""

import math
from collections.abc import Callable

from sqlalchemy import Connection

from wharfinger.meta import gates as rows
from wharfinger.meta.db import Database
from wharfinger.scanning.admission.book import GateBook, Gates

AGE_EVERY = 30.0
"""Seconds after which it is asked again how old the advisories are; rules ask for it in hours at least."""


class LiveGates:
    """Asks the database when access has changed: ``revision`` is what every request has looked at (decision 11)."""

    def __init__(self, db: Database, book: GateBook, revision: Callable[[], int]) -> None:
        self._db = db
        self._book = book
        self._revision = revision
        self._seen: int | None = None
        self._gates = Gates()
        self._advisories_at: float | None = None
        self._asked = -math.inf

    async def current(self) -> Gates:
        """What is in force. Raises Unavailable."""
        revision = self._revision()
        if revision != self._seen:
            self._gates = await self._db.read(self._book.read)
            self._seen = revision  # that of before the question: what changes meanwhile is asked for again
        return self._gates

    async def age(self, now: float) -> float:
        """For how many seconds the advisories have been as they are; without end where there are none."""
        if not 0 <= now - self._asked < AGE_EVERY:
            self._advisories_at = await self._db.read(_advisories_at)
            self._asked = now
        return math.inf if self._advisories_at is None else now - self._advisories_at


def _advisories_at(tx: Connection) -> float | None:
    return rows.advisories_at(tx)
