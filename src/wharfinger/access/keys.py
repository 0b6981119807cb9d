"""The keys that access tokens are signed with: made at the first start, renewed every month."""

from collections.abc import Callable

from sqlalchemy import Connection

from wharfinger.access import signing
from wharfinger.access.caller import system
from wharfinger.meta import accounts, audit, grants
from wharfinger.meta.db import Database


async def rotate(db: Database, now: Callable[[], float]) -> int:
    """See to it that there is a key and that it is not too old; how many were made. Safe on several nodes at once."""
    if not signing.needs_new_key(tuple(await db.read(grants.every_key)), now()):
        return 0
    return await db.write(_rotate, now())


def _rotate(tx: Connection, now: float) -> int:
    accounts.begin_change(tx)
    if not signing.needs_new_key(tuple(grants.every_key(tx)), now):
        return 0
    grants.remove_keys_expired_before(tx, now)
    made = signing.new_key(now)
    grants.add_key(tx, made)
    audit.add(tx, system("keys", now).entry("key.add", detail={"key": made.id, "for": "access tokens"}))
    return 1
