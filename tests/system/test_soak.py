"""Many clients while everything is collected again and again: nothing is lost, nobody meets an error, all is tidy.

A moment of it here, on SQLite and files; `make soak MINUTES=n` for as long as one likes, there and on PostgreSQL and
an object store, or with `BACKEND=local` or `BACKEND=shared` on one of them.
"""

import os
import time
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, func, select

from tests.kit import facts
from tests.kit.backends import Backend, backend
from tests.kit.server import ACCOUNT, serve
from tests.kit.soak import GRACE, Soak
from wharfinger import services as wiring
from wharfinger.config import load
from wharfinger.meta.schema_access import audit_records

pytestmark = pytest.mark.system

ASKED = os.environ.get("WHARF_TEST_SOAK_MINUTES")
MINUTES = float(ASKED or "0.1")
CLIENTS = 8
KINDS = ("local", "shared")
"""SQLite and files; PostgreSQL and S3."""
ENVIRONMENT = {
    "WHARF_COLLECT_GRACE": f"{GRACE:.0f}s",
    "WHARF_COLLECT_EVERY": "1s",
    "WHARF_TRASH_KEEP": "2s",
    "WHARF_UPLOAD_EXPIRY": "60s",
}


def backends(wanted: str | None) -> tuple[str, ...]:
    """The one that is asked for; without a word both where time is given, else the one that is quick to start."""
    if wanted:
        assert wanted in KINDS, f"there is no backend {wanted}: want one of {', '.join(KINDS)}"
        return (wanted,)
    return KINDS if ASKED else KINDS[:1]


@pytest.mark.parametrize("kind", backends(os.environ.get("WHARF_TEST_SOAK_BACKEND")))
async def test_nothing_is_lost_while_everybody_works(kind: str, tmp_path: Path) -> None:
    data, soak = tmp_path / "data", Soak()
    data.mkdir()
    with backend(kind, tmp_path) as there:
        with serve(data, workers=2, backend=there, environment=ENVIRONMENT) as server:
            clients = [server.client() for _ in range(CLIENTS)]
            await soak.run(clients, 60 * MINUTES)
            for client in clients:
                await client.close()
        assert facts.check(there.database, there.shelf) == []
        counted = await tidy_up(data, there)
        print(f"\n{kind}: {soak.requests} requests, {dict(soak.done)}, {counted}, {len(soak.problems)} problems")
        assert soak.problems == []
        assert facts.check(there.database, there.shelf) == []
        assert facts.leftovers(there.database, there.shelf) == []
        assert facts.garbage(there.database) == []


async def tidy_up(data: Path, there: Backend) -> str:
    """Let every time be over; what the collector had done before."""
    given = {"WHARF_DATA": str(data), "WHARF_ADMIN_PASSWORD": ACCOUNT[1], **there.environment, **ENVIRONMENT}
    settings = load(None, given, {}).settings
    services = wiring.build(settings, CollectorRegistry(), lambda: time.time() + 30 * 86400)
    counted = await services.db.read(_batches)
    while await services.uploads.sweep():
        pass
    while await services.keeping.trash.sweep():
        pass
    await services.collector.collect(rest=0)
    await services.close()
    return counted


def _batches(tx: Connection) -> str:
    query = select(audit_records.c.action, func.count()).group_by(audit_records.c.action)
    done = Counter({row[0]: row[1] for row in tx.execute(query)})
    return f"{done['links.collect']} batches of links and {done['blobs.collect']} of blobs collected"
