"""What proves us to scanners of others, sealed in the database and bound to where it is sent."""

from dataclasses import replace

from sqlalchemy import Connection

from wharfinger.access.vault import Vault, is_sealed
from wharfinger.meta import scanners
from wharfinger.meta.db import Database
from wharfinger.meta.scanners import ScannerRow


def sealed(vault: Vault, row: ScannerRow) -> ScannerRow:
    """The scanner as it is kept. Raises RequestInvalid."""
    return replace(row, secret=vault.seal(row.secret, about=_about(row)))


def opened(vault: Vault, row: ScannerRow) -> ScannerRow:
    """The scanner as it is asked. Raises RequestInvalid where its credential cannot be had."""
    return replace(row, secret=vault.open(row.secret, about=_about(row)))


async def seal_all(db: Database, vault: Vault) -> None:
    """Seal what was kept in the clear, by a version before this one. Safe to repeat, and on several nodes at once."""
    if any(_is_clear(row) for row in await db.read(scanners.every)):
        await db.write(_seal_all, vault)


def _seal_all(tx: Connection, vault: Vault) -> None:
    rows = scanners.every(tx)
    for row in rows:
        vault.require_ours(row.secret)
    for row in rows:
        if _is_clear(row):
            scanners.reseal(tx, row, sealed(vault, row).secret)


def _is_clear(row: ScannerRow) -> bool:
    return bool(row.secret) and not is_sealed(row.secret)


def _about(row: ScannerRow) -> str:
    return f"{row.name}\n{row.auth}\n{row.url}"
