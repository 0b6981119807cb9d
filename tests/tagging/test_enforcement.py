"""Rules, seen from whoever pushes and deletes: what is forbidden is answered with 403 and changes nothing."""

import json

from tests.api.caller import Caller, ask
from tests.conftest import Registry
from tests.kit.client import code_of
from tests.kit.images import image
from tests.tagging.kit import is_at, one_rule, push, rules
from wharfinger.meta import audit, policy_sections
from wharfinger.meta.audit import Filter

ONE, TWO, THREE = image(seed=1), image(seed=2), image(seed=3)


async def ready(registry: Registry, *tags: str) -> None:
    """All three images are there; the first has the tags."""
    for each in (TWO, THREE, ONE):
        await registry.client.push_image("shop/web", each)
    for tag in tags:
        assert (await push(registry.client, ONE, tag))[0] == 201


async def test_an_immutable_tag_stays_and_the_same_again_is_no_error(registry: Registry) -> None:
    await ready(registry, "1.0", "latest")
    await one_rule(registry, "immutable: true, except: [latest, 'dev-*']")
    answer = await registry.client.put_manifest("shop/web", "1.0", TWO.raw, TWO.media_type)
    assert (answer.status_code, code_of(answer)) == (403, "DENIED")
    error = answer.json()["errors"][0]
    assert error["message"] == "the tag rule rule forbids it: the tag 1.0 is immutable: push under another tag"
    assert error["detail"] == {"rule": "rule", "repository": "shop/web", "tag": "1.0"}
    assert await is_at(registry, "1.0") == ONE.digest
    assert (await push(registry.client, ONE, "1.0"))[0] == 201
    assert (await push(registry.client, TWO, "latest"))[0] == 201
    assert (await push(registry.client, TWO, "dev-1"))[0] == 201
    assert (await push(registry.client, THREE, "dev-1"))[0] == 201


async def test_what_is_refused_is_told_to_the_audit_trail_with_its_rule(registry: Registry) -> None:
    await ready(registry, "1.0")
    await one_rule(registry, "immutable: true")
    assert (await push(registry.client, TWO, "1.0"))[0] == 403
    await registry.services.trail.flush(everything=True)
    found = await registry.services.db.read(audit.page, Filter(outcome="denied"), None, 10)
    assert [(r.action, r.tag, r.rule) for r in found] == [("push", "1.0", "tag rule rule")]
    assert await registry.services.db.read(audit.page, Filter(action="tag.move"), None, 10) == []


async def test_of_several_tags_at_once_all_move_or_none(registry: Registry) -> None:
    await ready(registry, "1.0.0")
    await one_rule(registry, "immutable: true, tags: semver")
    path = f"/v2/shop/web/manifests/{TWO.digest}?tag=new&tag=1.0.0&tag=newer"
    answer = await registry.client.request("PUT", path, content=TWO.raw, headers={"Content-Type": TWO.media_type})
    assert answer.status_code == 403
    assert [await is_at(registry, tag) for tag in ("new", "1.0.0", "newer")] == [None, ONE.digest, None]


async def test_an_undeletable_tag_is_removed_neither_alone_nor_with_its_manifest(registry: Registry) -> None:
    await ready(registry, "1.0", "other")
    await one_rule(registry, "tags: 1.0, undeletable: true")
    for method, path in (
        ("DELETE", "/v2/shop/web/manifests/1.0"),
        ("DELETE", f"/v2/shop/web/manifests/{ONE.digest}"),
        ("DELETE", "/api/v1/tags/shop/web/1.0"),
        ("DELETE", f"/api/v1/manifests/shop/web/{ONE.digest}"),
    ):
        answer = await registry.client.request(method, path)
        assert answer.status_code == 403, path
        assert "the tag 1.0 may not be removed" in answer.text
    assert await is_at(registry, "1.0") == await is_at(registry, "other") == ONE.digest
    assert (await registry.client.request("DELETE", "/v2/shop/web/manifests/other")).status_code == 202
    assert (await push(registry.client, TWO, "1.0"))[0] == 201  # undeletable is not immutable


async def test_undeletable_ends_on_its_day(registry: Registry) -> None:
    await ready(registry, "1.0")
    day = registry.clock.now + 86400
    await one_rule(registry, f"undeletable: {{until: '{day}'}}")
    assert (await registry.client.request("DELETE", "/v2/shop/web/manifests/1.0")).status_code == 403
    registry.clock.advance(days=1)
    assert (await registry.client.request("DELETE", "/v2/shop/web/manifests/1.0")).status_code == 202


async def test_a_tag_of_another_form_is_refused_with_an_example(registry: Registry) -> None:
    await ready(registry)
    await one_rule(registry, "form: [semver, git-sha, 'pr-*'], except: latest")
    status, said = await push(registry.client, ONE, "nightly")
    assert (status, "nightly is not of the form semver or git-sha or pr-*: 1.4.2 would be" in said) == (403, True)
    for tag in ("1.4.2", "v1.4.2-rc.1", "a1b2c3d", "pr-77", "latest"):
        assert (await push(registry.client, ONE, tag))[0] == 201


