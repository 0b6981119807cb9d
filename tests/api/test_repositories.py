"""What is there, and removing it, through the management API."""

import pytest

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.images import Image, image, index, made
from wharfinger.spec import media_types

BASE = image(layers=[b"base layer", b"own layer"], seed=1)
ARM = image(layers=[b"base layer", b"arm layer"], seed=2)


async def test_an_empty_registry_has_no_repositories(api: Caller) -> None:
    assert await api("GET", "/repositories") == {"repositories": [], "next": None}


async def test_a_repository_is_summed_up(api: Caller, registry: Registry) -> None:
    await registry.client.push_image("shop/web", BASE, "1")
    await registry.client.push_image("shop/web", BASE, "2")
    await registry.client.push_image("shop/web", ARM)
    blobs = {**BASE.blobs, **ARM.blobs}
    assert (await api("GET", "/repositories"))["repositories"] == [
        {
            "name": "shop/web",
            "created_at": registry.clock(),
            "tags": 2,
            "manifests": 2,
            "size": sum(len(content) for content in blobs.values()),
        }
    ]


async def test_pages_of_repositories_are_complete_and_in_byte_order(api: Caller, registry: Registry) -> None:
    expected = sorted(["a", "a-b", "a/b", "a0", "b", "z/y/x", "a.b"])
    for name in expected:
        await registry.client.push_image(name, BASE, "1")
    pages = [await api("GET", "/repositories?n=3")]
    while (last := pages[-1]["next"]) is not None:
        pages.append(await api("GET", f"/repositories?n=3&last={last}"))
    assert [row["name"] for page in pages for row in page["repositories"]] == expected
    assert len(pages) == 3


async def test_pages_of_tags_are_complete_and_in_byte_order(api: Caller, registry: Registry) -> None:
    expected = sorted(["1.4", "1.10", "Z", "_", "a", "latest"])
    for tag in expected:
        await registry.client.push_image("shop/web", BASE, tag)
    first = await api("GET", "/tags/shop/web?n=4")
    second = await api("GET", f"/tags/shop/web?n=4&last={first['next']}")
    assert [row["name"] for row in first["tags"] + second["tags"]] == expected
    assert second["next"] is None
    assert first["tags"][0] == {
        "name": "1.10",
        "digest": BASE.digest,
        "media_type": BASE.media_type,
        "moved_at": registry.clock(),
    }


async def test_a_full_last_page_has_no_next(api: Caller, registry: Registry) -> None:
    await registry.client.push_image("shop/web", BASE, "1")
    assert (await api("GET", "/tags/shop/web?n=1"))["next"] is None
    assert (await api("GET", "/repositories?n=1"))["next"] is None


@pytest.mark.parametrize("path", ["/tags/shop/api", "/manifests/shop/api/1", "/manifests/shop/web/2"])
async def test_what_is_unknown_is_not_found(api: Caller, registry: Registry, path: str) -> None:
    await registry.client.push_image("shop/web", BASE, "1")
    await api("GET", path, status=404)


@pytest.mark.parametrize("name", ["tags", "manifests/tags", "tags/tags/tags", "a/manifests", "a/repositories", "login"])
async def test_names_that_look_like_paths_are_names(api: Caller, registry: Registry, name: str) -> None:
    await registry.client.push_image(name, BASE, "tags")
    assert [row["name"] for row in (await api("GET", f"/tags/{name}"))["tags"]] == ["tags"]
    assert (await api("GET", f"/manifests/{name}/tags"))["digest"] == BASE.digest
    await api("DELETE", f"/tags/{name}/tags", status=204)
    await api("DELETE", f"/manifests/{name}/{BASE.digest}", status=204)
    assert (await api("GET", f"/tags/{name}"))["tags"] == []


async def test_an_image_is_described(api: Caller, registry: Registry) -> None:
    note = image(artifact_type="application/note", subject=BASE, layers=1)
    await registry.client.push_image("shop/web", BASE, "1.4")
    await registry.client.push_image("shop/web", BASE, "latest")
    await registry.client.push_image("shop/web", note)
    detail = await api("GET", "/manifests/shop/web/1.4")
    assert detail == await api("GET", f"/manifests/shop/web/{BASE.digest}")
    config, first, second = (
        {
            "media_type": part["mediaType"],
            "digest": part["digest"],
            "size": part["size"],
            "present": True,
            "platform": None,
        }
        for part in (BASE.fields["config"], *BASE.fields["layers"])
    )
    assert detail == {
        "digest": BASE.digest,
        "media_type": BASE.media_type,
        "artifact_type": BASE.fields["config"]["mediaType"],
        "subject": None,
        "annotations": {},
        "size": len(BASE.raw),
        "total_size": _weight(BASE),
        "pushed_at": registry.clock(),
        "tags": ["1.4", "latest"],
        "tag_count": 2,
        "referrers": 1,
        "config": config,
        "layers": [first, second],
        "children": [],
    }
    assert (await api("GET", f"/manifests/shop/web/{note.digest}"))["subject"] == BASE.digest


