"""What a change of policies would do, said before it is made."""

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.images import Image
from tests.lifecycle.kit import in_force, policy, push
from wharfinger.lifecycle.units import size_written


async def told(api: Caller, text: str, *, prune: bool = False) -> list[str]:
    """The effects of all changes."""
    found = await api("POST", "/policy/plan", {"policy": text, "prune": prune})
    return [change["effect"] for change in (*found["changes"], *found["kept"])]


async def test_which_images_would_go_and_what_that_frees(registry: Registry, api: Caller) -> None:
    for n in range(5):
        await push(registry, "shop/web", f"dev-{n}", n, layers=[b"the same for all" * 50])
    await push(registry, "shop/web", "prod-1", 9)
    await push(registry, "other/x", "dev-1", 9)
    registry.clock.advance(days=10)
    text = policy('delete: {tags: "dev-*"}', repositories="shop/*")
    (effect,) = await told(api, text)
    assert effect.startswith("of 6 images in its repositories, 5 would go (shop/web:dev-")
    assert "which frees 1" in effect
    await in_force(registry, text)
    later = policy("keep: {pushed_within: 30d}", 'delete: {tags: "dev-*"}', repositories="shop/*")
    assert await told(api, later) == ["of 6 images in its repositories, 5 would no longer go"]
    assert await told(api, "version: 1\nlifecycle: []\n") == ["of 6 images in its repositories, 5 would no longer go"]
    untag = policy('untag: {tags: "dev-*"}', repositories="shop/*")
    assert await told(api, untag) == ["of 6 images in its repositories, 5 would lose tags; 5 would no longer go"]


async def test_it_frees_what_nothing_else_has_beside_what_is_freed_already(registry: Registry, api: Caller) -> None:
    common, shared = b"the same for all" * 50, b"another repository has it" * 50
    first = await push(registry, "shop/web", "dev-1", 1, layers=[common])
    second = await push(registry, "shop/web", "dev-2", 2, layers=[common, shared, b"its own" * 77])
    await push(registry, "shop/web", "prod-1", 3, layers=[b"stays"])
    await push(registry, "other/x", "y", 4, layers=[shared])
    one, both = (policy(f"delete: {{tags: {tags}}}", repositories="shop/*") for tags in ("dev-1", "dev-*"))
    alone, other = (_size(image) - len(common) for image in (first, second))
    assert await frees(api, one) == size_written(alone)
    assert await frees(api, both) == size_written(alone + other + len(common) - len(shared))
    await in_force(registry, one)
    assert await frees(api, both) == size_written(other + len(common) - len(shared))


def _size(image: Image) -> int:
    return sum(map(len, image.blobs.values()))


async def frees(api: Caller, text: str) -> str:
    """What the change of a policy is said to free."""
    (effect,) = await told(api, text)
    return effect.partition("which frees ")[2]


async def test_all_policies_of_the_file_are_looked_at_together(registry: Registry, api: Caller) -> None:
    await push(registry, "shop/web", "dev-1", 1)
    guard = "  - name: guard\n    repositories: '**'\n    binding: true\n    rules: [{keep: {tags: '*'}}]\n"
    assert (
        await told(api, policy("delete: {}") + guard)
        == ["of 1 image in its repositories, none is decided otherwise"] * 2
    )
    observing = policy("delete: {}", more="mode: observe")
    assert await told(api, observing) == ["of 1 image in its repositories, none is decided otherwise"]


async def test_a_scanner_that_is_not_there_is_named(registry: Registry, api: Caller) -> None:
    rules = ["keep: {not: {severity: low, scanners: [trivi, wharfinger]}}", "delete: {severity: high, scanners: clear}"]
    (effect,) = await told(api, policy(*rules))
    assert effect.endswith("; there is no scanner clear, trivi")
    await in_force(registry, policy(*rules))
    for known in (policy("delete: {severity: high, scanners: wharfinger}"), "version: 1\nlifecycle: []\n"):
        (effect,) = await told(api, known)
        assert "scanner" not in effect
