"""Plans of what is stored: what goes, what stays, why, and what that gives back."""

from tests.api.caller import Caller, ask
from tests.conftest import Registry
from tests.kit.images import image, index
from tests.lifecycle.kit import in_force, note, outcomes, plan, policy, push, read


async def test_a_new_server_has_no_policy_and_a_plan_lets_everything_stay(registry: Registry) -> None:
    await push(registry, "shop/web", "1", 1)
    registry.clock.advance(days=1000)
    head, parts, total = read(await plan(registry))
    assert parts == {"shop/web": {"repository": "shop/web", "images": 1}}
    assert (total["images"], total["delete"], total["untag"]) == (1, 0, 0)
    assert head["by"] == "a-administrator"


async def test_a_plan_says_of_each_image_what_becomes_of_it_and_why(registry: Registry) -> None:
    old = await push(registry, "shop/web", "old", 1)
    prod = await push(registry, "shop/web", "prod-1", 2)
    registry.clock.advance(days=10)
    new = await push(registry, "shop/web", "new", 3)
    await in_force(registry, policy('keep: {tags: "prod-*"}', "delete: {pushed_before: 7d}"))
    _, parts, total = read(await plan(registry))
    assert outcomes(parts["shop/web"]) == {old.digest: "delete", prod.digest: "keep", new.digest: "keep"}
    (why,) = parts["shop/web"]["delete"]
    assert (why["rule"], why["images"][0]["tags"]) == ("p/2", ["old"])
    assert why["reason"] == "p/2 deletes what was not pushed in the last 7d"
    assert {kept["rule"] for kept in parts["shop/web"]["keep"]} == {"p/1", None}
    assert (total["images"], total["delete"]) == (3, 1)


async def test_it_counts_the_bytes_that_nothing_that_stays_has(registry: Registry) -> None:
    shared, both = b"shared with what stays" * 10, b"shared by two that go" * 10
    one = await push(registry, "shop/web", "a", 1, layers=[shared, both, b"one" * 10], config=b"{}")
    two = await push(registry, "shop/web", "b", 2, layers=[both, b"two" * 20], config=b'{"a":1}')
    await push(registry, "shop/web", "keep-1", 3, layers=[shared], config=b'{"b":1}')
    await in_force(registry, policy('keep: {tags: "keep-*"}', "delete: {}"))
    _, parts, total = read(await plan(registry))
    (why,) = parts["shop/web"]["delete"]
    frees = {each["digest"]: each["frees"] for each in why["images"]}
    assert frees == {one.digest: len(both) + 30 + 2, two.digest: len(both) + 60 + 7}
    assert parts["shop/web"]["frees"] == total["frees"] == len(both) + 30 + 2 + 60 + 7


async def test_what_another_repository_has_is_counted_when_it_goes_from_both(registry: Registry) -> None:
    layer = b"in both" * 100
    for repository in ("shop/a", "shop/b"):
        await push(registry, repository, "x", 1, layers=[layer], config=b"{}")
    await in_force(registry, policy("delete: {}", repositories="shop/a"))
    _, parts, total = read(await plan(registry))
    assert (parts["shop/a"].get("frees", 0), total["frees"]) == (0, 0)
    await in_force(registry, policy("delete: {}"))
    _, parts, total = read(await plan(registry))
    assert ([part.get("frees", 0) for part in parts.values()], total["frees"]) == ([0, 0], len(layer) + 2)


async def test_what_belongs_together_and_what_is_protected(registry: Registry) -> None:
    children = [image(seed=1), image(seed=2)]
    whole = index(children)
    await registry.client.push_image("shop/web", whole)
    signature = await push(registry, "shop/web", None, 4, artifact_type="a/sig", subject=whole)
    text = "tags:\n  - {name: never, repositories: '**', tags: 'lts-*', undeletable: true}\n"
    await in_force(registry, policy("delete: {}") + text)
    _, parts, _ = read(await plan(registry))
    everything = [whole, *children, signature]
    assert outcomes(parts["shop/web"]) == dict.fromkeys((each.digest for each in everything), "delete")
    await registry.client.put_manifest("shop/web", "lts-1", whole.raw, whole.media_type)
    _, parts, _ = read(await plan(registry))
    assert outcomes(parts["shop/web"]) == dict.fromkeys((each.digest for each in everything), "keep")
    assert "tag:lts-1" in {kept.get("protected_by") for kept in parts["shop/web"]["keep"]}


