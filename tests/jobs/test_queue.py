"""Jobs are done at least once if their change was made, whoever dies, and once where they are asked for often."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.kit.clock import Clock
from wharfinger.errors import Unavailable
from wharfinger.jobs.queue import FIRST_DELAY, Queue
from wharfinger.meta import jobs
from wharfinger.meta.db import Database
from wharfinger.meta.jobs import Job

HELD = 60.0


@dataclass
class Doer:
    """Does jobs, or fails in the ways that it was given."""

    failures: list[Exception] = field(default_factory=list)
    done: list[tuple[str, Mapping[str, Any], int]] = field(default_factory=list)

    async def __call__(self, job: Job) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.done.append((job.key, job.payload, job.attempts))


async def enqueue(db: Database, key: str, now: float, **payload: Any) -> None:
    await db.write(jobs.enqueue, "scan", key, payload, now)


def queue(db: Database, doer: Any, clock: Clock) -> Queue:
    return Queue(db, {"scan": doer}, clock, held=HELD)


async def exhaust(each: Queue) -> int:
    count = 0
    while await each.once():
        count += 1
    return count


async def test_a_job_of_a_change_that_was_taken_back_is_none(db: Database, clock: Clock) -> None:
    def change(tx: Connection) -> None:
        jobs.enqueue(tx, "scan", "a", {}, clock())
        raise Unavailable("no")

    with pytest.raises(Unavailable):
        await db.write(change)
    assert await exhaust(queue(db, Doer(), clock)) == 0


async def test_the_oldest_is_done_first_and_only_what_it_knows_to_do(db: Database, clock: Clock) -> None:
    doer = Doer()
    await enqueue(db, "b", clock() - 1, size=2)
    await enqueue(db, "a", clock())
    await db.write(jobs.enqueue, "another", "c", {}, clock() - 2)
    assert await exhaust(queue(db, doer, clock)) == 2
    assert doer.done == [("b", {"size": 2}, 1), ("a", {}, 1)]
    assert [(each.kind, each.count) for each in await db.read(jobs.waiting)] == [("another", 1)]


async def test_asked_for_often_it_is_done_once_by_the_newest_word(db: Database, clock: Clock) -> None:
    doer = Doer()
    for number in range(3):
        await enqueue(db, "a", clock(), number=number)
    assert await exhaust(queue(db, doer, clock)) == 1
    assert doer.done == [("a", {"number": 2}, 1)]


async def test_asked_for_while_it_is_done_it_is_done_again(db: Database, clock: Clock) -> None:
    seen: list[int] = []

    async def ask_again(job: Job) -> None:
        seen.append(job.payload["number"])
        if len(seen) == 1:
            await enqueue(db, "a", clock(), number=2)

    await enqueue(db, "a", clock(), number=1)
    assert await exhaust(queue(db, ask_again, clock)) == 2
    assert seen == [1, 2]


async def test_what_fails_is_tried_again_later_and_later(db: Database, clock: Clock) -> None:
    doer = Doer([Unavailable("the store is away"), ValueError("a mistake of ours")])
    await enqueue(db, "a", clock())
    mine = queue(db, doer, clock)
    assert await exhaust(mine) == 1
    (waiting,) = await db.read(jobs.waiting)
    assert (waiting.count, waiting.failed) == (1, 1)
    clock.advance(FIRST_DELAY - 1)
    assert await exhaust(mine) == 0
    clock.advance(1)
    assert await exhaust(mine) == 1
    clock.advance(FIRST_DELAY * 2)
    assert await exhaust(mine) == 1
    assert doer.done == [("a", {}, 3)]
    assert await db.read(jobs.waiting) == []


async def test_what_a_dead_worker_had_is_taken_over_when_its_time_is_over(db: Database, clock: Clock) -> None:
    await enqueue(db, "a", clock())
    assert await db.write(jobs.claim, ("scan",), "dead", clock(), clock() + HELD) is not None
    doer = Doer()
    assert await exhaust(queue(db, doer, clock)) == 0
    clock.advance(HELD)
    assert await exhaust(queue(db, doer, clock)) == 1
    assert doer.done == [("a", {}, 2)]


async def test_who_comes_too_late_ends_nothing_of_whoever_took_over(db: Database, clock: Clock) -> None:
    await enqueue(db, "a", clock())
    slow = await db.write(jobs.claim, ("scan",), "slow", clock(), clock() + HELD)
    clock.advance(HELD)
    quick = await db.write(jobs.claim, ("scan",), "quick", clock(), clock() + HELD)
    assert slow is not None
    assert quick is not None
    assert not await db.write(jobs.finish, slow, "slow")
    assert not await db.write(jobs.postpone, slow, "slow", clock(), "too late")
    assert not await db.write(jobs.keep, slow, "slow", clock() + HELD)
    assert await db.write(jobs.keep, quick, "quick", clock() + HELD)
    assert await db.write(jobs.finish, quick, "quick")


async def test_several_workers_do_each_job_once(db: Database, clock: Clock) -> None:
    doer = Doer()
    for number in range(30):
        await enqueue(db, f"{number:02}", clock())
    counts = await asyncio.gather(*(exhaust(queue(db, doer, clock)) for _ in range(4)))
    assert sum(counts) == 30
    assert sorted(key for key, _, _ in doer.done) == [f"{number:02}" for number in range(30)]


async def test_a_job_that_takes_long_is_held_on_to(db: Database, clock: Clock) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def slow(_: Job) -> None:
        begun.set()
        await end.wait()

    await enqueue(db, "a", clock())
    task = asyncio.create_task(Queue(db, {"scan": slow}, clock, held=0.03).once())
    await begun.wait()
    clock.advance(1)  # by far longer than it holds; it takes hold again after a hundredth of a second
    async with asyncio.timeout(10):
        await _held(db, clock)
    assert not await queue(db, Doer(), clock).once()
    end.set()
    assert await task


async def _held(db: Database, clock: Clock) -> None:
    while await db.read(_held_until) < clock():  # noqa: ASYNC110  the one that writes it has no way to tell
        await asyncio.sleep(0.01)


async def test_a_worker_that_is_stopped_leaves_its_job_to_the_next(db: Database, clock: Clock) -> None:
    begun = asyncio.Event()

    async def endless(_: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    await enqueue(db, "a", clock())
    task = asyncio.create_task(queue(db, endless, clock).once())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    doer = Doer()
    assert await queue(db, doer, clock).once()
    assert doer.done == [("a", {}, 2)]


def _held_until(tx: Connection) -> float:
    return float(tx.exec_driver_sql("SELECT held_until FROM jobs").scalar() or 0.0)
