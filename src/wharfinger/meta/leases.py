"""Leases: work that one process at a time does, whichever of them comes first after the last one's time is over."""

from sqlalchemy import Connection, Double, bindparam, delete, select, update

from wharfinger.meta.schema_access import leases
from wharfinger.meta.sql import insert

# Built once: the collector takes its lease in each of its transactions.
_TAKE = (
    update(leases)
    .where(leases.c.name == bindparam("of"))
    .where((leases.c.holder == bindparam("by")) | (leases.c.until <= bindparam("now", type_=Double())))
    .values(holder=bindparam("by"), until=bindparam("then"))
)


def take(tx: Connection, name: str, holder: str, now: float, until: float) -> bool:
    """Take the lease, or keep it: whether it is ``holder``'s now.

    The row stays locked until the transaction ends, so whoever takes it over sees all that was done under it.
    """
    wanted = {"of": name, "by": holder, "now": now, "then": until}
    if tx.execute(_TAKE, wanted).rowcount == 1:
        return True
    # Somebody else's, or nobody's yet: of two that make the row, the second waits here, and then finds it taken.
    tx.execute(insert(tx, leases).values(name=name, holder="", until=0.0).on_conflict_do_nothing())
    return tx.execute(_TAKE, wanted).rowcount == 1


def renew(tx: Connection, name: str, holder: str, until: float) -> None:
    """Keep the lease for longer, where it is ``holder``'s still; who has given it back does not get it by this."""
    tx.execute(update(leases).where(leases.c.name == name, leases.c.holder == holder).values(until=until))


def give_back(tx: Connection, name: str, holder: str) -> None:
    """Let the next one have it at once."""
    tx.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def cursor(tx: Connection, name: str) -> int:
    """How far some work has come that is noted under this name; 0 at the beginning."""
    noted = tx.execute(select(leases.c.holder).where(leases.c.name == name)).scalar()
    return int(noted) if noted else 0


def move_cursor(tx: Connection, name: str, position: int, now: float) -> None:
    """Note how far it has come; never back, whoever was slower."""
    if position <= cursor(tx, name):
        return
    row = insert(tx, leases).values(name=name, holder=str(position), until=now)
    tx.execute(row.on_conflict_do_update(index_elements=["name"], set_={"holder": str(position), "until": now}))