async def test_an_index_is_described_with_its_platforms_and_what_they_share_counted_once(
    api: Caller, registry: Registry
) -> None:
    platforms = [{"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm", "variant": "v7"}]
    children = [
        {**child.descriptor, "platform": platform} for child, platform in zip((BASE, ARM), platforms, strict=True)
    ]
    both = made(media_types.OCI_INDEX, {"manifests": children}, children=[BASE, ARM])
    await registry.client.push_image("shop/web", both, "multi")
    detail = await api("GET", "/manifests/shop/web/multi")
    assert [child["platform"] for child in detail["children"]] == ["linux/amd64", "linux/arm/v7"]
    assert [child["digest"] for child in detail["children"]] == [BASE.digest, ARM.digest]
    assert detail["config"] is None
    shared = len(b"base layer")
    assert detail["total_size"] == len(both.raw) + _weight(BASE) + _weight(ARM) - shared


@pytest.mark.parametrize("platform", [None, "linux", [], {}, {"os": 5}, {"os": ""}])
async def test_a_platform_that_is_nonsense_is_none(api: Caller, registry: Registry, platform: object) -> None:
    odd = made(media_types.OCI_INDEX, {"manifests": [{**BASE.descriptor, "platform": platform}]}, children=[BASE])
    await registry.client.push_image("shop/web", odd, "odd")
    assert (await api("GET", "/manifests/shop/web/odd"))["children"][0]["platform"] is None


async def test_a_foreign_layer_is_not_present_and_weighs_nothing(api: Caller, registry: Registry) -> None:
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "digest": "sha256:" + "0" * 64,
        "size": 1 << 40,
    }
    fields = {"config": BASE.fields["config"], "layers": [foreign]}
    far = made(media_types.OCI_MANIFEST, fields, blobs=[next(iter(BASE.blobs.values()))])
    await registry.client.push_image("shop/web", far, "far")
    detail = await api("GET", "/manifests/shop/web/far")
    assert [layer["present"] for layer in detail["layers"]] == [False]
    assert detail["total_size"] == _weight(far)


async def test_removing_a_tag_leaves_the_manifest(api: Caller, registry: Registry) -> None:
    await registry.client.push_image("shop/web", BASE, "1")
    await registry.client.push_image("shop/web", BASE, "2")
    await api("DELETE", "/tags/shop/web/1", status=204)
    await api("DELETE", "/tags/shop/web/1", status=404)
    assert (await api("GET", f"/manifests/shop/web/{BASE.digest}"))["tags"] == ["2"]


async def test_removing_a_manifest_takes_its_tags_along(api: Caller, registry: Registry) -> None:
    await registry.client.push_image("shop/web", BASE, "1")
    await api("DELETE", f"/manifests/shop/web/{BASE.digest}", status=204)
    assert (await api("GET", "/tags/shop/web"))["tags"] == []
    require(await registry.client.get_manifest("shop/web", "1"), 404)


async def test_a_manifest_that_an_index_lists_stays(api: Caller, registry: Registry) -> None:
    both = index([BASE, ARM])
    await registry.client.push_image("shop/web", both, "multi")
    assert both.digest in await api.refusal("DELETE", f"/manifests/shop/web/{BASE.digest}", status=405)


async def test_no_more_than_a_hundred_tags_are_named(api: Caller, registry: Registry) -> None:
    tags = [f"v{i:03}" for i in range(105)]
    await registry.client.push_image("shop/web", BASE)
    for tag in tags:
        require(await registry.client.put_manifest("shop/web", tag, BASE.raw, BASE.media_type), 201)
    detail = await api("GET", "/manifests/shop/web/v000")
    assert (detail["tags"], detail["tag_count"]) == (tags[:100], 105)


def _weight(one: Image) -> int:
    return len(one.raw) + sum(len(content) for content in one.blobs.values())
