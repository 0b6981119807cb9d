"""kill -9 while a run deletes, and while it is taken back: each repository is done whole or not at all, and it goes on.

`wharf serve` with two workers. Who finishes a run first waits until the lease of the killed process is over.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.caller import Caller, ask
from tests.kit import facts
from tests.kit.backends import local
from tests.kit.client import Client, require
from tests.kit.images import blob, image
from tests.kit.server import Server, serve

pytestmark = pytest.mark.system

REPOSITORIES = 10
SHARED = blob(2000, 1)
GOING = [image(layers=[SHARED, blob(100, number)], seed=number) for number in (1, 2)]
STAYING = image(layers=[SHARED], seed=3)
POLICY = """version: 1
lifecycle:
  - {name: p, repositories: '**', ceiling: 100%, rules: [delete: {tags: old-*}]}
"""
BROWNOUT = POLICY.replace("ceiling", "brownout: 3d, ceiling")
SECONDS = 120


def names() -> list[str]:
    return [f"shop/of-{number:02}" for number in range(REPOSITORIES)]


@dataclass
class Killed:
    """A server that is killed, and what its database says of a run behind its back."""

    server: Server
    data: Path

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.data / "wharf.db", timeout=30)) as db, db:
            return db.execute(query, values).fetchall()

    def states(self, run: int) -> dict[str, set[str]]:
        """By repository, the states of its images."""
        query = """SELECT repositories.name, state FROM lifecycle_run_items JOIN repositories
                   ON repositories.id = repository_id WHERE run_id = ?"""
        found: dict[str, set[str]] = {}
        for name, state in self.rows(query, run):
            found.setdefault(name, set()).add(state)
        return found

    async def kill_when(self, is_time: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not is_time():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
        self.server.kill()
        assert facts.check(local(self.data).database, local(self.data).shelf) == []

    def start(self) -> None:
        self.server.start()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with self.server.client() as client:
            yield client

    async def ended(self, run: int) -> Any:
        """The report of the run, once it has ended."""
        deadline = time.monotonic() + SECONDS
        async with self.client() as client:
            while True:
                found = await Caller(client)("GET", f"/lifecycle/runs/{run}?n=1000")
                if found["run"]["finished_at"] is not None:
                    return found
                assert time.monotonic() < deadline, found
                await asyncio.sleep(0.05)

    async def until(self, run: int, state: str) -> None:
        """Return when all images of the run are so."""
        deadline = time.monotonic() + SECONDS
        while not self.states(run) or set().union(*self.states(run).values()) != {state}:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)

    async def stock(self, policy: str = POLICY) -> None:
        async with self.client() as client:
            for name in names():
                for number, each in enumerate(GOING):
                    await client.push_image(name, each, f"old-{number}")
                await client.push_image(name, STAYING, "new")
            await Caller(client)("POST", "/policy/apply", {"policy": policy})

    async def begin(self) -> int:
        async with self.client() as client:
            plan = require(await ask(client, "POST", "/lifecycle/plan", {}), 200).content
            headers = {"Content-Type": "application/jsonl"}
            begun = await client.request("POST", "/api/v1/lifecycle/apply", content=plan, headers=headers)
            return int(require(begun, 202).json()["id"])

    async def undo(self, run: int) -> None:
        """Ask for it; the answer may never come."""
        with suppress(httpx2.HTTPError):
            async with self.client() as client:
                await ask(client, "POST", f"/lifecycle/runs/{run}/undo")

    async def live(self) -> dict[str, set[str]]:
        """By repository, the tags that are there; those of one of them can be pulled with every byte."""
        query = "SELECT repositories.name, tags.name FROM tags JOIN repositories ON repositories.id = repository_id"
        found: dict[str, set[str]] = {}
        for name, tag in self.rows(query):
            found.setdefault(name, set()).add(tag)
        async with self.client() as client:
            for tag in found[names()[-1]]:
                await client.pull_image(names()[-1], tag)
        return found


def done(states: dict[str, set[str]], wanted: str) -> int:
    return sum(each == {wanted} for each in states.values())


def is_whole(states: dict[str, set[str]]) -> bool:
    """Of no repository a part was done."""
    return all(len(each) == 1 for each in states.values())


def all_tags(*tags: str) -> dict[str, set[str]]:
    return {name: set(tags) for name in names()}


async def killed_while_it_deletes(killed: Killed, after: int) -> int:
    """The run, finished by the next server."""
    run = await killed.begin()
    await killed.kill_when(lambda: done(killed.states(run), "deleted") >= after)
    states = killed.states(run)
    assert is_whole(states)
    before = done(states, "deleted")
    killed.start()
    report = await killed.ended(run)
    assert (report["run"]["state"], report["counts"]) == ("finished", {"deleted": 2 * REPOSITORIES})
    assert report["run"]["report"].get("resumed", 0) == (1 if before < REPOSITORIES else 0)
    print(f"killed with {before} of {REPOSITORIES} repositories done")
    return run


async def killed_while_it_is_undone(killed: Killed, run: int, after: int) -> None:
    asking = asyncio.create_task(killed.undo(run))
    await killed.kill_when(lambda: done(killed.states(run), "restored") >= after)
    await asking
    states = killed.states(run)
    assert is_whole(states)
    before = done(states, "restored")
    killed.start()
    async with killed.client() as client:
        undone = await Caller(client)("POST", f"/lifecycle/runs/{run}/undo")
        report = (await Caller(client)("GET", f"/lifecycle/runs/{run}?n=1000"))["run"]
    left = 2 * (REPOSITORIES - before)
    assert (undone["restored"], undone["lost"], undone["tags_left"]) == (left, [], [])
    assert (report["state"], report["report"]["images"]) == ("undone", {"restored": 2 * REPOSITORIES})
    print(f"killed with {before} of {REPOSITORIES} repositories brought back")


async def test_a_run_whose_server_is_killed_is_finished_and_can_be_undone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serve(data, workers=2) as server:
        killed = Killed(server, data)
        await killed.stock()
        run = await killed_while_it_deletes(killed, after=1)
        assert await killed.live() == all_tags("new")
        await killed_while_it_is_undone(killed, run, after=2)
        assert await killed.live() == all_tags("new", "old-0", "old-1")
        server.kill()
        assert facts.check(local(data).database, local(data).shelf) == []


async def test_who_was_answered_in_a_brown_out_relies_on_it_though_the_server_is_killed_at_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serve(data, workers=2) as server:
        killed = Killed(server, data)
        await killed.stock(BROWNOUT)
        run = await killed.begin()
        await killed.until(run, "doomed")
        async with server.client() as client:
            answer = require(await client.get_manifest(names()[3], "old-1"), 200)
            assert "put off by a pull" in answer.headers["warning"]
            server.kill()
        assert killed.rows("SELECT count(*) FROM lifecycle_run_items WHERE state = 'spared'") == [(1,)]
        killed.rows("UPDATE lifecycle_run_items SET goes_at = 1 WHERE goes_at IS NOT NULL")  # the three days are over
        killed.rows("UPDATE lifecycle_runs SET report = json_set(report, '$.goes_at', 1)")
        killed.start()
        report = await killed.ended(run)
        assert (report["run"]["state"], report["counts"]) == (
            "finished",
            {"spared": 1, "deleted": 2 * REPOSITORIES - 1},
        )
        assert await killed.live() == all_tags("new") | {names()[3]: {"new", "old-1"}}
