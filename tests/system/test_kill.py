"""kill -9 at any moment: what was acknowledged is there, what was not is there whole or not at all, nothing leaks."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

import pytest
from prometheus_client import CollectorRegistry

from tests.kit import facts
from tests.kit.backends import Backend, backend, local
from tests.kit.client import location_of
from tests.kit.effort import times
from tests.kit.forks import forking
from tests.kit.images import blob
from tests.kit.ledger import Ledger
from tests.kit.pusher import Pusher
from tests.kit.server import Server, group, serve
from wharfinger import services as wiring
from wharfinger.config import Settings
from wharfinger.serving.roles import Role

pytestmark = pytest.mark.system

KILLS = times(60)
PUSHERS = 4
DAY = 86400.0


@dataclass
class Killing:
    """Clients that push, a server that is killed, and what the clients remember."""

    server: Server
    backend: Backend
    chance: random.Random
    fresh: Ledger = field(default_factory=Ledger)
    settled: Ledger = field(default_factory=Ledger)
    hashed: set[str] = field(default_factory=set)
    shared: list[bytes] = field(default_factory=list)
    kills: int = 0

    def __post_init__(self) -> None:
        self.client = self.server.client()
        # Two connections each: they may lead to different workers.
        self.pushers = [
            Pusher(
                f"team/app-{number}",
                (self.server.client(), self.server.client()),
                self.fresh,
                random.Random(number),
                self.shared,
            )
            for number in range(PUSHERS)
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in (self.client, *(client for pusher in self.pushers for client in pusher.clients)):
            await client.close()

    async def push_and(self, kill: Callable[[], None]) -> None:
        """Push from all clients and call ``kill`` in the middle of it; who does not notice pushes for a moment more."""
        self.shared[:] = [self.chance.randbytes(3000) for _ in range(3)]
        for pusher in self.pushers:
            pusher.enough.clear()
        async with asyncio.TaskGroup() as tasks:
            pushing = [tasks.create_task(pusher.push_until_killed()) for pusher in self.pushers]
            await self._progress(self.chance.randrange(60))
            kill()
            self.kills += 1
            await asyncio.wait(pushing, timeout=0.3)
            for pusher in self.pushers:
                pusher.enough.set()

    async def _progress(self, requests: int) -> None:
        """Return a moment after so many requests more were acknowledged."""
        await self.fresh.reached(self.fresh.count + requests)
        await asyncio.sleep(self.chance.uniform(0, 0.02))

    def kill_one(self) -> None:
        """Kill one process of the server."""
        os.kill(self.chance.choice(group(self.server.pid)), signal.SIGKILL)

    async def verify(self) -> None:
        """All that was told in this round, and the state of database and bytes."""
        await self.fresh.verify(self.client)
        self.fresh.settle(self.settled)
        assert facts.check(self.backend.database, self.backend.shelf, self.hashed) == []

    async def verify_everything(self) -> None:
        """All that was told in any round, and the bytes of every blob once more."""
        await self.settled.verify(self.client)
        assert facts.check(self.backend.database, self.backend.shelf) == []

    @property
    def summary(self) -> str:
        intact = f"{len(self.settled.blobs)} blobs and {len(self.settled.manifests)} manifests intact"
        return f"{self.kills} kills, {self.fresh.count} requests acknowledged, {intact},"

    async def sweep(self, settings: Settings) -> int:
        """Let every session expire and be swept; how many were. Afterwards nothing is left that no blob needs."""
        services = wiring.build(settings, CollectorRegistry(), lambda: time.time() + 30 * DAY)
        swept = 0
        while (more := await services.uploads.sweep()) > 0:
            swept += more
        await services.close()
        assert facts.leftovers(self.backend.database, self.backend.shelf) == []
        return swept


@pytest.mark.parametrize(
    ("kind", "workers", "kills"), [("local", 1, KILLS), ("local", 4, KILLS // 4), ("shared", 2, KILLS // 20)]
)
async def test_what_was_acknowledged_survives_every_kill(kind: str, workers: int, kills: int, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with backend(kind, tmp_path) as there, forking(data, there) as (parent, server):
        server.launch = lambda: parent.fork(*[Role.WORKER] * workers)
        async with Killing(server, there, random.Random(workers)) as killing:
            while killing.kills < kills:
                server.start()
                await killing.verify()
                if workers > 1 and killing.chance.random() < 0.5:
                    await killing.push_and(killing.kill_one)
                await killing.push_and(server.kill)
            server.start()
            await killing.verify()
            await killing.verify_everything()
            server.kill()
            print(killing.summary, await killing.sweep(parent.order.settings), "sessions swept")


async def test_killed_processes_of_a_server_are_replaced_and_a_killed_supervisor_takes_all_with_it(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    with serve(data, workers=2) as server:
        async with Killing(server, local(data), random.Random(3)) as killing:
            for role, count in (("worker", 2), ("housekeeping", 1), ("worker", 2)):
                (victim, *_) = await processes(server, role, count)
                await killing.push_and(partial(os.kill, victim, signal.SIGKILL))
                assert victim not in await processes(server, role, count)
                await killing.verify()
            for kill in (lambda: os.kill(server.pid, signal.SIGKILL), server.kill):
                await killing.push_and(kill)
                assert group_ends(server.pid)
                server.kill()
                server.start()
                await killing.verify()
            await killing.verify_everything()


def group_ends(number: int) -> bool:
    """Whether every process of the group is gone soon, without any help."""
    deadline = time.monotonic() + 5
    while group(number) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not group(number)


async def processes(server: Server, role: str, count: int) -> list[int]:
    """The processes of this role, once there are so many and the server answers."""
    deadline = time.monotonic() + 60
    while len(found := server.processes(role)) != count:
        assert time.monotonic() < deadline, f"{len(found)} processes instead of {count}"
        await asyncio.sleep(0.05)
    server.wait_ready()
    return found


async def test_the_sweep_leaves_nothing_however_often_it_is_killed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    there, chance, kills = local(data), random.Random(4), 0
    with forking(data, there, environment={"WHARF_UPLOAD_EXPIRY": "1s"}) as (parent, server):
        server.start()
        async with server.client() as client:
            for number in range(60):
                location = location_of(await client.start_upload("team/app"))
                await client.patch(location, blob(2000, number))
                await client.patch(location, blob(3000, number))
        server.kill()
        await asyncio.sleep(1)
        while facts.leftovers(there.database, there.shelf):
            server.running = parent.fork(Role.HOUSEKEEPING)
            await asyncio.sleep(chance.uniform(0, 0.05 + kills * 0.005))  # in the end it gets far enough
            server.kill()
            kills += 1
            assert facts.check(there.database, there.shelf) == []
        print(f"{kills} kills of housekeeping")


async def test_housekeeping_removes_what_killed_uploads_left(tmp_path: Path) -> None:
    data = tmp_path / "data"
    there = local(data)
    with serve(data, environment={"WHARF_UPLOAD_EXPIRY": "1s"}) as server:
        async with server.client() as client:
            location = location_of(await client.start_upload("team/app"))
            await client.patch(location, blob(2000))
        server.kill()
        assert facts.leftovers(there.database, there.shelf)
        await asyncio.sleep(1)
        server.start()
        deadline = time.monotonic() + 60
        while facts.leftovers(there.database, there.shelf):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
