"""An audit trail in a test: records to put into it, its parts, and hands to tamper with it behind its back."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.engine import CursorResult

from tests.kit.clock import Clock
from wharfinger.access import audit_keys
from wharfinger.access.audit import Audit
from wharfinger.access.chain import record_hash
from wharfinger.access.retention import Retention
from wharfinger.access.sealing import Sealer
from wharfinger.access.verifying import Report, verify
from wharfinger.meta import audit, chain
from wharfinger.meta.audit import Entry, Filter, Record
from wharfinger.meta.chain import Checkpoint
from wharfinger.meta.db import Database
from wharfinger.meta.schema_access import audit_records

DAY = 86400.0


@dataclass
class Trail:
    """One trail, with the key that signs it."""

    db: Database
    clock: Clock
    key: Path

    def sealer(self, holder: str | None = None, db: Database | None = None) -> Sealer:
        """A sealer in this process, or in another one by its own ``db``."""
        return Sealer(db or self.db, audit_keys.load(self.key), self.clock, holder or "tests")

    def retention(self, *, keep: float = 700 * DAY, keep_pulls: float = 90 * DAY) -> Retention:
        return Retention(self.db, audit_keys.load(self.key), self.clock, keep=keep, keep_pulls=keep_pulls)

    async def add(self, *entries: Entry) -> None:
        """Records as a transaction makes them."""
        await self.db.write(audit.add_many, entries)

    async def seal(self) -> None:
        """Seal all there is, and sign the head if it is time."""
        sealer = self.sealer()
        while await sealer.seal():
            pass
        await sealer.sign()

    async def filled(self, count: int = 6) -> None:
        """So many records, sealed and signed."""
        await self.add(*(self.entry(number) for number in range(count)))
        await self.seal()

    def entry(self, number: int = 0, action: str = "push") -> Entry:
        return Entry(self.clock(), action, f"anna-{number}", repository="shop/web", detail={"number": number})

    async def verify(self, exported: Checkpoint | None = None) -> Report:
        async def later(seconds: float) -> None:
            self.clock.advance(seconds)

        return await verify(Audit(self.db, self.key), exported, self.clock, later)

    async def findings(self, exported: Checkpoint | None = None) -> list[str]:
        """What is wrong with it."""
        return (await self.verify(exported)).findings

    async def export(self) -> Checkpoint:
        """What an auditor takes home."""
        head = await self.db.read(chain.latest_head)
        assert head is not None
        return head

    async def records(self) -> list[Record]:
        """All, the oldest first."""
        return list(reversed(await self.db.read(audit.page, Filter(), None, 10_000)))

    async def execute(self, statement: str) -> None:
        """SQL by somebody who has got at the database."""
        await self.db.write(lambda tx: tx.exec_driver_sql(statement).rowcount)

    async def make_anew(self, first: int) -> None:
        """Recompute every hash from this number on, as who knows the rules can."""

        def recompute(tx) -> None:  # type: ignore[no-untyped-def]
            previous = chain.after(tx, first - 2, 1)[0].hash if first > 1 else "0" * 64
            for record in chain.after(tx, first - 1, 10_000):
                previous = record_hash(previous or "", record.number or 0, record)
                result: CursorResult[tuple[()]] = tx.execute(
                    update(audit_records).where(audit_records.c.id == record.id).values(hash=previous)
                )
                assert result.rowcount == 1

        await self.db.write(recompute)
