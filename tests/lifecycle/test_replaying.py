"""A policy against recorded pulls: which would have failed, and whose."""

from typing import Any

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.images import Image
from tests.lifecycle.kit import policy, push

STRICT = policy("keep: {pulled_within: 5d}", "delete: {pushed_before: 7d}")


async def pull(registry: Registry, role: str, reference: str) -> None:
    answer = await registry.as_(role).get_manifest("shop/web", reference)
    assert answer.status_code == 200
    await registry.services.trail.flush(everything=True)


async def replayed(registry: Registry, text: str | None, days: int = 60) -> Any:
    return await Caller(registry.client)("POST", "/lifecycle/replay", {"days": days, "policy": text})


async def test_the_pulls_that_would_have_failed_are_named_with_whose_they_are(registry: Registry) -> None:
    old = await push(registry, "shop/web", "old", 1)
    kept = await push(registry, "shop/web", "kept", 2)
    for _ in range(6):  # never long without a pull
        registry.clock.advance(days=4)
        await pull(registry, "publisher", kept.digest)
    await pull(registry, "reader", "old")
    found = await replayed(registry, STRICT)
    assert (found["pulls"], found["failing"]) == (7, 1)
    (failed,) = found["failed"]
    assert (failed["account"], failed["tag"], failed["digest"]) == ("a-reader", "old", old.digest)
    assert (failed["what"], failed["rule"]) == ("image", "p/2")
    assert failed["since"] < failed["first"]
    assert (await replayed(registry, policy("keep: {}")))["failing"] == 0
    assert (await replayed(registry, None))["failing"] == 0  # nothing is in force
    assert (await replayed(registry, STRICT, days=1))["failing"] == 0


async def test_what_was_pushed_again_or_is_in_the_trash_is_known(registry: Registry) -> None:
    again = await push(registry, "shop/web", "again", 1)
    gone = await push(registry, "shop/web", "gone", 2)
    registry.clock.advance(days=20)
    await pull(registry, "reader", gone.digest)
    await push_again(registry, again)
    registry.clock.advance(days=1)
    await pull(registry, "reader", again.digest)
    await Caller(registry.client)("DELETE", f"/manifests/shop/web/{gone.digest}", status=204)
    found = await replayed(registry, policy("delete: {pushed_before: 7d}"))
    assert [each["digest"] for each in found["failed"]] == [gone.digest]


async def push_again(registry: Registry, image: Image) -> None:
    await registry.client.put_manifest("shop/web", "again", image.raw, image.media_type)


async def test_a_tag_that_would_have_been_taken_is_missed_by_its_name_alone(registry: Registry) -> None:
    made = await push(registry, "shop/web", "dev-1", 1)
    registry.clock.advance(days=20)
    await pull(registry, "reader", "dev-1")
    await pull(registry, "publisher", made.digest)
    found = await replayed(registry, policy('untag: {tags: "dev-*", pushed_before: 7d}'))
    assert [(each["account"], each["what"]) for each in found["failed"]] == [("a-reader", "tag")]
    message = await Caller(registry.client).refusal("POST", "/lifecycle/replay", {"days": 1, "policy": "x"}, status=400)
    assert "lifecycle" in message or "mapping" in message
