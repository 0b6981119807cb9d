"""A plan that other processes judge: the same plan, and nothing of them is left behind."""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from bench.lifecycle import NOW, make
from wharfinger.access.caller import system
from wharfinger.errors import Unavailable
from wharfinger.lifecycle import crews, surveying
from wharfinger.lifecycle.book import PolicyBook
from wharfinger.lifecycle.crews import Batch
from wharfinger.lifecycle.plans import Plans
from wharfinger.lifecycle.surveying import Survey, Written
from wharfinger.lifecycle.units import SECOND
from wharfinger.meta import lifecycle_blobs, lifecycle_facts
from wharfinger.meta.db import Database
from wharfinger.tagging.guard import RuleBook, TagGuard

SECONDS = 240.0
IMAGES, REPOSITORIES = 1500, 15

_BEGIN = """
import asyncio, multiprocessing, sys
from tests.lifecycle.test_crews import lines, one_by_one
from wharfinger.meta.db import open_database

async def begin():
    db = open_database(sys.argv[1])
    async for _ in lines(db, await one_by_one(db)):
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        await asyncio.sleep(600)

if __name__ == "__main__":
    asyncio.run(begin())
"""


@pytest.fixture
def stocked(database_url: str, db: Database) -> Database:
    """Images in repositories, one with a thousand."""
    make(database_url, IMAGES)
    return db


async def one_by_one(db: Database) -> list[Batch]:
    """Each repository in a batch of its own."""
    return [[each] for each in await db.read(lifecycle_facts.repositories_after, "", IMAGES)]


def lines(db: Database, batches: list[Batch]) -> AsyncGenerator[Written, None]:
    """What other processes say of them."""

    async def ask() -> AsyncGenerator[Written, None]:
        async def each() -> AsyncIterator[Batch]:
            for batch in batches:
                yield batch

        async with crews.others(db, await _survey(db)) as those, aclosing(those.lines(each())) as found:
            async for line in found:
                yield line

    return ask()


async def _survey(db: Database) -> Survey:
    policies = await db.read(PolicyBook().policies)
    return Survey(policies, TagGuard(RuleBook()).undeletable, round(NOW * SECOND), NOW)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():  # noqa: ASYNC110  that a process has ended is told by nobody
            await asyncio.sleep(0.05)


async def _plan(db: Database, many: int) -> list[bytes]:
    plans = Plans(db, lambda: NOW, PolicyBook(), TagGuard(RuleBook()).undeletable, many=many)
    return [line async for line in (await plans.plan(system("test", NOW))).lines]


async def test_a_plan_is_the_same_whoever_judges(stocked: Database) -> None:
    here = await _plan(stocked, many=IMAGES)
    assert await _plan(stocked, many=0) == here
    assert len(here) == REPOSITORIES + 1
    assert b'"frees":0' not in here[-1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_repositories_come_in_their_order_and_their_blobs_with_them(stocked: Database) -> None:
    shared = await stocked.read(lifecycle_blobs.shared)
    batches, survey = await one_by_one(stocked), replace(await _survey(stocked), shared=shared)
    here = [line for batch in batches for line in await stocked.read(surveying.lines, batch, survey)]
    assert [line async for line in lines(stocked, batches)] == here
    assert any(line.waiting for line in here)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_who_wants_no_more_leaves_no_process_behind(stocked: Database) -> None:
    async with aclosing(lines(stocked, await one_by_one(stocked))) as found:
        await anext(found)
        assert multiprocessing.active_children()
    await _until(lambda: not multiprocessing.active_children())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_when_one_is_killed_the_plan_ends_with_a_refusal(stocked: Database) -> None:
    batches = await one_by_one(stocked)
    async with aclosing(lines(stocked, batches * 20)) as found:
        await anext(found)
        multiprocessing.active_children()[0].kill()
        with pytest.raises(Unavailable, match="was killed"):
            [_ async for _ in found]
    await _until(lambda: not multiprocessing.active_children())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_they_end_when_who_began_them_is_killed(stocked: Database, tmp_path: Path) -> None:
    script = tmp_path / "begin.py"
    script.write_text(_BEGIN)
    paths = os.pathsep.join(path for path in sys.path if path)
    beginner = await asyncio.create_subprocess_exec(
        *(sys.executable, script, stocked.url),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert beginner.stdout is not None
    try:
        async with asyncio.timeout(SECONDS):
            begun = [int(pid) for pid in (await beginner.stdout.readline()).split()]
    finally:
        beginner.kill()
        await beginner.wait()
    assert begun
    await _until(lambda: not any(map(_is_running, begun)))


def _is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
