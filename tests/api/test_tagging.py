"""Tags that are set without a push, what tags were, and taking one back."""

from typing import Any

from tests.api.caller import Caller, ask
from tests.conftest import Registry
from tests.kit.images import Image, image
from tests.tagging.kit import is_at, one_rule, push
from wharfinger.access.actions import Action
from wharfinger.meta import accounts, audit, grants
from wharfinger.meta.audit import Filter
from wharfinger.meta.grants import GrantRow

ONE, TWO, THREE = image(seed=1), image(seed=2), image(seed=3)


async def ready(registry: Registry, **tags: Image) -> None:
    for each in (ONE, TWO, THREE):
        await registry.client.push_image("shop/web", each)
    for tag, each in tags.items():
        assert (await push(registry.client, each, tag.strip("_").replace("_", ".")))[0] == 201


def told(found: Any) -> tuple[list[str], list[str], list[str]]:
    return [change["tag"] for change in found["changes"]], found["same"], [left["tag"] for left in found["left"]]


async def test_a_version_its_floating_tags_and_its_commit_are_set_at_once(registry: Registry, api: Caller) -> None:
    await ready(registry, _1_4_1=ONE, _1_4=ONE, _1=ONE, latest=ONE)
    wanted = {"digest": TWO.digest, "version": "1.4.2", "commit": "a1b2c3d"}
    assert told(await api("POST", "/tags/shop/web", wanted)) == (["1.4.2", "a1b2c3d", "1.4", "1"], [], [])
    assert {await is_at(registry, tag) for tag in ("1.4.2", "1.4", "1", "a1b2c3d")} == {TWO.digest}
    assert await is_at(registry, "latest") == ONE.digest
    assert told(await api("POST", "/tags/shop/web", wanted)) == ([], ["1.4.2", "a1b2c3d", "1.4", "1"], [])


async def test_a_floating_tag_does_not_go_backward_and_why_is_said(registry: Registry, api: Caller) -> None:
    await ready(registry, _1_5_0=ONE, _1=ONE)
    found = await api("POST", "/tags/shop/web", {"digest": TWO.digest, "version": "1.4.2"})
    assert told(found) == (["1.4.2", "1.4"], [], ["1"])
    assert found["left"][0]["why"] == "1.5.0 is higher than 1.4.2"
    assert await is_at(registry, "1") == ONE.digest
    without = {"digest": TWO.digest, "version": "2.0.0", "floating": False}
    assert told(await api("POST", "/tags/shop/web", without)) == (["2.0.0"], [], [])
    before = {"digest": TWO.digest, "version": "3.0.0-rc.1"}
    assert told(await api("POST", "/tags/shop/web", before)) == (["3.0.0-rc.1"], [], [])


async def test_a_floating_tag_that_a_rule_forbids_is_left_but_what_is_named_is_all_or_nothing(
    registry: Registry, api: Caller
) -> None:
    await ready(registry, _1_4_1=ONE, _1_4=ONE)
    await one_rule(registry, "immutable: true")
    found = await api("POST", "/tags/shop/web", {"digest": TWO.digest, "version": "1.4.2"})
    assert told(found) == (["1.4.2", "1"], [], ["1.4"])
    assert "the tag rule rule forbids it: the tag 1.4 is immutable" in found["left"][0]["why"]
    wanted = {"digest": THREE.digest, "version": "1.4.3", "names": ["new", "1.4.1"]}
    assert "1.4.1 is immutable" in await api.refusal("POST", "/tags/shop/web", wanted, status=403)
    assert [await is_at(registry, tag) for tag in ("1.4.3", "new", "1.4.1")] == [None, None, ONE.digest]


async def grant(registry: Registry, account: str, actions: list[str], *tags: str) -> None:
    def change(tx: Any) -> None:
        accounts.begin_change(tx)
        name = f"own-{len(tags)}"
        grants.put_role(tx, name, actions)
        grants.add_grant(tx, GrantRow(0, account, name, "**", tags, (), None, deny=False, created_at=0, created_by="t"))

    await registry.services.db.write(change)
    registry.services.authenticator.directory.forget()


async def test_each_tag_needs_the_permission_that_a_push_of_it_needs(registry: Registry) -> None:
    await ready(registry, _1_4_1=ONE, _1_4=ONE)
    await grant(registry, "a-reader", [Action.PUSH], "1*")
    reader = Caller(registry.as_("reader"))
    found = await reader("POST", "/tags/shop/web", {"digest": TWO.digest, "version": "1.4.2"})
    assert told(found) == (["1.4.2", "1"], [], ["1.4"])
    assert found["left"][0]["why"] == "nothing lets a-reader tag in shop/web"
    for names in (["1.4"], ["other"]):
        await reader.refusal("POST", "/tags/shop/web", {"digest": TWO.digest, "names": names}, status=403)
    back = {"to": ONE.digest}
    assert (await ask(registry.as_("reader"), "POST", "/rollback/shop/web/1.4.1", back)).status_code == 200  # is there
    await registry.client.put_manifest("shop/web", "1.4.1", TWO.raw, TWO.media_type)
    assert (await ask(registry.as_("reader"), "POST", "/rollback/shop/web/1.4.1", back)).status_code == 403


