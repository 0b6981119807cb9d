"""The audit trail of real processes that are killed: no change without its record, one chain, sealed at once again."""

import asyncio
import itertools
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.kit.images import image
from tests.kit.parts.postgres import fresh_database, postgres
from tests.kit.server import Server, serve
from wharfinger.access.audit import Audit
from wharfinger.access.verifying import Report, verify
from wharfinger.meta import audit, chain
from wharfinger.meta.audit import Filter, Record
from wharfinger.meta.db import open_database

pytestmark = pytest.mark.system

KILLS = 12
PULLS = 20
WORKER_KILLS = (4, 9)


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


@dataclass
class Clients:
    """Clients that push and pull, and what was acknowledged to them: a repository for each push."""

    server: Server
    acknowledged: list[str] = field(default_factory=list)
    progress: asyncio.Event = field(default_factory=asyncio.Event)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def push_and_pull(self, number: int) -> None:
        what = image(seed=number)
        for attempt in itertools.count():
            if self.enough.is_set():
                return
            repository = f"team/app-{number}-{attempt}"
            async with self.server.client() as client:
                with suppress(httpx2.HTTPError, AssertionError):
                    await client.push_image(repository, what, "1")
                    self.acknowledged.append(repository)
                    self.progress.set()
                    await client.get_manifest(repository, "1")

    async def kill_now_and_then(self) -> None:
        chance = random.Random(4)
        for number in range(KILLS):
            self.progress.clear()
            await self.progress.wait()
            await asyncio.sleep(chance.uniform(0, 0.6))
            victims = self.server.processes("worker" if number in WORKER_KILLS else "housekeeping")
            for pid in victims[:1]:
                os.kill(pid, signal.SIGKILL)
        self.enough.set()


async def when_sealed(url: str, key: Path, *, seconds: float) -> Report:
    """What verify says of the whole trail once everything is sealed."""
    db = open_database(url)
    try:
        for _ in range(int(seconds / 0.1)):
            if not (await db.read(chain.count_unsealed)).count:
                return await verify(Audit(db, key), None, time.time)
            await asyncio.sleep(0.1)
    finally:
        await db.close()
    raise AssertionError("there are records that nobody seals")


async def recorded(url: str, action: str) -> list[Record]:
    db = open_database(url)
    try:
        found: list[Record] = []
        while page := await db.read(
            audit.page, Filter(action=action), (found[-1].at, found[-1].id) if found else None, 1000
        ):
            found += page
    finally:
        await db.close()
    return found


async def test_processes_that_are_killed_leave_one_whole_chain(running: tuple[Server, str, Path]) -> None:
    server, url, data = running
    clients = Clients(server)
    async with asyncio.timeout(400):
        await asyncio.gather(*(clients.push_and_pull(number) for number in range(3)), clients.kill_now_and_then())
    server.wait_ready()
    report = await when_sealed(url, data / "keys/audit.pem", seconds=60)
    assert report.findings == []
    pushed = [record.repository for record in await recorded(url, "push")]
    assert len(clients.acknowledged) >= KILLS
    assert report.records > 4 * KILLS
    assert set(clients.acknowledged) <= set(pushed)
    assert len(pushed) == len(set(pushed))
    print(f"{len(clients.acknowledged)} pushes acknowledged, {report.records} records")


async def test_no_pull_is_forgotten_when_the_worker_is_killed_that_answered_it(
    running: tuple[Server, str, Path],
) -> None:
    server, url, data = running
    async with server.client() as client:
        await client.push_image("team/app", image(), "1")
        for _ in range(PULLS):
            (await client.get_manifest("team/app", "1")).raise_for_status()
    for pid in server.processes("worker"):
        os.kill(pid, signal.SIGKILL)
    server.wait_ready()
    report = await when_sealed(url, data / "keys/audit.pem", seconds=60)
    assert report.findings == []
    assert sum(record.count for record in await recorded(url, "pull")) == PULLS


async def test_a_record_is_sealed_a_second_after_it_was_made(running: tuple[Server, str, Path]) -> None:
    """Ten times as long is given here, or the test would be of the machine."""
    server, url, data = running
    async with server.client() as client:
        await client.push_image("team/app", image(), "1")
    assert (await when_sealed(url, data / "keys/audit.pem", seconds=10)).records > 4


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
            async with nodes[number % 2].client() as client:
                await client.push_image(f"team/app-{number}", image(seed=number), "1")
            if number == 10:
                for pid in nodes[0].processes("housekeeping"):
                    os.kill(pid, signal.SIGKILL)
        report = await when_sealed(plain, key, seconds=60)
    assert report.findings == []
    assert not any("another key" in note for note in report.notes)
    assert report.records > 60
