"""Failed log-ins, counted by minute, and from where accounts have logged in."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, exists, select

from wharfinger.meta import sql
from wharfinger.meta.schema_access import login_addresses, login_failures


def counts(tx: Connection, keys: Iterable[str], window: int) -> dict[str, int]:
    """How many failures each key has in this window."""
    rows = select(login_failures.c.key, login_failures.c.count.label("failures")).where(
        login_failures.c.key.in_(list(keys)), login_failures.c.window == window
    )
    return {row.key: row.failures for row in tx.execute(rows)}


def add(tx: Connection, keys: Iterable[str], window: int) -> None:
    """One more for each key; windows that are past go."""
    tx.execute(delete(login_failures).where(login_failures.c.window < window - 1))
    for key in sorted(keys):
        row = sql.insert(tx, login_failures).values(key=key, window=window, count=1)
        tx.execute(
            row.on_conflict_do_update(index_elements=["key", "window"], set_={"count": login_failures.c.count + 1})
        )


def is_known(tx: Connection, account: str, address: str) -> bool:
    """Whether the account has logged in from there."""
    known = (login_addresses.c.account == account) & (login_addresses.c.address == address)
    return bool(tx.execute(select(exists().where(known))).scalar())


def know(tx: Connection, account: str, address: str, now: float) -> None:
    """Remember that it has."""
    row = sql.insert(tx, login_addresses).values(account=account, address=address, seen_at=now)
    tx.execute(row.on_conflict_do_update(index_elements=["account", "address"], set_={"seen_at": now}))
