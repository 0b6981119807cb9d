"""The brown-out before images go: each pull works, is warned of it, and keeps its image until the next plan."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.client import Client, require
from tests.kit.images import Image, image, index
from tests.lifecycle.kit import (
    Ended,
    another,
    dying,
    in_force,
    plan,
    policy,
    present,
    push,
    refused,
    somebody_was_here,
    start,
)
from wharfinger.access.caller import Caller as Caller_
from wharfinger.access.grants import Identity
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import reading, writing
from wharfinger.lifecycle.rules import brownout_length
from wharfinger.lifecycle.runs import LEASE_SECONDS
from wharfinger.lifecycle.units import SECOND
from wharfinger.registry.brownouts import Brownouts
from wharfinger.spec.names import RepoName, Tag

MORE = "ceiling: 100%\n    brownout: 3d"
OLD = policy("delete: {pushed_before: 7d}", more=MORE)


async def waits(registry: Registry, raw: bytes, **how: Any) -> Any:
    """The report of a run that has come to its brown-out."""
    id = (await start(registry, raw, **how))["id"]
    for task in list(registry.services.lifecycle.runs._tasks):
        await task
    found = await report(registry, id)
    assert found["run"]["state"] == "brown-out"
    return found


async def report(registry: Registry, id: int) -> Any:
    return await Caller(registry.client)("GET", f"/lifecycle/runs/{id}")


async def ends(registry: Registry, id: int, **after: float) -> Any:
    """The report of the run after its brown-out, somebody having been here in the meantime."""
    registry.clock.advance(**(after or {"days": 3}))
    await somebody_was_here(registry)
    await registry.services.keeping.last_pulls.flush()
    await registry.services.lifecycle.runs.end_brownouts()
    return await report(registry, id)


async def stock(registry: Registry, text: str = OLD) -> tuple[Image, Image]:
    """Two old images, and the policy."""
    old, older = await push(registry, "shop/web", "old", 1), await push(registry, "shop/web", "older", 2)
    registry.clock.advance(days=10)
    await in_force(registry, text)
    return old, older


async def marked(registry: Registry) -> int:
    """Manifests of which a pull would ask more than of others."""
    query = "SELECT count(*) FROM manifests WHERE brownout IS NOT NULL"
    return int(await registry.services.db.read(lambda tx: tx.exec_driver_sql(query).scalar_one()))


def states(found: Any) -> dict[str, str]:
    return {item["digest"]: item["state"] for item in found["items"]}


async def test_nothing_goes_before_the_brown_out_is_over_and_then_to_the_trash(registry: Registry) -> None:
    old, older = await stock(registry)
    found = await waits(registry, await plan(registry))
    id, goes_at = found["run"]["id"], registry.clock() + 3 * 86400
    assert (found["counts"], found["run"]["report"]["goes_at"]) == ({"doomed": 2}, goes_at)
    assert {item["goes_at"] for item in found["items"]} == {goes_at}
    assert await present(registry, "shop/web", old, older) == [True, True]
    found = await ends(registry, id, days=3, seconds=-1)
    assert (found["run"]["state"], found["counts"]) == ("brown-out", {"doomed": 2})
    found = await ends(registry, id, seconds=1)
    assert (found["run"]["state"], found["counts"]) == ("finished", {"deleted": 2})
    assert {item["goes_at"] for item in found["items"]} == {None}
    assert await present(registry, "shop/web", old, older) == [False, False]
    undone = await Caller(registry.client)("POST", f"/lifecycle/runs/{id}/undo")
    assert undone["restored"] == 2
    require(await registry.client.get_manifest("shop/web", "old"), 200)


async def test_a_pull_works_and_warns_and_keeps_the_image(registry: Registry) -> None:
    made = [await push(registry, "shop/web", f"t{number}", number) for number in range(5)]
    registry.clock.advance(days=10)
    await in_force(registry, OLD)
    id = (await waits(registry, await plan(registry)))["run"]["id"]
    ways = [("GET", "t0"), ("HEAD", "t1"), ("GET", made[2].digest), ("HEAD", made[3].digest)]
    for number, (method, reference) in enumerate(ways):
        for _ in range(2):  # also who comes second is warned
            answer = await registry.as_("reader").request(method, f"/v2/shop/web/manifests/{reference}")
            (said,) = require(answer, 200).headers.get_list("warning")
            assert said.startswith(f'299 - "lifecycle run {id} deletes this image on 2')
            assert "put off by a pull, until the next plan" in said
            assert f"wharf hold shop/web@{made[number].digest}" in said
            assert "p/1 deletes what was not pushed in the last 7d" in said
    registry.services.keeping.last_pulls._waiting.clear()  # as if the server had been killed before these are written
    spared = dict.fromkeys([each.digest for each in made[:4]], "spared")
    assert states(await report(registry, id)) == {**spared, made[4].digest: "doomed"}
    records = (await Caller(registry.client)("GET", "/audit?action=manifest.spare"))["records"]
    assert [(each["account"], each["digest"]) for each in records] == [
        ("a-reader", each.digest) for each in reversed(made[:4])
    ]
    found = await ends(registry, id)
    assert (found["run"]["state"], states(found)) == ("finished", {**spared, made[4].digest: "deleted"})
    assert await present(registry, "shop/web", *made) == [True] * 4 + [False]
    assert await marked(registry) == 0
    assert "warning" not in require(await registry.client.get_manifest("shop/web", "t0"), 200).headers


async def test_what_belongs_together_is_spared_together(registry: Registry) -> None:
    whole, other = index([image(seed=11), image(seed=12)]), index([image(seed=13), image(seed=14)])
    for tag, each in (("whole", whole), ("other", other)):
        await registry.client.push_image("shop/web", each)
        require(await registry.client.put_manifest("shop/web", tag, each.raw, each.media_type), 201)
    signature = await push(registry, "shop/web", None, 15, artifact_type="a/sig", subject=whole)
    registry.clock.advance(days=10)
    await in_force(registry, OLD)
    id = (await waits(registry, await plan(registry)))["run"]["id"]
    answer = require(await registry.client.get_manifest("shop/web", whole.children[1].digest), 200)
    assert "put off by a pull" in answer.headers["warning"]
    spared = {each.digest for each in (whole, *whole.children, signature)}
    found = await ends(registry, id)
    assert {digest for digest, state in states(found).items() if state == "spared"} == spared
    assert found["counts"] == {"spared": 4, "deleted": 3}


async def test_a_pull_of_a_child_that_a_kept_index_has_too_counts_for_the_doomed_one(registry: Registry) -> None:
    child = image(seed=11)
    doomed, kept = index([child, image(seed=12)]), index([child, image(seed=13)])
    for tag, each in (("doomed", doomed), ("kept", kept)):
        await registry.client.push_image("shop/web", each)
        require(await registry.client.put_manifest("shop/web", tag, each.raw, each.media_type), 201)
    registry.clock.advance(days=10)
    await in_force(registry, policy("delete: {tags: doomed}", more=MORE))
    found = await waits(registry, await plan(registry))
    assert found["counts"] == {"doomed": 2}  # the index, and the child that it alone has
    registry.clock.advance(hours=1)
    assert "warning" not in require(await registry.client.get_manifest("shop/web", child.digest), 200).headers
    found = await ends(registry, found["run"]["id"])
    assert found["counts"] == {"changed": 2}
    assert "it was pulled in the brown-out, or what is below it was" in {each["reason"] for each in found["items"]}


async def test_whose_pulls_do_not_count_is_warned_and_keeps_nothing(registry: Registry) -> None:
    old, older = await stock(registry)
    id = (await waits(registry, await plan(registry)))["run"]["id"]
    mirror = Brownouts(registry.services.db, lambda by: by.name != "mirror")
    by = Caller_(Identity("mirror", ("mirror",)), Snapshot(), registry.clock())
    said = await mirror.pulled(by, RepoName("shop/web"), Tag("old"), old.digest)
    assert said is not None
    assert b"your pulls do not count as use, and do not put it off" in said
    assert states(await report(registry, id)) == {old.digest: "doomed", older.digest: "doomed"}


Change = Callable[[Registry, Image], Awaitable[object]]


async def held(registry: Registry, image: Image) -> None:
    await Caller(registry.client)("POST", "/holds/shop/web", {"reference": image.digest, "because": "x"}, status=201)


async def tagged(registry: Registry, image: Image) -> None:
    await Caller(registry.client)("POST", "/tags/shop/web", {"digest": image.digest, "names": ["prod-1"]})


async def signed(registry: Registry, image: Image) -> None:
    await push(registry, "shop/web", None, 9, artifact_type="a/sig", subject=image)


async def deleted_and_restored(registry: Registry, image: Image) -> None:
    require(await registry.client.delete_manifest("shop/web", image.digest), 202)
    await Caller(registry.client)("POST", "/trash/restore/shop/web", {"reference": image.digest})


CHANGES: list[tuple[Change, str]] = [
    (held, "but it is held"),
    (tagged, "it would stay by now: p/1 keeps what has a tag prod-*"),
    (signed, "belongs to it by now, and the plan does not list that"),
    (deleted_and_restored, "it was deleted in the brown-out, and has come back"),
]


async def test_what_changed_in_the_brown_out_is_left_and_named_and_the_rest_goes(registry: Registry) -> None:
    made = [await push(registry, "shop/web", f"t{number}", number) for number in range(6)]
    registry.clock.advance(days=10)
    await in_force(registry, policy("keep: {tags: 'prod-*'}", "delete: {pushed_before: 7d}", more=MORE))
    found = await waits(registry, await plan(registry))
    registry.clock.advance(hours=1)
    for (change, _), each in zip(CHANGES, made, strict=False):
        await change(registry, each)
    require(await registry.client.delete_manifest("shop/web", made[4].digest), 202)
    found = await ends(registry, found["run"]["id"])
    items = {each["digest"]: each for each in found["items"]}
    for (_, why), each in zip(CHANGES, made, strict=False):
        assert items[each.digest]["state"] == "changed"
        assert why in items[each.digest]["reason"]
    assert [items[each.digest]["state"] for each in made[4:]] == ["gone", "deleted"]
    assert (await Caller(registry.client)("GET", "/doomed"))["doomed"] == []


async def test_until_the_next_plan(registry: Registry) -> None:
    old, older = await stock(registry)
    before = await plan(registry)
    first = await waits(registry, before)
    registry.clock.advance(hours=1)
    require(await registry.client.get_manifest("shop/web", "old"), 200)
    assert "it was pulled in the brown-out of run" in await refused(registry, before)
    registry.clock.advance(seconds=1)
    second = await waits(registry, await plan(registry))
    assert states(second) == {old.digest: "doomed", older.digest: "already"}  # which is not put off
    found = await ends(registry, first["run"]["id"], days=3, hours=-1, seconds=-1)
    assert states(found) == {old.digest: "spared", older.digest: "deleted"}
    assert await present(registry, "shop/web", old, older) == [True, False]
    found = await ends(registry, second["run"]["id"], hours=1, seconds=1)
    assert states(found) == {old.digest: "deleted", older.digest: "already"}


async def test_undoing_a_run_in_its_brown_out_lets_all_of_it_stay(registry: Registry) -> None:
    old, older = await stock(registry)
    id = (await waits(registry, await plan(registry)))["run"]["id"]
    require(await registry.client.get_manifest("shop/web", "old"), 200)
    await Caller(registry.as_("reader"))("POST", f"/lifecycle/runs/{id}/undo", status=403)
    undone = await Caller(registry.client)("POST", f"/lifecycle/runs/{id}/undo")
    assert (undone["restored"], undone["lost"], undone["run"]["state"]) == (1, [], "undone")
    assert await marked(registry) == 0
    for tag in ("old", "older"):
        assert "warning" not in require(await registry.client.get_manifest("shop/web", tag), 200).headers
    found = await ends(registry, id)
    assert (found["run"]["state"], states(found)) == ("undone", {old.digest: "spared", older.digest: "restored"})
    assert await present(registry, "shop/web", old, older) == [True, True]


async def test_what_is_doomed_counts_for_the_ceiling_and_once(registry: Registry) -> None:
    made = [await push(registry, "shop/web", f"t{number}", number) for number in range(4)]
    half = "ceiling: 50%\n    brownout: 3d"
    await in_force(registry, policy("delete: {tags: [t0, t1]}", more=half))
    first = (await waits(registry, await plan(registry)))["run"]["id"]
    await in_force(registry, policy("delete: {tags: [t0, t1, t2]}", more=half))
    assert "more goes than the ceiling allows" in await refused(registry, await plan(registry))
    registry.clock.advance(days=2, hours=12)
    await somebody_was_here(registry)
    second = await waits(registry, await plan(registry))
    assert second["counts"] == {"already": 2, "doomed": 1}
    found = await ends(registry, first, hours=12)
    assert found["counts"] == {"deleted": 2}  # though more than half go in these days
    require(await registry.client.delete_manifest("shop/web", made[3].digest), 202)
    found = await ends(registry, second["run"]["id"], days=2, hours=12)
    assert found["counts"] == {"already": 2, "deleted": 1}


async def test_more_than_the_ceiling_of_what_is_left_by_then_stays(registry: Registry) -> None:
    made = [await push(registry, "shop/web", f"t{number}", number) for number in range(4)]
    await in_force(registry, policy("delete: {tags: [t0, t1]}", more="ceiling: 50%\n    brownout: 3d"))
    id = (await waits(registry, await plan(registry)))["run"]["id"]
    require(await registry.client.delete_manifest("shop/web", made[2].digest), 202)
    require(await registry.client.delete_manifest("shop/web", made[3].digest), 202)
    assert (await ends(registry, id))["counts"] == {"over": 2}
    assert await present(registry, "shop/web", *made[:2]) == [True, True]


async def test_an_image_that_loses_tags_is_spared_by_a_pull_by_such_a_tag_alone(registry: Registry) -> None:
    made = [await push(registry, "shop/web", f"pr-{number}", number) for number in range(3)]
    for each in made:
        require(await registry.client.put_manifest("shop/web", f"x{each.digest[-6:]}", each.raw, each.media_type), 201)
    await in_force(registry, policy("untag: {tags: 'pr-*'}", more=MORE))
    found = await waits(registry, await plan(registry))
    assert found["counts"] == {"doomed": 3}
    said = require(await registry.client.get_manifest("shop/web", "pr-0"), 200).headers["warning"]
    assert "deletes of this image the tags pr-0 on " in said
    for reference in (made[1].digest, f"x{made[1].digest[-6:]}"):
        assert "warning" not in require(await registry.client.get_manifest("shop/web", reference), 200).headers
    assert (await ends(registry, found["run"]["id"]))["counts"] == {"spared": 1, "untagged": 2}
    tags = (await Caller(registry.client)("GET", "/tags/shop/web"))["tags"]
    assert [each["name"] for each in tags if each["name"].startswith("pr-")] == ["pr-0"]


async def test_a_clock_that_is_a_day_ahead_ends_no_brown_out(registry: Registry) -> None:
    old, older = await stock(registry)
    id = (await waits(registry, await plan(registry)))["run"]["id"]
    registry.clock.advance(days=30)
    assert await registry.services.lifecycle.runs.end_brownouts() == 0
    assert await present(registry, "shop/web", old, older) == [True, True]
    assert (await ends(registry, id, days=0))["counts"] == {"deleted": 2}


async def test_a_brown_out_whose_server_dies_at_its_end_is_ended_by_the_next_one(registry: Registry) -> None:
    made = [await push(registry, repository, "old", n) for n, repository in enumerate(("shop/a", "shop/b", "shop/c"))]
    registry.clock.advance(days=10)
    await in_force(registry, OLD)
    id = (await waits(registry, await plan(registry)))["run"]["id"]
    registry.clock.advance(days=3)
    await somebody_was_here(registry)
    gone = []
    for steps in (1, 2, 3):
        runs = dying(registry, steps).runs
        with pytest.raises(Ended):
            assert await runs.end_brownouts() or await runs.resume()
        registry.clock.advance(seconds=LEASE_SECONDS + 1)
        gone.append((await report(registry, id))["counts"].get("deleted", 0))
    assert gone == [0, 1, 3]
    assert await another(registry).runs.resume() == 1
    found = await report(registry, id)
    assert (found["run"]["state"], found["counts"]) == ("finished", {"deleted": 3})
    for each, repository in zip(made, ("shop/a", "shop/b", "shop/c"), strict=True):
        assert await present(registry, repository, each) == [False]


async def test_it_is_shown_where_one_looks(registry: Registry) -> None:
    old, older = await stock(registry)
    id = (await waits(registry, await plan(registry)))["run"]["id"]
    require(await registry.client.get_manifest("shop/web", "old"), 200)
    api, goes_at = Caller(registry.client), registry.clock() + 3 * 86400
    first = await api("GET", "/doomed?n=1&repository=shop/web")
    second = await api("GET", f"/doomed?n=1&repository=shop/web&last={first['next']}")
    shown = {each["digest"]: each for each in (*first["doomed"], *second["doomed"])}
    assert second["next"] is None
    assert [(shown[each.digest]["run"], shown[each.digest]["goes_at"]) for each in (old, older)] == [(id, goes_at)] * 2
    assert (shown[old.digest]["spared_at"], shown[older.digest]["spared_at"]) == (registry.clock(), None)
    assert (await api("GET", "/explain/shop/web/old"))["brownout"] == shown[old.digest]
    assert (await api("GET", f"/explain/shop/web/{older.digest}"))["brownout"] == shown[older.digest]
    nobody = Client(app=registry.app)
    require(await nobody.request("GET", "/api/v1/doomed"), 401)
    await nobody.close()


def test_the_policy_says_for_how_long_and_the_longest_counts() -> None:
    written = policy("delete: {}", more="brownout: 36h")
    (read,) = reading.parse(written)
    assert read.brownout == 36 * 3600 * SECOND
    assert reading.parse(writing.text([read])) == (read,)
    (longer,) = reading.parse(policy("delete: {}", more="brownout: 2d", repositories="shop/*", name="q"))
    assert brownout_length([read, longer], "shop/web") == 48 * 3600 * SECOND
    assert brownout_length([read, longer], "web") == 36 * 3600 * SECOND
    assert brownout_length([], "web") == 0
    with pytest.raises(RequestInvalid, match="brownout"):
        reading.parse(policy("delete: {}", more="brownout: soon"))
