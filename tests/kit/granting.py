"""Who may do what in a test: callers without a request, and grants written as the services write them."""

from sqlalchemy import Connection

from tests.kit.clock import Clock
from wharfinger.access import snapshot
from wharfinger.access.caller import Caller, Origin
from wharfinger.access.grants import Identity
from wharfinger.meta import accounts, grants
from wharfinger.meta.db import Database
from wharfinger.meta.grants import GrantRow


def grant_row(principal: str, role: str, pattern: str = "**", **more: object) -> GrantRow:
    """A grant that is not stored yet."""
    fields: dict[str, object] = {"tags": (), "networks": (), "until": None, "deny": False}
    fields |= {"created_at": 0.0, "created_by": "tests"}
    return GrantRow(0, principal, role, pattern, **(fields | more))  # type: ignore[arg-type]


async def store_grant(db: Database, principal: str, role: str, pattern: str = "**", **more: object) -> int:
    """Store a grant without asking whether anybody may; its number. Processes see it when they next look."""
    row = grant_row(principal, role, pattern, **more)

    def add(tx: Connection) -> int:
        accounts.begin_change(tx)
        return grants.add_grant(tx, row)

    return await db.write(add)


async def caller(db: Database, name: str, clock: Clock, *, credential: str = "password", address: str = "") -> Caller:
    """The account, as it is known to the database now."""
    known = snapshot.build(await db.read(grants.everything))
    identity: Identity | None = known.identity(name, credential, clock())
    assert identity is not None, f"no enabled account {name}, or not by {credential}"
    return Caller(identity, known, clock(), Origin(address))
