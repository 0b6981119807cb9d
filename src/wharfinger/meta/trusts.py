"""Issuers of workload tokens and trust rules, written; they are read with everything else, in ``grants.py``."""

import json

from sqlalchemy import Connection, delete, func, insert, select, update

from wharfinger.meta import accounts as account_rows
from wharfinger.meta import grants
from wharfinger.meta.grants import IssuerRow, TrustRow
from wharfinger.meta.schema_access import issuers, trusts


def find_issuer(tx: Connection, url: str) -> IssuerRow | None:
    """The issuer at this URL."""
    columns = [issuers.c[field] for field in IssuerRow.__slots__]
    row = tx.execute(select(*columns).where(issuers.c.url == url)).first()
    return IssuerRow(*row) if row else None


def count_issuers(tx: Connection) -> int:
    return int(tx.execute(select(func.count()).select_from(issuers)).scalar_one())


def add_issuer(tx: Connection, row: IssuerRow) -> None:
    """Store a new issuer; the caller has seen that there is none at its URL."""
    tx.execute(insert(issuers).values({field: getattr(row, field) for field in IssuerRow.__slots__}))


def update_issuer(tx: Connection, row: IssuerRow) -> None:
    """Store the changed issuer; its rules stay, and the log-ins by them end: by its old keys they are not to be had."""
    for rule in grants.every_trust(tx):
        if rule.issuer == row.url:
            _forget_logins(tx, rule)
    changed = {field: getattr(row, field) for field in ("audience", "jwks", "private")}
    tx.execute(update(issuers).where(issuers.c.url == row.url).values(changed))


def remove_issuer(tx: Connection, url: str) -> list[TrustRow]:
    """Remove the issuer and its rules, which are returned."""
    gone = [row for row in grants.every_trust(tx) if row.issuer == url]
    for row in gone:
        remove_trust(tx, row)
    tx.execute(delete(issuers).where(issuers.c.url == url))
    return gone


def add_trust(tx: Connection, row: TrustRow) -> None:
    """Store a new rule under its ``id``.

    That is a revision of this transaction (``accounts.begin_change``), one for each rule, and so never used again:
    access tokens and audit records name the rule by it. Raises AccountUnknown.
    """
    values = {field: getattr(row, field) for field in TrustRow.__slots__ if field != "account"}
    values |= {"account_id": account_rows.id_of(tx, row.account), "claims": json.dumps(dict(row.claims))}
    tx.execute(insert(trusts).values(values))


def find_trust(tx: Connection, id: int) -> TrustRow | None:
    """The rule of this number."""
    return next((row for row in grants.every_trust(tx) if row.id == id), None)


def remove_trust(tx: Connection, row: TrustRow) -> None:
    """Remove the rule, and whatever log-in was obtained by it."""
    _forget_logins(tx, row)
    tx.execute(delete(trusts).where(trusts.c.id == row.id))


def _forget_logins(tx: Connection, row: TrustRow) -> None:
    account_rows.forget_logins(tx, account_rows.id_of(tx, row.account), f"trust:{row.id}")