async def test_what_is_held_or_in_use_stays_and_a_pull_of_a_child_counts(registry: Registry) -> None:
    await push(registry, "shop/web", "a", 1)
    held = await push(registry, "shop/web", "b", 2)
    used = await push(registry, "shop/web", "c", 3)
    child = image(seed=4)
    pulled = index([child])
    await registry.client.push_image("shop/web", pulled)
    registry.clock.advance(days=10)

    now = registry.clock.now
    columns = "INSERT INTO holds (repository_id, digest, because, who, at)"
    await note(registry, f"{columns} SELECT id, '{held.digest}', '', '', {now} FROM repositories")
    await note(registry, f"INSERT INTO reporters (name, account, interval, reported_at) VALUES ('k', 'a', 60, {now})")
    await note(registry, f"INSERT INTO in_use SELECT 'k', id, '{used.digest}', '' FROM repositories")
    await note(registry, f"INSERT INTO last_pulls SELECT id, '{child.digest}', {now - 86400} FROM repositories")
    await in_force(registry, policy("keep: {pulled_within: 2d}", "delete: {pushed_before: 7d}"))
    _, parts, total = read(await plan(registry))
    assert total["delete"] == 1
    by = {digest: why.get("protected_by") for why in parts["shop/web"]["keep"] for digest in why["images"]}
    assert (by[held.digest], by[used.digest], by[pulled.digest]) == ("held_until", "in_use", None)
    reasons = [why["reason"] for why in parts["shop/web"]["keep"]]
    assert "p/2 deletes what was not pushed in the last 7d, but it is held" in reasons


async def test_labels_and_the_like_are_read_where_a_rule_asks(registry: Registry) -> None:
    one = await push(registry, "shop/web", "a", 1, annotations={"kind": "nightly"})
    two = await push(registry, "shop/web", "b", 2)
    known = "labels = '{\"team\": \"web\"}', platform = 'linux/arm64', created_at = 0, total_size = 5000"
    statement = f"UPDATE manifests SET {known} WHERE digest = '{one.digest}'"
    await note(registry, statement)
    for rule in (
        "keep: {labels: {team: web}}",
        "keep: {annotations: {kind: night*}}",
        "keep: {platform: linux/arm64}",
        "keep: {created_before: 30d}",
        "keep: {larger_than: 4kB}",
    ):
        await in_force(registry, policy(rule, "delete: {}"))
        _, parts, _ = read(await plan(registry))
        assert outcomes(parts["shop/web"]) == {one.digest: "keep", two.digest: "delete"}, rule


async def test_policies_that_observe_are_told_apart_and_more_than_the_ceiling_is_marked(registry: Registry) -> None:
    made = [await push(registry, "shop/web", f"t{seed}", seed) for seed in range(3)]
    await in_force(registry, policy("delete: {}", more="mode: observe"))
    _, parts, total = read(await plan(registry))
    assert outcomes(parts["shop/web"]) == dict.fromkeys((each.digest for each in made), "keep")
    assert (len(parts["shop/web"]["observed_delete"][0]["images"]), total["observed"]) == (3, 3)
    await in_force(registry, policy("delete: {}", more=""))
    _, parts, total = read(await plan(registry))
    assert parts["shop/web"]["over_ceiling"]
    assert total["over_ceiling"] == ["shop/web"]


async def test_tags_that_go_unnamed_are_counted(registry: Registry) -> None:
    made = await push(registry, "shop/web", "dev-1", 1)
    await registry.client.put_manifest("shop/web", "prod-1", made.raw, made.media_type)
    await in_force(registry, policy('delete: {tags: "dev-*"}'))
    _, parts, total = read(await plan(registry))
    assert total["unnamed"] == 1
    assert "with it goes its tag prod-1, which the rule does not name" in parts["shop/web"]["delete"][0]["reason"]


async def test_it_shows_what_the_caller_may_pull_and_what_is_asked_for(registry: Registry) -> None:
    for repository in ("shop/a", "shop/b", "other/c"):
        await push(registry, repository, "x", 1)
    await in_force(registry, policy("delete: {}"))
    assert list(read(await plan(registry, where="shop/*"))[1]) == ["shop/a", "shop/b"]
    assert list(read(await plan(registry, "reader"))[1]) == ["other/c", "shop/a", "shop/b"]
    assert (await ask(registry.client, "POST", "/lifecycle/plan", {"repositories": {"regex": "("}})).status_code == 400
    deny = {"principal": "a-reader", "role": "reader", "pattern": "shop/**", "deny": True}
    await Caller(registry.client)("POST", "/grants", deny, status=201)
    assert list(read(await plan(registry, "reader"))[1]) == ["other/c"]