async def test_only_who_is_named_moves_protected_tags(registry: Registry, api: Caller) -> None:
    await ready(registry, "prod-eu", "dev")
    await api("POST", "/groups", {"name": "releasers"}, status=201)
    await api("PUT", "/members/a-publisher/releasers", status=204)
    await one_rule(registry, "tags: 'prod-*', moved_by: ['group:releasers']")
    maintainer, publisher = registry.as_("maintainer"), registry.as_("publisher")
    for attempt in (push(maintainer, TWO, "prod-eu"), push(maintainer, TWO, "prod-us")):
        status, said = await attempt
        assert (status, "only group:releasers may m" in said) == (403, True)
    assert (await maintainer.request("DELETE", "/v2/shop/web/manifests/prod-eu")).status_code == 403
    assert (await push(maintainer, TWO, "dev"))[0] == 201
    assert (await push(publisher, TWO, "prod-eu"))[0] == 201
    assert (await push(publisher, TWO, "prod-us"))[0] == 201


async def test_a_floating_tag_moves_only_to_a_higher_version(registry: Registry) -> None:
    await ready(registry, "1.4.2", "1.4")
    await one_rule(registry, "forward_only: true")
    status, said = await push(registry.client, TWO, "1.4")
    assert (status, "no tag says which version this image is" in said) == (403, True)
    await push(registry.client, TWO, "1.4.1")
    status, said = await push(registry.client, TWO, "1.4")
    assert (status, "1.4.1 is lower than 1.4.2" in said) == (403, True)
    await push(registry.client, THREE, "1.4.10")
    assert (await push(registry.client, THREE, "1.4"))[0] == 201
    assert (await push(registry.client, ONE, "1.4"))[0] == 403


async def test_a_floating_tag_and_its_version_may_come_in_one_push(registry: Registry) -> None:
    await ready(registry, "1.4.2", "1.4")
    await one_rule(registry, "forward_only: true")
    for tags, status in (("tag=1.4&tag=1.4.1", 403), ("tag=1.4&tag=1.4.3", 201)):
        path = f"/v2/shop/web/manifests/{TWO.digest}?{tags}"
        answer = await registry.client.request("PUT", path, content=TWO.raw, headers={"Content-Type": TWO.media_type})
        assert answer.status_code == status, answer.text


async def test_the_version_that_moves_away_in_the_same_push_counts_still(registry: Registry) -> None:
    await ready(registry, "1.4.2", "1.4")
    await one_rule(registry, "forward_only: true")
    await push(registry.client, TWO, "1.4.1")
    path = f"/v2/shop/web/manifests/{TWO.digest}?tag=1.4.2&tag=1.4"
    answer = await registry.client.request("PUT", path, content=TWO.raw, headers={"Content-Type": TWO.media_type})
    assert answer.status_code == 201  # as high as before
    path = f"/v2/shop/web/manifests/{THREE.digest}?tag=1.4.1&tag=1.4"
    answer = await registry.client.request("PUT", path, content=THREE.raw, headers={"Content-Type": THREE.media_type})
    assert answer.status_code == 403


async def test_rules_are_about_the_repositories_that_they_name(registry: Registry) -> None:
    await ready(registry, "1.0")
    await rules(registry, "version: 1\ntags:\n- {name: a, repositories: 'other/**', immutable: true}\n")
    assert (await push(registry.client, TWO, "1.0"))[0] == 201
    await rules(registry, "version: 1\ntags:\n- {name: a, repositories: [x, {not: 'other/**'}], immutable: true}\n")
    assert (await push(registry.client, ONE, "1.0"))[0] == 403
    await rules(registry, "version: 1\ntags: []\n")
    assert (await push(registry.client, ONE, "1.0"))[0] == 201


async def test_rules_that_cannot_be_read_forbid_everything(registry: Registry) -> None:
    await ready(registry, "1.0")
    for body in ('[{"name": "x", "later": true}]', "{", '["x"]'):
        await registry.services.db.write(policy_sections.write, "tags", body, 0.0)
        status, said = await push(registry.client, ONE, "new")
        assert (status, "cannot read the tag rules" in said) == (403, True)
    assert (await push(registry.client, ONE, "1.0"))[0] == 201  # which changes nothing


async def test_a_rule_of_another_node_counts_at_once(registry: Registry) -> None:
    await ready(registry, "1.0")
    assert (await push(registry.client, TWO, "1.0"))[0] == 201
    body = json.dumps([{"name": "x", "repositories": "**", "immutable": True}])
    await registry.services.db.write(policy_sections.write, "tags", body, 0.0)
    assert (await push(registry.client, ONE, "1.0"))[0] == 403
    assert (await ask(registry.client, "GET", "/policy")).json()["policy"].count("immutable") == 1
