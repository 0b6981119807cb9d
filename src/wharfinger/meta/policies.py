"""What a policy file needs of the tables beside what each noun has for itself."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from wharfinger.meta import grants as grant_rows
from wharfinger.meta.grants import LOCAL, Everything
from wharfinger.meta.schema_access import accounts, group_members


@dataclass(frozen=True, slots=True)
class Stored:
    """All of access, and what of its memberships was made here rather than by an identity provider."""

    everything: Everything
    groups: list[str]
    local_members: list[tuple[str, str]]


def stored(tx: Connection) -> Stored:
    """At this point of the transaction."""
    local = (
        select(group_members.c.group, accounts.c.name)
        .join(accounts, accounts.c.id == group_members.c.account_id)
        .where(group_members.c.source == LOCAL)
        .order_by(group_members.c.group, accounts.c.name)
    )
    return Stored(
        everything=grant_rows.everything(tx),
        groups=grant_rows.every_group(tx),
        local_members=[(group, name) for group, name in tx.execute(local)],
    )
