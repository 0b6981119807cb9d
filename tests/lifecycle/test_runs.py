"""Plans that are applied: only what they list goes, only if it still should, and it can be taken back."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.caller import Caller, ask
from tests.conftest import Registry
from tests.kit.callers import TESTS
from tests.kit.images import Image, image, index
from tests.lifecycle.kit import apply, in_force, note, plan, policy, present, push, read, refused, start
from wharfinger.meta import audit
from wharfinger.meta.audit import Filter
from wharfinger.spec.names import RepoName

OLD = policy("delete: {pushed_before: 7d}")


async def stock(registry: Registry) -> tuple[Image, Image, Image]:
    """Two old images and a new one."""
    old = await push(registry, "shop/web", "old", 1)
    older = await push(registry, "shop/web", "older", 2)
    registry.clock.advance(days=10)
    return old, older, await push(registry, "shop/web", "new", 3)


async def test_what_the_plan_lists_goes_to_the_trash_and_is_recorded(registry: Registry) -> None:
    images = await stock(registry)
    await in_force(registry, OLD)
    registry.clock.advance(hours=1)
    found = await apply(registry, await plan(registry))
    assert (found["run"]["state"], found["counts"]) == ("finished", {"deleted": 2})
    assert await present(registry, "shop/web", *images) == [False, False, True]
    assert {item["state"] for item in found["items"]} == {"deleted"}
    records = await registry.services.db.read(audit.page, Filter(action="manifest.delete"), None, 10)
    assert {record.account for record in records} == {"system:lifecycle"}
    told = json.loads(records[0].detail)
    assert (told["for"], told["run"], told["rule"]) == ("a-administrator", found["run"]["id"], "p/1")
    history = await Caller(registry.client)("GET", "/history/shop/web?tag=old")
    assert history["history"][0]["how"] == "lifecycle"


Change = Callable[[Registry, Image], Awaitable[object]]


async def pulled(registry: Registry, image: Image) -> None:
    await note(registry, f"INSERT INTO last_pulls SELECT id, '{image.digest}', {registry.clock.now} FROM repositories")


async def tagged(registry: Registry, image: Image) -> None:
    await registry.client.put_manifest("shop/web", "prod-7", image.raw, image.media_type)


async def tagged_alike(registry: Registry, image: Image) -> None:
    await ask(registry.client, "POST", "/tags/shop/web", {"digest": image.digest, "names": ["another"]})


async def pushed_again(registry: Registry, image: Image) -> None:
    await registry.client.put_manifest("shop/web", image.digest, image.raw, image.media_type)


async def held(registry: Registry, image: Image) -> None:
    columns = "INSERT INTO holds (repository_id, digest, because, who, at)"
    await note(registry, f"{columns} SELECT id, '{image.digest}', 'b', 'w', 0 FROM repositories")


async def in_use(registry: Registry, image: Image) -> None:
    await note(registry, "INSERT INTO reporters (name, account, interval, reported_at) VALUES ('k', 'a', 60, 0)")
    await note(registry, f"INSERT INTO in_use SELECT 'k', id, '{image.digest}', '' FROM repositories")


async def in_an_index(registry: Registry, image: Image) -> None:
    whole = index([image])
    await registry.client.put_manifest("shop/web", "all", whole.raw, whole.media_type)


async def signed(registry: Registry, image: Image) -> None:
    await push(registry, "shop/web", None, 9, artifact_type="a/sig", subject=image)


async def policy_changed(registry: Registry, image: Image) -> None:
    await in_force(registry, policy("keep: {tags: old}", "delete: {pushed_before: 7d}"))


async def policies_gone(registry: Registry, image: Image) -> None:
    await in_force(registry, "version: 1\nlifecycle: []\n")


async def undeletable(registry: Registry, image: Image) -> None:
    text = "version: 1\ntags:\n  - {name: t, repositories: '**', tags: old, undeletable: true}\n"
    await Caller(registry.client)("POST", "/policy/apply", {"policy": text, "prune": False})


CHANGES: list[tuple[Change, str]] = [
    (pulled, "it would stay by now: p/1 keeps what"),
    (tagged, "it would stay by now: p/1 keeps what"),
    (tagged_alike, "it has the tag another by now, which the plan does not list"),
    (pushed_again, "it would stay by now: no rule matches it"),
    (held, "but it is held"),
    (in_use, "but it is in use"),
    (in_an_index, "it would stay by now: p/2 deletes what was not pushed in the last 7d, but sha256:"),
    (signed, "belongs to it by now, and the plan does not list that"),
    (policy_changed, "it would stay by now: p/1 keeps what has a tag old"),
    (policies_gone, "it would stay by now: no rule matches it"),
    (undeletable, "but its tag old may not be removed"),
]


@pytest.mark.parametrize(("change", "why"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
async def test_an_image_that_changed_since_the_plan_is_named_and_nothing_goes(
    registry: Registry, change: Change, why: str
) -> None:
    old, older, _ = await stock(registry)
    kept = "keep: {any: [{pulled_within: 30d}, {tags: 'prod-*'}]}"
    await in_force(registry, policy(kept, "delete: {pushed_before: 7d}"))
    made = await plan(registry)
    registry.clock.advance(hours=1)
    await change(registry, old)
    said = await refused(registry, made)
    assert f"shop/web@{old.digest}" in said
    assert why in said
    assert await present(registry, "shop/web", old, older) == [True, True]
    found = await apply(registry, made, skip_changed="true")
    gone = 0 if change is policies_gone else 1
    assert found["counts"].get("deleted", 0) == gone
    assert (await present(registry, "shop/web", old, older)) == [True, gone == 0]
    changed = [item for item in found["items"] if item["state"] == "changed"]
    assert [item["digest"] for item in changed][: 1 if gone else 2].count(old.digest) == 1


async def test_pushes_elsewhere_do_not_matter_and_what_is_gone_is_no_change(registry: Registry) -> None:
    old, older, _ = await stock(registry)
    await in_force(registry, OLD)
    made = await plan(registry)
    await push(registry, "shop/web", "more", 5)
    await push(registry, "shop/other", "more", 5)
    await ask(registry.client, "DELETE", f"/manifests/shop/web/{older.digest}")
    found = await apply(registry, made)
    assert found["counts"] == {"deleted": 1, "gone": 1}
    assert await present(registry, "shop/web", old, older) == [False, False]
    assert (await apply(registry, made))["counts"] == {"gone": 2}


async def test_untag_removes_the_tags_and_nothing_else(registry: Registry) -> None:
    old, _, _ = await stock(registry)
    await in_force(registry, policy('untag: {tags: "old*", pushed_before: 7d}'))
    found = await apply(registry, await plan(registry))
    assert found["counts"] == {"untagged": 2}
    tags = await Caller(registry.client)("GET", "/tags/shop/web")
    assert [tag["name"] for tag in tags["tags"]] == ["new"]
    assert await present(registry, "shop/web", old) == [True]
    undone = await Caller(registry.client)("POST", f"/lifecycle/runs/{found['run']['id']}/undo")
    assert (undone["restored"], undone["run"]["state"]) == (2, "undone")
    tags = await Caller(registry.client)("GET", "/tags/shop/web")
    assert [tag["name"] for tag in tags["tags"]] == ["new", "old", "older"]
    assert len({tag["moved_at"] for tag in tags["tags"]}) == 2  # since when they were there, as before


async def test_a_plan_is_for_one_server_for_a_week_and_whole(registry: Registry) -> None:
    await stock(registry)
    await in_force(registry, OLD)
    made = await plan(registry)
    head, *rest = made.splitlines(keepends=True)
    fields = json.loads(head)

    def altered(**more: object) -> bytes:
        return json.dumps({**fields, **more}).encode() + b"\n" + b"".join(rest)

    later = fields["clock"] + 10_000_000
    for raw, why in (
        (altered(server="another"), "line 1: this plan was made for another server"),
        (altered(clock=later), "line 1: this plan is of a time that has not come yet"),
        (altered(format="wharfinger-lifecycle-plan/2"), "line 1: not a plan"),
        (head + b"".join(rest[:-1]), "line 2: not a plan"),
        (head + rest[0].replace(b'"delete"', b'"deletes"') + rest[-1], "line 2: not a plan"),
        (head + rest[0] * 2 + rest[-1], "a repository is in the plan twice"),
        (head, "line 1: not a plan"),
        (b"\xff{", "line 1: not a plan"),
    ):
        assert why in await refused(registry, raw, status=400)
    registry.clock.advance(days=7, seconds=1)
    assert "older than 7 days" in await refused(registry, made, status=400)


async def test_a_plan_that_was_altered_does_no_harm(registry: Registry) -> None:
    old, older, new = await stock(registry)
    await in_force(registry, OLD)
    made = (await plan(registry)).replace(older.digest.encode(), new.digest.encode())
    assert f"{new.digest}: it would stay by now" in await refused(registry, made)
    assert await present(registry, "shop/web", old, older, new) == [True, True, True]


async def test_applying_needs_delete_in_every_repository(registry: Registry) -> None:
    await stock(registry)
    await push(registry, "shop/other", "x", 1)
    await in_force(registry, policy("delete: {}"))
    made = await plan(registry)
    for role in ("reader", "publisher", "auditor"):
        await start(registry, made, role, status=403)
    assert (await apply(registry, made, "maintainer"))["counts"] == {"deleted": 4}


async def test_more_than_the_ceiling_needs_a_person_with_a_reason(registry: Registry) -> None:
    images = await stock(registry)
    await in_force(registry, policy("delete: {pushed_before: 7d}", more="ceiling: 50%"))
    assert (await apply(registry, await plan(registry)))["counts"] == {"deleted": 2}  # half of three, rounded up
    await in_force(registry, policy("delete: {}", more="ceiling: 0%"))
    made = await plan(registry)
    said = await refused(registry, made)
    assert "more goes than the ceiling allows, in shop/web" in said
    found = await apply(registry, made, over_ceiling="the project has ended")
    assert (found["counts"], found["run"]["report"]["over_ceiling"]) == ({"deleted": 1}, "the project has ended")
    assert await present(registry, "shop/web", *images) == [False] * 3


async def some_go(registry: Registry, *tags: str, **how: Any) -> Any:
    """A run that deletes what has these tags, under a ceiling of a half."""
    await in_force(registry, policy(f"delete: {{tags: [{', '.join(tags)}]}}", more="ceiling: 50%"))
    return await apply(registry, await plan(registry), **how)


async def test_several_small_plans_are_no_way_around_the_ceiling(registry: Registry) -> None:
    made = [await push(registry, "shop/web", f"t{number}", number) for number in range(1, 5)]
    first = await some_go(registry, "t1", "t2")
    assert first["counts"] == {"deleted": 2}
    await in_force(registry, policy("delete: {tags: t3}", more="ceiling: 50%"))
    another = await plan(registry)
    assert read(another)[1]["shop/web"]["over_ceiling"]
    assert "more goes than the ceiling allows, in shop/web" in await refused(registry, another)
    registry.clock.advance(hours=23)
    assert (await some_go(registry, "t3"))["counts"] == {"deleted": 1}
    assert await present(registry, "shop/web", *made) == [False, False, False, True]


async def test_what_was_taken_back_or_let_pass_by_a_person_does_not_count_for_the_ceiling(registry: Registry) -> None:
    for number in range(1, 5):
        await push(registry, "shop/web", f"t{number}", number)
    first = await some_go(registry, "t1", "t2")
    await Caller(registry.client)("POST", f"/lifecycle/runs/{first['run']['id']}/undo")
    assert (await some_go(registry, "t2", "t3", over_ceiling="agreed"))["counts"] == {"deleted": 2}
    assert (await some_go(registry, "t1"))["counts"] == {"deleted": 1}


async def test_a_clock_that_is_a_day_ahead_needs_a_person(registry: Registry) -> None:
    await stock(registry)
    await in_force(registry, OLD)
    made = await plan(registry)
    registry.clock.advance(days=1, seconds=1)
    assert "more than a day ahead of the newest record" in await refused(registry, made)
    assert (await apply(registry, made, over_ceiling="nobody was here"))["counts"] == {"deleted": 2}


async def test_undo_brings_back_images_tags_children_and_signatures_and_says_what_it_cannot(registry: Registry) -> None:
    children = [image(seed=11), image(seed=12)]
    whole = index(children)
    await registry.client.push_image("shop/web", whole)
    await registry.client.put_manifest("shop/web", "all", whole.raw, whole.media_type)
    signature = await push(registry, "shop/web", None, 13, artifact_type="a/sig", subject=whole)
    old, older, _ = await stock(registry)
    await in_force(registry, OLD)
    found = await apply(registry, await plan(registry))
    assert found["counts"] == {"deleted": 6}
    id = found["run"]["id"]
    taken = await push(registry, "shop/web", "old", 20)
    await registry.services.keeping.trash.empty(TESTS, RepoName("shop/web"), [older.digest])
    undone = await Caller(registry.client)("POST", f"/lifecycle/runs/{id}/undo")
    assert (undone["restored"], undone["lost"]) == (5, [f"shop/web@{older.digest}"])
    assert undone["tags_left"] == [f"shop/web:old: the tag is at {taken.digest} now"]
    assert await present(registry, "shop/web", whole, *children, signature, old, older) == [True] * 5 + [False]
    again = await Caller(registry.client)("POST", f"/lifecycle/runs/{id}/undo")
    assert (again["restored"], again["lost"]) == (0, [])
    for role, status in (("maintainer", 200), ("publisher", 200), ("auditor", 200)):
        await Caller(registry.as_(role))("POST", f"/lifecycle/runs/{id}/undo", status=status)  # nothing is left to do
    assert [run["state"] for run in (await Caller(registry.client)("GET", "/lifecycle/runs"))["runs"]] == ["undone"]


FIXED = """tags:
  - {name: fixed, repositories: '**', tags: fixed*, immutable: true}
  - {name: ours, repositories: '**', tags: fixed*, moved_by: [a-administrator]}
