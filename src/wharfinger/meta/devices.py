"""Device logins that wait: for somebody's approval, or for the device to ask again (RFC 8628)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from wharfinger.meta import accounts as account_rows
from wharfinger.meta.schema_access import accounts, device_logins

WAITING, APPROVED, DENIED = "waiting", "approved", "denied"


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One of them, by the SHA-256 of its device code. ``client`` is what is known of who began it, and who decided."""

    hash: str
    user_code: str
    client: Mapping[str, object]
    state: str
    polled_at: float | None
    expires_at: float
    account: str | None = None


def waiting(tx: Connection) -> int:
    """How many there are, whatever their state."""
    return int(tx.execute(select(func.count()).select_from(device_logins)).scalar_one())


def add(tx: Connection, row: DeviceRow) -> None:
    values = {name: getattr(row, name) for name in DeviceRow.__slots__ if name not in {"account", "client"}}
    tx.execute(insert(device_logins).values(values | {"client": json.dumps(dict(row.client))}))


def by_code(tx: Connection, user_code: str) -> DeviceRow | None:
    """The one that shows this code to its user."""
    return _find(tx, user_code=user_code)


def by_hash(tx: Connection, hash: str) -> DeviceRow | None:
    """The one whose device knows this secret."""
    return _find(tx, hash=hash)


def decide(tx: Connection, row: DeviceRow, state: str, account: str, client: Mapping[str, object]) -> bool:
    """Approve or deny one that waits for it: whether it still did."""
    changed = update(device_logins).where(device_logins.c.hash == row.hash, device_logins.c.state == WAITING)
    id = account_rows.id_of(tx, account)
    return tx.execute(changed.values(state=state, account_id=id, client=json.dumps(dict(client)))).rowcount == 1


def polled(tx: Connection, hash: str, at: float) -> None:
    """Note when its device asked."""
    tx.execute(update(device_logins).where(device_logins.c.hash == hash).values(polled_at=at))


def remove(tx: Connection, hash: str) -> bool:
    """Whether it was there to be removed."""
    return tx.execute(delete(device_logins).where(device_logins.c.hash == hash)).rowcount == 1


def remove_expired(tx: Connection, now: float) -> None:
    tx.execute(delete(device_logins).where(device_logins.c.expires_at <= now))


def _find(tx: Connection, **by: str) -> DeviceRow | None:
    columns = [accounts.c.name if each == "account" else device_logins.c[each] for each in DeviceRow.__slots__]
    joined = (
        select(*columns).select_from(device_logins).outerjoin(accounts, accounts.c.id == device_logins.c.account_id)
    )
    found = tx.execute(joined.where(*(device_logins.c[name] == value for name, value in by.items()))).first()
    if found is None:
        return None
    hash, user_code, client, *rest = found
    return DeviceRow(hash, user_code, json.loads(client), *rest)
