"""The audit trail of real processes that are killed: no change without its record, one chain, sealed at once again."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import pytest

from tests.kit.client import Client
from tests.kit.images import image
from tests.kit.parts.postgres import fresh_database, postgres
from tests.kit.server import Server, serve
from wharfinger.access.audit import Audit
from wharfinger.access.verifying import Report, verify
from wharfinger.meta import audit
from wharfinger.meta.audit import Filter, Record
from wharfinger.meta.db import open_database

pytestmark = pytest.mark.system

KILLS = 12
SECONDS_BETWEEN = 0.7


@pytest.fixture(params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, str, Path]]:
    """A server with two workers, its database, and its data folder."""
    with ExitStack() as programs:
        environment, url = {}, f"sqlite:///{tmp_path}/data/wharf.db"
        if request.param == "postgresql":
            url = programs.enter_context(fresh_database(programs.enter_context(postgres(tmp_path))))
            environment = {"WHARF_DATABASE": url.replace("+psycopg", "")}
        server = programs.enter_context(serve(tmp_path / "data", environment=environment, workers=2))
        yield server, url.replace("+psycopg", ""), tmp_path / "data"


async def push_and_pull(server: Server, number: int, stop: asyncio.Event) -> list[str]:
    """What was acknowledged: a repository for each push."""
    acknowledged = []
    what = image(seed=number)
    while not stop.is_set():
        repository = f"team/app-{number}-{len(acknowledged)}-{time.monotonic_ns()}"
        async with server.client() as client:
            with suppress(httpx2.HTTPError, AssertionError):
                await client.push_image(repository, what, "1")
                acknowledged.append(repository)
                await client.get_manifest(repository, "1")
    return acknowledged


async def kill_now_and_then(server: Server, stop: asyncio.Event) -> None:
    chance = random.Random(4)
    for number in range(KILLS):
        await asyncio.sleep(chance.uniform(0.2, 2 * SECONDS_BETWEEN))
        victims = server.processes("housekeeping" if number % 3 else "worker")
        for pid in victims[:1]:
            os.kill(pid, signal.SIGKILL)
    stop.set()


async def report_of(url: str, data: Path) -> Report:
    db = open_database(url)
    try:
        return await verify(Audit(db, data / "keys" / "audit.pem"), None, time.time)
    finally:
        await db.close()


async def pushes(url: str) -> list[Record]:
    db = open_database(url)
    try:
        found: list[Record] = []
        while page := await db.read(
            audit.page, Filter(action="push"), (found[-1].at, found[-1].id) if found else None, 1000
        ):
            found += page
    finally:
        await db.close()
    return found


async def test_processes_that_are_killed_leave_one_whole_chain(running: tuple[Server, str, Path]) -> None:
    server, url, data = running
    stop = asyncio.Event()
    *acknowledged, _ = await asyncio.gather(
        *(push_and_pull(server, number, stop) for number in range(3)), kill_now_and_then(server, stop)
    )
    repositories = [repository for each in acknowledged for repository in each or []]
    server.wait_ready()
    async with asyncio.timeout(60):
        while (report := await report_of(url, data)).unsealed:
            await asyncio.sleep(0.2)
    assert report.findings == []
    recorded = [record.repository for record in await pushes(url)]
    assert len(repositories) > KILLS
    assert set(repositories) <= set(recorded)
    assert len(recorded) == len(set(recorded))
    print(f"{len(repositories)} pushes acknowledged, {report.records} records")


async def test_a_record_is_sealed_a_second_after_it_was_made(running: tuple[Server, str, Path]) -> None:
    """Ten times as long is given here, or the test would be of the machine."""
    server, url, data = running
    async with server.client() as client:
        await client.push_image("team/app", image(), "1")
    async with asyncio.timeout(10):
        while (await report_of(url, data)).unsealed:
            await asyncio.sleep(0.05)


async def test_two_nodes_seal_one_chain(tmp_path: Path) -> None:
    with ExitStack() as programs:
        url = programs.enter_context(fresh_database(programs.enter_context(postgres(tmp_path))))
        plain, key = url.replace("+psycopg", ""), tmp_path / "audit.pem"
        environment = {
            "WHARF_DATABASE": plain,
            "WHARF_STORAGE": f"file://{tmp_path}/blobs",
            "WHARF_AUDIT_KEY": str(key),
        }
        nodes = [
            programs.enter_context(serve(tmp_path / name, environment=environment)) for name in ("node-a", "node-b")
        ]
        for number in range(20):
            async with Client(nodes[number % 2].url, account=("admin", "only for these tests")) as client:
                await client.push_image(f"team/app-{number}", image(seed=number), "1")
            if number == 10:
                for pid in nodes[0].processes("housekeeping"):
                    os.kill(pid, signal.SIGKILL)
        db = open_database(plain)
        async with asyncio.timeout(60):
            while (report := await verify(Audit(db, key), None, time.time)).unsealed:
                await asyncio.sleep(0.2)
        await db.close()
    assert report.findings == []
    assert not any("another key" in note for note in report.notes)
    assert report.records > 60
