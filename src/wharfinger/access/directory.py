"""The accounts as this process knows them, never older than the request that asks."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from wharfinger.access.roles import Identity, Role
from wharfinger.meta import accounts
from wharfinger.meta.db import Database


@dataclass(frozen=True, slots=True)
class Known:
    """An account, for those who check credentials."""

    identity: Identity
    password: str = field(repr=False)
    disabled: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every account at one revision."""

    revision: int
    accounts: Mapping[str, Known]

    def identity(self, name: str, generation: int) -> Identity | None:
        """The account's identity, unless it is gone, disabled or no longer what it was at ``generation``."""
        known = self.accounts.get(name)
        if known is None or known.disabled or known.identity.generation != generation:
            return None
        return known.identity


class Directory:
    """Hands out the newest snapshot. Asking costs one prepared read of one row, so a change counts at once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._revision = db.prepare(accounts.REVISION)
        self._snapshot = Snapshot(-1, {})
        self._loading = asyncio.Lock()

    async def current(self) -> Snapshot:
        """What is true now, or was when this was called."""
        row = await self._revision.first()
        assert row is not None, "written by the first migration"
        if row[0] != self._snapshot.revision:
            await self._load(row[0])
        return self._snapshot

    async def _load(self, revision: int) -> None:
        async with self._loading:
            if self._snapshot.revision != revision:
                self._snapshot = _snapshot(*await self._db.read(accounts.snapshot))


def _snapshot(revision: int, rows: list[accounts.Account]) -> Snapshot:
    known = {
        row.name: Known(Identity(row.name, Role(row.role), row.generation), row.password, row.disabled) for row in rows
    }
    return Snapshot(revision, MappingProxyType(known))
