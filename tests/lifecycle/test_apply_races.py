"""A run that deletes, and whoever keeps its image, on two connections of PostgreSQL, in both orders.

The first one's transaction is held open after its last statement. Then the second one runs as far as it can. Then the
first commits. The run has looked at the repository before either: what counts is that it looks again.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.kit.clock import Clock
from tests.kit.held import Held, race
from tests.kit.images import image, index
from tests.kit.parts.postgres import fresh_database
from tests.registry.shop import REPO, Shop
from wharfinger.access.caller import system
from wharfinger.errors import ManifestBlobUnknown, ManifestUnknown
from wharfinger.lifecycle import plan_file, service
from wharfinger.lifecycle.service import Lifecycle
from wharfinger.lifecycle.units import SECOND
from wharfinger.meta import lifecycle_runs, policy_sections, pulls
from wharfinger.meta.db import open_database
from wharfinger.meta.lifecycle_runs import Done, Run
from wharfinger.registry.brownouts import Brownouts
from wharfinger.registry.in_use import Running
from wharfinger.registry.tag_changes import Where
from wharfinger.spec.names import Tag

pytestmark = [pytest.mark.system, pytest.mark.postgresql]

APP, OTHER = image(seed=1), image(seed=2)
BOTH = index([APP, OTHER])
POLICY = {
    "name": "p",
    "repositories": "**",
    "ceiling": "100%",
    "rules": [{"keep": {"any": [{"pulled_within": "1d"}, {"tags": "prod-*"}]}}, {"delete": {"pushed_before": "7d"}}],
}


@dataclass
class Two:
    """A run that is about to delete two images, and a shop beside it, each over a connection of its own."""

    shop: Shop
    mine: Held
    lifecycle: Lifecycle
    running: Held

    async def ready(self) -> Run:
        """A run of which all is written down and nothing is done."""
        runs, now = self.lifecycle.runs, self.shop.clock()
        run: Run = await self.running.write(runs.make, "plan", system("tests", now), now, {"skip_changed": True})
        plan = await self.lifecycle.plans.plan(system("tests", now))
        *parts, _ = [line async for line in plan.lines]
        return await runs._write_all(run, map(plan_file.part, parts))

    async def after(self, change: Callable[[Shop], Awaitable[Any]]) -> tuple[Any, Run]:
        """The change comes first: what came of it, and of the run."""
        run = await self.ready()
        self.mine.arm()
        return await race(self.mine, change(self.shop), lambda: self.lifecycle.runs.perform(run))

    async def before(self, change: Callable[[Shop], Awaitable[Any]]) -> tuple[Run, Any]:
        """The run comes first."""
        run = await self.ready()
        self.running.arm("_do")
        return await race(self.running, self.lifecycle.runs.perform(run), lambda: change(self.shop))

    async def states(self, run: Run) -> dict[str, str]:
        """What became of each image that the run lists."""
        return {item.digest: item.state for _, item in await self.shop.db.read(lifecycle_runs.items, run.id, 10)}


@pytest.fixture
async def two(postgres_server: str, migrated_database: str, clock: Clock) -> AsyncIterator[Two]:
    with fresh_database(postgres_server, template=migrated_database) as url:
        mine, running = Held(open_database(url)), Held(open_database(url))
        shop, other = Shop(mine.as_database, clock), Shop(running.as_database, clock)
        undeletable = other.guard.undeletable
        lifecycle = service.build(running.as_database, clock, other.trash, other.changes, undeletable)
        await shop.push(APP, "old")
        await shop.push(OTHER, "older")
        await shop.db.write(policy_sections.write, "lifecycle", json.dumps([POLICY]), clock())
        clock.advance(days=10)
        yield Two(shop, mine, lifecycle, running)
        await mine.close()
        await running.close()


async def tagged(shop: Shop) -> None:
    await shop.tag(APP, "prod-7")


async def pushed_again(shop: Shop) -> None:
    await shop.put(APP, "prod-8")


async def held(shop: Shop) -> None:
    await shop.holds.add(shop.by(), REPO, APP.digest, None, "an audit")


async def reported(shop: Shop) -> Any:
    return await shop.in_use.report(shop.by(), "prod", 3600, [Running(REPO, APP.digest)])


async def listed(shop: Shop) -> None:
    await shop.put(BOTH, "prod-9")


KEEPING = (tagged, pushed_again, held, reported, listed)


@pytest.mark.parametrize("change", KEEPING, ids=lambda change: change.__name__)
async def test_what_comes_first_keeps_the_image(two: Two, change: Callable[[Shop], Awaitable[Any]]) -> None:
    said, run = await two.after(change)
    assert not isinstance(said, Exception)
    kept = {APP.digest, OTHER.digest} if change is listed else {APP.digest}
    states = await two.states(run)
    assert {digest for digest, state in states.items() if state == "changed"} == kept, states
    assert kept <= await two.shop.live()
    assert await two.shop.trashed() == {APP.digest, OTHER.digest} - kept


async def test_a_tag_that_comes_second_is_told_that_the_image_is_gone(two: Two) -> None:
    run, said = await two.before(tagged)
    assert isinstance(said, ManifestUnknown)
    assert set((await two.states(run)).values()) == {"deleted"}


async def test_a_hold_that_comes_second_is_told_that_the_image_is_gone(two: Two) -> None:
    _, said = await two.before(held)
    assert isinstance(said, ManifestUnknown)
    assert await two.shop.trashed() == {APP.digest, OTHER.digest}


async def test_a_push_that_comes_second_brings_the_image_back(two: Two) -> None:
    run, said = await two.before(pushed_again)
    assert said is None
    assert set((await two.states(run)).values()) == {"deleted"}
    assert await two.shop.tags() == {"prod-8": APP.digest}
    assert (await two.shop.live(), await two.shop.trashed()) == ({APP.digest}, {OTHER.digest})


async def test_a_report_that_comes_second_is_told_what_is_not_here_and_keeps_it_from_then_on(two: Two) -> None:
    _, said = await two.before(reported)
    assert (said.images, [one.reference for one in said.unknown]) == (0, [APP.digest])
    await two.shop.restore(APP)
    again = await two.ready()
    assert (await two.lifecycle.runs.perform(again)).state == "finished"
    assert await two.shop.live() == {APP.digest}


async def test_an_index_that_comes_second_is_told_which_children_are_missing(two: Two) -> None:
    _, said = await two.before(listed)
    assert isinstance(said, ManifestBlobUnknown)
    assert await two.shop.live() == set()


async def pulled(shop: Shop) -> str:
    await shop.db.write(pulls.note, {(REPO, APP.digest): shop.clock()})
    return "noted"


async def test_a_pull_that_is_noted_after_the_look_keeps_the_image(two: Two) -> None:
    run, runs, db = await two.ready(), two.lifecycle.runs, two.running
    ((key, name),) = await db.read(lifecycle_runs.repositories_with, run.id, Done.WAITING)
    seen = await db.read(runs._doing.look, Where(name, key), round(run.clock * SECOND), two.shop.clock())
    await pulled(two.shop)
    assert await db.write(runs._do, run, Where(name, key), seen)
    assert await two.states(run) == {APP.digest: "changed", OTHER.digest: "deleted"}
    assert await two.shop.live() == {APP.digest}


async def test_a_pull_that_comes_second_waits_for_nobody(two: Two) -> None:
    _, said = await two.before(pulled)
    assert said == "noted"
    assert await two.shop.trashed() == {APP.digest, OTHER.digest}


# --- a brown-out that ends, and who pulls just then


async def in_brownout(two: Two) -> Run:
    """A run whose brown-out has ended, and nothing is done yet."""
    await two.shop.db.write(policy_sections.write, "lifecycle", json.dumps([POLICY | {"brownout": "3d"}]), 1.0)
    run = await two.lifecycle.runs.perform(await two.ready())
    assert set((await two.states(run)).values()) == {"doomed"}
    two.shop.clock.advance(days=3)
    return run


async def asked_for(shop: Shop) -> bytes | None:
    return await Brownouts(shop.db, lambda _by: True).pulled(shop.by(), REPO, Tag("old"), APP.digest)


async def test_a_pull_that_comes_before_the_end_of_the_brown_out_keeps_the_image(two: Two) -> None:
    run = await in_brownout(two)
    two.mine.arm("_spare")
    said, ended = await race(two.mine, asked_for(two.shop), lambda: two.lifecycle.runs.perform(run))
    assert b"put off by a pull" in said
    assert ended.state == "finished"
    assert await two.states(run) == {APP.digest: "spared", OTHER.digest: "deleted"}
    assert await two.shop.live() == {APP.digest}


async def test_a_pull_that_comes_after_it_promises_nothing(two: Two) -> None:
    run = await in_brownout(two)
    two.running.arm("_end")
    ended, said = await race(two.running, two.lifecycle.runs.perform(run), lambda: asked_for(two.shop))
    assert (ended.state, said) == ("finished", None)
    assert set((await two.states(run)).values()) == {"deleted"}