"""


async def test_undo_by_who_may_not_make_an_immutable_tag_leaves_its_image_in_the_trash(registry: Registry) -> None:
    fixed, free = await push(registry, "shop/web", "fixed", 1), await push(registry, "shop/web", "free", 2)
    await in_force(registry, policy("delete: {}") + FIXED)
    id = (await apply(registry, await plan(registry)))["run"]["id"]
    undone = await Caller(registry.as_("maintainer"))("POST", f"/lifecycle/runs/{id}/undo")
    assert (undone["restored"], undone["lost"]) == (1, [])
    assert ["immutable tag fixed" in left for left in undone["tags_left"]] == [True]
    assert await present(registry, "shop/web", fixed, free) == [False, True]
    undone = await Caller(registry.client)("POST", f"/lifecycle/runs/{id}/undo")
    assert (undone["restored"], undone["tags_left"]) == (1, [])
    assert await present(registry, "shop/web", fixed) == [True]


async def test_runs_are_shown_to_who_began_them_and_to_auditors(registry: Registry) -> None:
    await stock(registry)
    await in_force(registry, OLD)
    id = (await apply(registry, await plan(registry), "maintainer"))["run"]["id"]
    for role, seen in (("maintainer", True), ("auditor", True), ("reader", False), ("publisher", False)):
        caller = Caller(registry.as_(role))
        assert len((await caller("GET", "/lifecycle/runs"))["runs"]) == seen
        await caller("GET", f"/lifecycle/runs/{id}", status=200 if seen else 404)
    await Caller(registry.client)("GET", "/lifecycle/runs/99", status=404)
    assert "stays" not in read(await plan(registry))[1]["shop/web"]
