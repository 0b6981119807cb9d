"""The database is lost while a server runs, and comes back from what is beside the blobs."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.kit.backends import Backend, backend
from tests.kit.client import Client, require
from tests.kit.images import Image, image, index
from tests.kit.parts.process import ProgramFailed
from tests.kit.server import ACCOUNT, Server, serve
from wharfinger.meta.db import open_database

pytestmark = pytest.mark.system

APPS = [image(layers=[b"shared", 9000], seed=seed) for seed in range(3)]
BOTH, GONE = index(APPS[:2]), image(seed=50)
LAG = 1.0


def fsck(data: Path, there: Backend, *words: str) -> tuple[int, Any, str]:
    """What ``wharf fsck`` came to."""
    command = [Path(sys.executable).with_name("wharf"), "fsck", "--data", data, "--json", *words]
    environment = {**os.environ, **there.environment, "WHARF_ADMIN_PASSWORD": ACCOUNT[1]}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


async def lag(client: Client) -> float:
    """How far the journal is behind, as somebody who watches the server reckons it."""
    metrics = require(await client.request("GET", "/metrics"), 200).text
    [line] = [line for line in metrics.splitlines() if line.startswith("wharf_journal_complete_until_seconds")]
    return time.time() - float(line.split()[-1])


async def until_shipped(client: Client) -> None:
    """Return when all that was pushed before is in the journal."""
    await asyncio.sleep(LAG)
    async with asyncio.timeout(60):
        while await lag(client) > LAG:  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.1)


def lose(there: Backend, data: Path) -> None:
    if there.database.startswith("sqlite"):
        for file in data.glob("wharf.db*"):
            file.unlink()
        return
    engine = create_engine(there.database)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


async def fill(client: Client) -> None:
    await client.push_image("shop/web", BOTH, "multi")
    for number, each in enumerate(APPS):
        await client.push_image("shop/api", each, f"1.{number}")
        require(await client.put_manifest("shop/api", "latest", each.raw, each.media_type), 201)
    await client.push_image("shop/api", GONE, "gone")
    require(await client.delete_manifest("shop/api", GONE.digest), 202)


async def pulled(client: Client) -> dict[str, Image]:
    names = ["shop/web:multi", "shop/api:1.0", "shop/api:1.1", "shop/api:1.2", "shop/api:latest"]
    return {name: await client.pull_image(*name.split(":")) for name in names}


@pytest.mark.parametrize("kind", ["local", "shared"])
async def test_what_was_acknowledged_a_second_ago_is_there_after_the_database_was_lost(
    kind: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with backend(kind, tmp_path) as there, serve(data, backend=there) as server:
        async with server.client() as client:
            await fill(client)
            before = await pulled(client)
            await until_shipped(client)
        server.kill()
        lose(there, data)
        with pytest.raises(ProgramFailed, match="journal of another database"):
            server.start()
        lose(there, data)  # what that start has made of it
        await _killed_half_way(data, there, server)
        status, report, _ = fsck(data, there, "--rebuild")
        assert (status, report["missing"], report["trashed"]) == (0, [], 1)
        status, report, _ = fsck(data, there, "--min-age", "1s")
        assert (status, report["findings"]) == (0, [])
        server.start()
        async with server.client() as client:
            assert await pulled(client) == before
            assert (await client.get_manifest("shop/api", GONE.digest)).status_code == 404
            await client.push_image("shop/new", APPS[0], "1")
            await until_shipped(client)


async def _killed_half_way(data: Path, there: Backend, server: Server) -> None:
    """A rebuild that is killed leaves a database that is not served."""
    command = [Path(sys.executable).with_name("wharf"), "fsck", "--data", data, "--rebuild"]
    environment = {**os.environ, **there.environment}
    running = await asyncio.to_thread(
        subprocess.Popen, list(map(str, command)), env=environment, stdout=subprocess.DEVNULL
    )
    db = open_database(there.database)
    try:
        for _ in range(2000):
            await asyncio.sleep(0.01)
            if running.poll() is not None or await _rebuilding(db):
                break
    finally:
        running.kill()
        running.wait()
        await db.close()
    if running.returncode != 0:
        with pytest.raises(ProgramFailed, match="half rebuilt"):
            server.start()
    else:
        lose(there, data)


async def _rebuilding(db: Any) -> bool:
    try:
        found = await db.read(lambda tx: tx.exec_driver_sql("SELECT rebuilding FROM journal_state").scalar())
    except Exception:  # noqa: BLE001 - the tables are not there yet
        return False
    return bool(found)
