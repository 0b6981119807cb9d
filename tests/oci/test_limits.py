"""What each kind of limit of a grant does on /v2, and what the catalog shows of it."""

import pytest

from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.granting import store_grant
from tests.kit.images import image
from tests.kit.people import People
from wharfinger.access.directory import FRESH

IMAGE = image(seed=21)


@pytest.fixture
async def people(registry: Registry) -> People:
    """shop/web and secret/web hold an image, under the tags 1.4 and dev-1."""
    for repository in ("shop/web", "secret/web"):
        for tag in ("1.4", "dev-1"):
            await registry.client.push_image(repository, IMAGE, tag)
    return People(registry)


async def test_the_catalog_lists_what_may_be_pulled_page_by_page(registry: Registry, people: People) -> None:
    names = sorted(f"{team}/{app}" for team in ("shop", "shops", "base", "secret") for app in ("a", "b", "c", "web"))
    for name in names:
        await registry.client.push_image(name, IMAGE, "1")
    await people.add(
        "ci",
        *(("reader", "shop/*"), ("reader", "base/b"), ("publisher", "shops/**")),
        *(("reader", "shops/b", {"deny": True}), ("reader", "secret/a", {"until": 1.0})),
    )
    expected = ["base/b", "shop/a", "shop/b", "shop/c", "shop/web", "shops/a", "shops/c", "shops/web"]
    for client in (people.basic("ci"), await people.bearer("ci", "registry:catalog:*")):
        assert require(await client.catalog(), 200).json() == {"repositories": expected}
        for size in (1, 3, 4, 8):
            pages = await client.pages(require(await client.catalog(n=size), 200))
            assert [name for page in pages for name in page.json()["repositories"]] == expected
            assert [len(page.json()["repositories"]) for page in pages] == [
                min(size, len(expected) - start) for start in range(0, len(expected), size)
            ]
        assert require(await client.catalog(n=8), 200).headers.get("Link") is None
        assert require(await client.catalog(last="shop/c"), 200).json()["repositories"] == expected[4:]
        assert require(await client.catalog(last="secret/web"), 200).json()["repositories"] == expected[1:]


async def test_whoever_may_pull_nothing_has_an_empty_catalog(people: People) -> None:
    await people.add("ci", ("publisher", "empty/**"))
    answer = require(await people.basic("ci").catalog(n=1), 200)
    assert answer.json() == {"repositories": []}
    assert "Link" not in answer.headers


async def test_the_management_api_lists_the_same(people: People) -> None:
    await people.add("ci", ("reader", "shop/*"))
    answer = require(await people.basic("ci").request("GET", "/api/v1/repositories"), 200)
    assert [row["name"] for row in answer.json()["repositories"]] == ["shop/web"]


async def test_a_grant_limited_to_tags(people: People) -> None:
    await people.add("dev", ("publisher", "shop/web", {"tags": ("dev-*",)}))
    for client in (people.basic("dev"), await people.bearer("dev", "repository:shop/web:*")):
        refused = 403 if "Basic" in client._http.headers["Authorization"] else 401
        require(await client.get_manifest("shop/web", "dev-1"), 200)
        require(await client.get_manifest("shop/web", IMAGE.digest), 200)
        require(await client.get_manifest("shop/web", "1.4"), refused)
        require(await client.push("shop/web", IMAGE, "dev-2"), 201)
        require(await client.push("shop/web", IMAGE, "2.0"), refused)
        require(await client.put_manifest("shop/web", IMAGE.digest, IMAGE.raw, IMAGE.media_type, tags=["dev-3"]), 201)
        require(
            await client.put_manifest("shop/web", IMAGE.digest, IMAGE.raw, IMAGE.media_type, tags=["dev-4", "2.0"]),
            refused,
        )
        require(await client.head_manifest("shop/web", "dev-4"), 404)
        require(await client.delete_manifest("shop/web", "dev-2"), 202)
        require(await client.delete_manifest("shop/web", "1.4"), refused)


@pytest.mark.parametrize("way", ["basic", "bearer"])
async def test_a_grant_limited_to_a_network(people: People, way: str) -> None:
    await people.add("ci", ("reader", "shop/*", {"networks": ("10.0.0.0/8", "2001:db8::/32")}))
    token = (await people.ask("ci", "repository:shop/web:pull", address="10.0.0.1")).json()["token"]
    for address, inside in (("10.9.9.9", True), ("2001:db8::5", True), ("192.0.2.1", False), ("2001:db9::5", False)):
        client = people.basic("ci", address) if way == "basic" else people.with_token(token, address)
        status = 200 if inside else 403 if way == "basic" else 401
        require(await client.get_manifest("shop/web", "1.4"), status)


async def test_a_grant_that_ends(registry: Registry, people: People) -> None:
    await people.add("ci", ("reader", "shop/*", {"until": registry.clock() + 100}))
    client, basic = await people.bearer("ci", "repository:shop/web:pull"), people.basic("ci")
    registry.clock.advance(99)
    for each in (client, basic):
        require(await each.get_manifest("shop/web", "1.4"), 200)
    registry.clock.advance(1)
    require(await client.get_manifest("shop/web", "1.4"), 401)
    require(await basic.get_manifest("shop/web", "1.4"), 403)


async def test_a_deny_about_a_group(people: People) -> None:
    await people.add("ann", ("reader", "**"), groups=("interns",))
    await people.grant("group:interns", "administrator", "secret/**", {"deny": True})
    client = people.basic("ann")
    require(await client.get_manifest("shop/web", "1.4"), 200)
    require(await client.get_manifest("secret/web", "1.4"), 403)
    assert require(await client.catalog(), 200).json() == {"repositories": ["shop/web"]}


async def test_a_change_elsewhere_counts_within_a_fifth_of_a_second(registry: Registry, people: People) -> None:
    """As if another process had made it: nothing here was told."""
    directory = registry.services.authenticator.directory
    await people.add("ci", ("reader", "shop/*"))
    client = await people.bearer("ci", "repository:shop/web:pull")
    require(await client.get_manifest("shop/web", "1.4"), 200)
    await store_grant(registry.services.db, "ci", "reader", "**", deny=True)
    directory._checked -= FRESH
    require(await client.get_manifest("shop/web", "1.4"), 401)