async def test_what_is_malformed_or_not_there_is_refused(registry: Registry, api: Caller) -> None:
    await ready(registry)
    for body in (
        {"digest": TWO.digest},
        {"digest": TWO.digest, "version": "1.4"},
        {"digest": "sha256:x", "names": ["a"]},
        {"digest": TWO.digest, "names": ["a/b"]},
        {"digest": TWO.digest, "names": ["x"] * 51},
        {"digest": TWO.digest, "names": ["x"], "latest": True},
    ):
        await api.refusal("POST", "/tags/shop/web", body, status=400)
    gone = image(seed=9).digest
    await api.refusal("POST", "/tags/shop/web", {"digest": gone, "names": ["x"]}, status=404)
    await api.refusal("POST", "/tags/shop/none", {"digest": TWO.digest, "names": ["x"]}, status=404)


async def test_every_change_of_a_tag_is_in_its_history(registry: Registry, api: Caller) -> None:
    await ready(registry, prod=ONE)
    await push(registry.client, ONE, "prod")  # changes nothing
    registry.clock.advance(hours=1)
    await push(registry.as_("publisher"), TWO, "prod")
    await api("POST", "/tags/shop/web", {"digest": THREE.digest, "names": ["prod"]})
    await api("POST", "/rollback/shop/web/prod", {"to": ONE.digest})
    await api("DELETE", "/tags/shop/web/prod", status=204)
    await push(registry.client, TWO, "prod")
    await api("DELETE", f"/manifests/shop/web/{TWO.digest}", status=204)
    found = (await api("GET", "/history/shop/web?tag=prod"))["history"]
    assert [(each["how"], each["digest"], each["who"], each["present"]) for each in reversed(found)] == [
        ("push", ONE.digest, "a-administrator", True),
        ("push", TWO.digest, "a-publisher", False),
        ("tag", THREE.digest, "a-administrator", True),
        ("rollback", ONE.digest, "a-administrator", True),
        ("delete", None, "a-administrator", False),
        ("push", TWO.digest, "a-administrator", False),
        ("delete", None, "a-administrator", False),
    ]
    assert found[-1]["at"] == registry.clock.now - 3600
    moved = await registry.services.db.read(audit.page, Filter(action="tag.move"), None, 10)
    assert len(moved) == 3


async def test_history_comes_in_pages_and_of_all_tags(registry: Registry, api: Caller) -> None:
    await ready(registry, a=ONE, b=ONE, c=ONE)
    seen, path = [], "/history/shop/web?n=2"
    page = await api("GET", path)
    while page["next"] is not None:
        seen += page["history"]
        page = await api("GET", f"{path}&before={page['next']}")
    assert [each["tag"] for each in seen + page["history"]] == ["c", "b", "a"]
    await api.refusal("GET", "/history/shop/none", status=404)
    for wrong in ("n=0", "before=x", "tag=a/b"):
        await api.refusal("GET", f"/history/shop/web?{wrong}", status=400)


async def test_a_tag_goes_back_to_where_it_was(registry: Registry, api: Caller) -> None:
    await ready(registry, prod=ONE)
    registry.clock.advance(hours=3)
    await push(registry.client, TWO, "prod")
    back = {"to": "2h-ago"}
    dry = await api("POST", "/rollback/shop/web/prod", back | {"dry_run": True})
    assert dry == {"tag": "prod", "before": TWO.digest, "after": ONE.digest}
    assert await is_at(registry, "prod") == TWO.digest
    assert await api("POST", "/rollback/shop/web/prod", back | {"expected": TWO.digest}) == dry
    assert await is_at(registry, "prod") == ONE.digest
    await api.refusal("POST", "/rollback/shop/web/prod", {"to": TWO.digest, "expected": TWO.digest}, status=412)
    await api("DELETE", "/tags/shop/web/prod", status=204)
    await api.refusal("POST", "/rollback/shop/web/prod", {"to": TWO.digest, "expected": TWO.digest}, status=412)
    await api("POST", "/rollback/shop/web/prod", {"to": TWO.digest, "expected": ""})
    assert await is_at(registry, "prod") == TWO.digest


async def test_a_tag_does_not_go_where_it_never_was_or_to_what_is_gone(registry: Registry, api: Caller) -> None:
    await ready(registry, prod=ONE)

    async def refused(to: str, status: int = 404) -> str:
        return await api.refusal("POST", "/rollback/shop/web/prod", {"to": to}, status=status)

    assert "never pointed at" in await refused(TWO.digest)
    assert "there was no tag prod" in await refused("1h-ago")
    assert "want a number" in await refused("1y-ago", 400)
    assert "has not been yet" in await refused("2099-01-01", 400)
    registry.clock.advance(hours=2)
    await push(registry.client, TWO, "prod")
    await api("DELETE", f"/manifests/shop/web/{ONE.digest}", status=204)
    for to in ("1h-ago", ONE.digest):
        assert f"{ONE.digest}, where prod was then, is gone from shop/web" in await refused(to)


async def test_a_rollback_is_held_to_the_rules(registry: Registry, api: Caller) -> None:
    await ready(registry, prod=ONE, _1_4=ONE, _1_4_1=ONE, _1_4_2=TWO)
    await push(registry.client, TWO, "prod")
    await push(registry.client, TWO, "1.4")
    await one_rule(registry, "tags: [prod, '1.4'], moved_by: a-publisher, forward_only: true")
    said = await api.refusal("POST", "/rollback/shop/web/prod", {"to": ONE.digest}, status=403)
    assert "only a-publisher may move" in said
    publisher = Caller(registry.as_("publisher"))
    said = await publisher.refusal("POST", "/rollback/shop/web/1.4", {"to": ONE.digest}, status=403)
    assert "1.4.1 is lower than 1.4.2" in said
