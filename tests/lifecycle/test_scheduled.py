"""Runs that begin by themselves, and runs whose server ended in the middle."""

import asyncio
from typing import Any

from sqlalchemy import Connection, select

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.images import Image
from tests.lifecycle.kit import Ended, another, dying, in_force, plan, policy, present, push, somebody_was_here
from wharfinger.access.caller import system
from wharfinger.lifecycle import plan_file
from wharfinger.lifecycle.runs import LEASE, LEASE_SECONDS, Asked, Runs
from wharfinger.meta import leases
from wharfinger.meta.schema_access import leases as rows

DAILY = "schedule: '0 3 * * *'\n    ceiling: 100%"


async def stock(registry: Registry) -> list[Image]:
    """Two old images and a new one, in each of two repositories."""
    made = [await push(registry, repository, f"t{n}", n) for repository in ("shop/a", "shop/b") for n in (1, 2)]
    registry.clock.advance(days=10)
    return [*made, await push(registry, "shop/a", "new", 3)]


async def runs(registry: Registry) -> list[Any]:
    """The reports of all runs, the oldest first."""
    listed = (await Caller(registry.client)("GET", "/lifecycle/runs"))["runs"]
    return [await Caller(registry.client)("GET", f"/lifecycle/runs/{run['id']}") for run in reversed(listed)]


async def test_a_schedule_begins_one_run_for_each_time_that_comes(registry: Registry) -> None:
    made = await stock(registry)
    await in_force(registry, policy("delete: {pushed_before: 7d}", more=DAILY))
    sweep, other = registry.services.lifecycle.scheduled.sweep, another(registry).scheduled.sweep
    assert await sweep() == 0  # nothing is due since the policy was made
    registry.clock.advance(days=1)
    await somebody_was_here(registry)
    assert await sweep() + await other() == 1
    assert await sweep() + await other() == 0
    (found,) = await runs(registry)
    assert (found["run"]["kind"], found["run"]["state"], found["counts"]) == ("schedule", "finished", {"deleted": 4})
    assert (found["run"]["report"]["policy"], found["run"]["report"]["plan"]["delete"]) == ("p", 4)
    assert await present(registry, "shop/a", made[0], made[4]) == [False, True]
    registry.clock.advance(days=3)
    await somebody_was_here(registry)
    assert await sweep() == 1  # once for the three days
    assert await sweep() == 0


async def test_a_scheduled_run_leaves_what_is_over_the_ceiling_and_observes_only(registry: Registry) -> None:
    await stock(registry)
    await in_force(registry, policy("delete: {pushed_before: 7d}", more=DAILY.replace("100%", "50%")))
    registry.clock.advance(days=1)
    await somebody_was_here(registry)
    assert await registry.services.lifecycle.scheduled.sweep() == 1
    (found,) = await runs(registry)
    assert found["counts"] == {"deleted": 2, "over": 2}  # two of three, rounded up, and two of two
    assert {item["repository"] for item in found["items"] if item["state"] == "over"} == {"shop/b"}
    assert found["run"]["report"]["plan"]["over_ceiling"] == ["shop/b"]
    await in_force(registry, policy("delete: {}", more=f"mode: observe\n    {DAILY}"))
    registry.clock.advance(days=1)
    await somebody_was_here(registry)
    assert await registry.services.lifecycle.scheduled.sweep() == 1
    observed = (await runs(registry))[1]
    assert (observed["counts"], observed["run"]["report"]["plan"]["observed"]) == ({}, 4)


async def test_a_clock_that_is_a_day_ahead_deletes_nothing(registry: Registry) -> None:
    made = await stock(registry)
    await in_force(registry, policy("delete: {pushed_before: 7d}", more=DAILY))
    registry.clock.advance(days=30)
    assert await registry.services.lifecycle.scheduled.sweep() == 1
    (found,) = await runs(registry)
    assert found["run"]["state"] == "refused"
    assert "more than a day ahead of the newest record" in found["run"]["report"]["why"]
    assert await present(registry, "shop/a", *made[:2]) == [True, True]


async def test_a_run_that_was_interrupted_is_finished_or_taken_back(registry: Registry) -> None:
    made = await stock(registry)
    await in_force(registry, policy("delete: {pushed_before: 7d}"))
    raw, other = await plan(registry), another(registry).runs
    killed_after = 0
    for killed_after in range(12):
        killed = dying(registry, killed_after)
        try:
            run = await killed.runs._begin(system("tests", registry.clock.now), plan_file.parse(raw), Asked())
            await killed.runs.perform(run)
            break
        except Ended:
            registry.clock.advance(1)
        assert await other.resume() == 0  # somebody may still be at it
        registry.clock.advance(LEASE_SECONDS + 1)
        while await other.resume():
            pass
        found = (await runs(registry) or [None])[-1]
        if found is None:
            continue  # killed before there was a run
        gone = [not each for each in await present(registry, "shop/a", *made[:2])]
        assert found["run"]["state"] in {"finished", "interrupted"}
        assert gone == [found["run"]["state"] == "finished"] * 2
        if found["run"]["state"] == "finished":
            assert (found["counts"], found["run"]["report"]["resumed"]) == ({"deleted": 4}, 1)
            await Caller(registry.client)("POST", f"/lifecycle/runs/{found['run']['id']}/undo")
        else:
            assert found["counts"] == {}
            assert "nothing was deleted" in found["run"]["report"]["why"]
    assert killed_after > 4


async def test_however_long_a_step_takes_nobody_else_takes_the_run_over(registry: Registry) -> None:
    db, by = registry.services.db, system("tests", registry.clock())
    busy = Runs(db, registry.clock, another(registry).runs._doing, renew_seconds=0.01)
    run, other = await db.write(busy.make, "plan", by, registry.clock(), {}), another(registry).runs
    async with busy.keeping():
        for _ in range(3):
            registry.clock.advance(seconds=LEASE_SECONDS - 1)
            await _renewed(registry)
            assert await other.resume() == 0
    await db.write(busy.refuse, run, "enough")
    assert await db.write(other.is_free)


async def test_who_has_given_a_lease_back_does_not_get_it_by_keeping_it_longer(registry: Registry) -> None:
    db, now = registry.services.db, registry.clock()
    await db.write(leases.take, LEASE, "one", now, now + 1)
    await db.write(leases.give_back, LEASE, "one")
    await db.write(leases.renew, LEASE, "one", now + 9)
    assert await db.write(leases.take, LEASE, "two", now, now + 9)
    await db.write(leases.renew, LEASE, "one", now + 99)
    assert await db.read(_held_until) == now + 9


async def _renewed(registry: Registry) -> None:
    for _ in range(2000):
        if await registry.services.db.read(_held_until) == registry.clock() + LEASE_SECONDS:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the lease was not kept for longer")


def _held_until(tx: Connection) -> float:
    return float(tx.execute(select(rows.c.until).where(rows.c.name == LEASE)).scalar_one())
