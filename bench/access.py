"""What it costs to decide: from the Authorization header to the decision, in this process, on both databases."""

import asyncio
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from tests.kit.parts.postgres import fresh_database, postgres
from wharfinger.access import keys, scopes
from wharfinger.access.actions import Action
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.caller import NOWHERE
from wharfinger.access.secrets import SECRET
from wharfinger.access.tokens import Kind, fingerprint, generate
from wharfinger.meta import accounts, grants
from wharfinger.meta.accounts import Account
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.grants import GrantRow, SecretRow
from wharfinger.meta.migrate import migrate
from wharfinger.spec import names

ACCOUNTS = 1_000
GRANTS = 10_000
REQUESTS = 20_000
COLD = 5
WANTED = 100e-6
"""Seconds at the median, with everything warm."""


def cost(console: Console) -> None:
    """Print it."""
    with TemporaryDirectory(prefix="wharf-bench-") as folder:
        table = Table("database", "warm, median", "warm, 99 %", "wanted", "cold: reload all", "a token's first use")
        asyncio.run(_measure("SQLite", f"sqlite:///{folder}/wharf.db", table))
        with postgres(Path(folder), waits_for_disk=True) as server, fresh_database(server) as url:
            asyncio.run(_measure("PostgreSQL", url, table))
    console.print(f"{ACCOUNTS:,} accounts, {GRANTS:,} grants; from the header of a request to the decision")
    console.print(table)


async def _measure(name: str, url: str, table: Table) -> None:
    db = open_database(url)
    try:
        migrate(db.engine)
        secret = generate(Kind.SECRET)
        await keys.rotate(db, time.time)
        await db.write(_fill, fingerprint(secret))
        table.add_row(name, *await _times(db, secret))
    finally:
        await db.close()


async def _times(db: Database, secret: str) -> list[str]:
    repository = names.repository("team-7/part/web-7")
    warm: list[float] = []
    cold: list[float] = []
    first: list[float] = []
    for _ in range(COLD):
        authenticator = Authenticator(db, time.time)
        began = time.perf_counter()
        caller = await authenticator.by_name("sa-7", secret, NOWHERE)
        cold.append(time.perf_counter() - began)
        granted = scopes.parse([f"repository:{repository}:pull"])
        token = authenticator.access_tokens.issue(caller.snapshot, caller.identity, granted, time.time())
        header = f"Bearer {token}"
        for number in range(REQUESTS // COLD):
            began = time.perf_counter()
            caller = await authenticator.caller(header, NOWHERE)
            caller.require_scope("pull", repository)
            caller.require(Action.PULL, repository, tag="1.4")
            (warm if number else first).append(time.perf_counter() - began)
        authenticator.close()
    ordered = sorted(warm)
    figures = (
        statistics.median(ordered), ordered[len(ordered) * 99 // 100], WANTED, statistics.median(cold),
        statistics.median(first),
    )  # fmt: skip
    return [f"{figure * 1e6:,.1f} µs" if figure < 1e-2 else f"{figure * 1e3:,.0f} ms" for figure in figures]


def _fill(tx: Connection, hash: str) -> None:
    accounts.begin_change(tx)
    for number in range(ACCOUNTS):
        name = f"sa-{number}"
        accounts.add(tx, Account(name, "", disabled=False, generation=1, created_at=0, kind=accounts.SERVICE))
        for each in range(GRANTS // ACCOUNTS):
            pattern = (f"team-{number}/**", f"team-{number}/part/*", f"shared-{each}/web-{number}")[each % 3]
            row = GrantRow(0, name, "publisher", pattern, (), (), None, deny=False, created_at=0, created_by="bench")
            grants.add_grant(tx, row)
    grants.add_secret(tx, SecretRow("bench", "sa-7", SECRET, "bench", hash, None, None, 0, "bench", None, None))
