"""What a caller is answered, row by row of the table in the protocol, and what each kind of grant does on /v2."""

import pytest
from httpx2 import Response

from tests.conftest import Registry
from tests.kit.client import Client, code_of, location_of, require
from tests.kit.granting import store_grant
from tests.kit.images import Image, image
from tests.kit.people import People
from wharfinger.access.directory import FRESH
from wharfinger.meta import grants
from wharfinger.spec import digest as digests

IMAGE, OTHER = image(seed=21), image(seed=22)
BLOB = next(iter(IMAGE.blobs))
ABSENT = digests.of(b"nobody has pushed this")


@pytest.fixture
async def people(registry: Registry) -> People:
    """shop/web holds an image, under the tags 1.4 and dev-1; secret/web the same one."""
    for repository in ("shop/web", "secret/web"):
        for tag in ("1.4", "dev-1"):
            await registry.client.push_image(repository, IMAGE, tag)
    return People(registry)


def requests(client: Client, repository: str) -> list[tuple[str, str, bytes | None]]:
    """One of each kind, in a repository."""
    return [
        ("GET", f"/v2/{repository}/manifests/1.4", None),
        ("GET", f"/v2/{repository}/manifests/{IMAGE.digest}", None),
        ("GET", f"/v2/{repository}/blobs/{BLOB}", None),
        ("GET", f"/v2/{repository}/tags/list", None),
        ("GET", f"/v2/{repository}/referrers/{IMAGE.digest}", None),
        ("POST", f"/v2/{repository}/blobs/uploads/", b""),
        ("PATCH", f"/v2/{repository}/blobs/uploads/00000000-0000-4000-8000-000000000000", b"x"),
        ("PUT", f"/v2/{repository}/manifests/1.4", IMAGE.raw),
        ("DELETE", f"/v2/{repository}/manifests/1.4", None),
        ("DELETE", f"/v2/{repository}/manifests/{IMAGE.digest}", None),
        ("DELETE", f"/v2/{repository}/blobs/{BLOB}", None),
    ]


def said(answer: Response) -> tuple[int, bytes, dict[str, str]]:
    """All that an answer says, but for the number of the request."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, answer.content, headers


def error_of(answer: Response) -> str:
    challenge = answer.headers["WWW-Authenticate"]
    return str(challenge.partition('error="')[2].partition('"')[0])


# --- the table, from its first row to its last


async def test_no_credentials_or_bad_ones_are_asked_for(registry: Registry, people: People) -> None:
    await people.add("ci")
    people.secrets["ci"] = "wrong"
    people.secrets["who"] = "wrong"
    for client, error in (
        (people.nobody(), ""),
        (people.basic("ci"), ""),
        (people.basic("who"), ""),
        (people.with_token("wharf_nonsense"), "invalid_token"),
        (people.with_token("a.b.c"), "invalid_token"),
    ):
        for method, path, content in (*requests(client, "shop/web"), ("GET", "/v2/", None)):
            answer = require(await client.request(method, path, content=content), 401)
            assert code_of(answer) == "UNAUTHORIZED"
            assert error_of(answer) == error
            registry.clock.advance(minutes=1)  # or the many failures would be answered with 429


async def test_a_token_for_too_little_or_whose_account_may_too_little_is_sent_for_another(people: People) -> None:
    await people.add("ci", ("publisher", "shop/*"))
    for scope in ("repository:other/web:pull,push,delete", "repository:shop/web:"):
        client = await people.bearer("ci", scope)
        for method, path, content in requests(client, "shop/web"):
            answer = require(await client.request(method, path, content=content), 401)
            assert error_of(answer) == "insufficient_scope"
    await people.add("poor")
    client = await people.bearer("poor", "repository:shop/web:*")
    for method, path, content in requests(client, "shop/web"):
        assert error_of(require(await client.request(method, path, content=content), 401)) == "insufficient_scope"


@pytest.mark.parametrize("deny", [False, True])
async def test_without_pull_a_repository_that_is_there_looks_like_one_that_is_not(people: People, deny: bool) -> None:
    """Byte for byte, whatever is asked; also where a rule forbids it, for that would say that there is something."""
    await people.add("ci", ("publisher", "shop/*"))
    if deny:
        await people.grant("ci", "publisher", "secret/**", {"deny": True})
    client = people.basic("ci")
    for there, missing in zip(requests(client, "secret/web"), requests(client, "secret/xyz"), strict=True):
        answers = [said(await client.request(*each[:2], content=each[2])) for each in (there, missing)]
        assert answers[0] == answers[1]
        assert answers[0][0] == 403
        assert b"secret" not in answers[0][1]


async def test_without_pull_a_token_tells_no_more(people: People) -> None:
    await people.add("ci", ("publisher", "shop/*"))
    names = ("secret/web", "secret/xyz")
    for name in ("ci", None):
        client = await people.bearer(name, *(f"repository:{each}:*" for each in names))
        for there, missing in zip(*(requests(client, each) for each in names), strict=True):
            first, second = [said(await client.request(*each[:2], content=each[2])) for each in (there, missing)]
            assert first[:2] == second[:2]
            assert first[0] == 401
            assert first[2]["www-authenticate"] == second[2]["www-authenticate"].replace("secret/xyz", "secret/web")


async def test_who_may_pull_is_told_what_is_missing(people: People) -> None:
    await people.add("ci", ("reader", "shop/*"))
    client = people.basic("ci")
    answer = require(await client.start_upload("shop/web"), 403)
    assert answer.json()["errors"][0] == {
        "code": "DENIED",
        "message": "nothing lets ci push in shop/web",
        "detail": {"action": "push", "account": "ci"},
    }
    answer = require(await client.delete_manifest("shop/web", "1.4"), 403)
    assert answer.json()["errors"][0]["message"] == "nothing lets ci tag in shop/web"


async def test_who_may_pull_is_told_the_rule_that_refuses(people: People) -> None:
    await people.add("ci", ("maintainer", "shop/*"))
    id = await people.grant("ci", "maintainer", "shop/web", {"deny": True, "tags": ("1.*",)})
    client = people.basic("ci")
    for answer in (
        await client.put_manifest("shop/web", "1.5", IMAGE.raw, IMAGE.media_type),
        await client.get_manifest("shop/web", "1.4"),
        await client.delete_manifest("shop/web", "1.4"),
    ):
        assert f": deny {id}: ci maintainer on shop/web tags 1.*" in require(answer, 403).json()["errors"][0]["message"]
    require(await client.put_manifest("shop/web", "dev-2", IMAGE.raw, IMAGE.media_type), 201)


@pytest.mark.parametrize("pattern", ["shop/*", "shop/**", "shop/none", "**"])
async def test_who_may_pull_what_is_not_there_is_told_so(people: People, pattern: str) -> None:
    await people.add("ci", ("maintainer", pattern))
    for client in (people.basic("ci"), await people.bearer("ci", "repository:shop/none:*")):
        for method, path, content in requests(client, "shop/none")[:4]:
            answer = require(await client.request(method, path, content=content), 404)
            assert code_of(answer) == "NAME_UNKNOWN"
        answer = require(await client.referrers("shop/none", IMAGE.digest), 200)
        assert answer.json()["manifests"] == []


# --- GET /v2/


async def test_the_base_always_asks_for_a_token_even_where_all_is_public(registry: Registry, people: People) -> None:
    await people.grant("anonymous", "reader", "**")
    for path in ("/v2/", "/v2"):
        answer = require(await people.nobody().request("GET", path), 401)
        assert answer.headers.get_list("WWW-Authenticate") == [
            'Bearer realm="http://registry.test/token",service="wharfinger"'
        ]
    client = await people.bearer(None)
    assert require(await client.request("GET", "/v2/"), 200).content == b"{}"


async def test_the_realm_is_where_we_were_asked(registry: Registry) -> None:
    for host, realm in (
        ("r.example", "http://r.example/token"),
        ("r.example:5000", "http://r.example:5000/token"),
        ("[::1]:5000", "http://[::1]:5000/token"),
        ('evil"', "http://localhost/token"),
        ("a b", "http://localhost/token"),
        ("", "http://localhost/token"),
    ):
        answer = await Client(app=registry.app).request("GET", "/v2/", headers={"Host": host})
        assert f'realm="{realm}"' in answer.headers["WWW-Authenticate"]


# --- what is public


async def test_what_is_public_is_pulled_with_a_token_for_nobody(people: People) -> None:
    await people.grant("anonymous", "reader", "shop/*")
    client = await people.bearer(None, "repository:shop/web:pull,push")
    assert await client.pull_image("shop/web", "1.4") == IMAGE
    assert error_of(require(await client.start_upload("shop/web"), 401)) == "insufficient_scope"
    secret = await people.bearer(None, "repository:secret/web:pull")
    assert error_of(require(await secret.get_manifest("secret/web", "1.4"), 401)) == "insufficient_scope"
    assert require(await (await people.bearer(None, "registry:catalog:*")).catalog(), 200).json() == {
        "repositories": ["shop/web"]
    }


async def test_what_is_public_takes_a_token_all_the_same(people: People) -> None:
    """The clients' way: 401, then a token. An answer without it would differ from the one to `GET /v2/`."""
    await people.grant("anonymous", "reader", "shop/*")
    require(await people.nobody().get_manifest("shop/web", "1.4"), 401)


async def test_everybody_may_what_is_public_with_their_own_credentials(people: People) -> None:
    await people.grant("anonymous", "reader", "shop/*")
    await people.add("ci")
    assert await people.basic("ci").pull_image("shop/web", "1.4") == IMAGE
    assert await (await people.bearer("ci", "repository:shop/web:pull")).pull_image("shop/web", "1.4") == IMAGE
    await people.add("banned", ("reader", "**", {"deny": True}))
    require(await people.basic("banned").get_manifest("shop/web", "1.4"), 403)


async def test_what_was_public_is_no_longer_at_the_next_request(people: People) -> None:
    grant = await people.grant("anonymous", "reader", "shop/*")
    client = await people.bearer(None, "repository:shop/web:pull")
    require(await client.get_manifest("shop/web", "1.4"), 200)
    await people.take_back(grant)
    require(await client.get_manifest("shop/web", "1.4"), 401)


# --- moving and removing tags


@pytest.fixture
async def pusher(registry: Registry, people: People) -> People:
    """``new-only`` may push and not move tags; ``mover`` may do both."""
    await registry.services.db.write(grants.put_role, "new-only", ["pull", "push"])
    await people.add("new-only", ("new-only", "shop/*"))
    await people.add("mover", ("publisher", "shop/*"))
    for content in OTHER.blobs.values():
        require(await registry.client.push_blob("shop/web", content), 201)
    return people


async def put(client: Client, what: Image, reference: str, **more: object) -> Response:
    return await client.put_manifest("shop/web", reference, what.raw, what.media_type, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("way", ["basic", "bearer"])
async def test_a_tag_that_is_there_is_moved_by_who_may_move_tags(registry: Registry, pusher: People, way: str) -> None:
    for name, refused in (("new-only", 403 if way == "basic" else 401), ("mover", 201)):
        client = pusher.basic(name) if way == "basic" else await pusher.bearer(name, "repository:shop/web:pull,push")
        require(await put(client, IMAGE, f"new-{name}"), 201)
        require(await put(client, IMAGE, "1.4"), 201)  # it points there already
        answer = require(await put(client, OTHER, "1.4"), refused)
        if refused == 401:
            assert error_of(answer) == "insufficient_scope"
        if refused != 201:
            found = await registry.client.head_manifest("shop/web", "1.4")
            assert found.headers["Docker-Content-Digest"] == IMAGE.digest
    found = await registry.client.head_manifest("shop/web", "1.4")
    assert found.headers["Docker-Content-Digest"] == OTHER.digest


async def test_of_several_tags_all_are_moved_or_none(registry: Registry, pusher: People) -> None:
    client = pusher.basic("new-only")
    require(await put(client, OTHER, OTHER.digest, tags=["brand-new", "1.4"]), 403)
    for missing in ("brand-new", OTHER.digest):
        require(await registry.client.head_manifest("shop/web", missing), 404)
    require(await put(client, OTHER, OTHER.digest, tags=["brand-new", "another"]), 201)


async def test_a_token_for_pulling_moves_and_makes_no_tag(pusher: People) -> None:
    client = await pusher.bearer("mover", "repository:shop/web:pull,delete")
    for reference in ("brand-new", "1.4", OTHER.digest):
        assert error_of(require(await put(client, OTHER, reference), 401)) == "insufficient_scope"


async def test_removing_a_tag_takes_delete_in_the_token_and_tag_in_the_account(
    registry: Registry, pusher: People
) -> None:
    for name, words in (("mover", "pull,push"), ("new-only", "pull,push,delete")):
        client = await pusher.bearer(name, f"repository:shop/web:{words}")
        assert error_of(require(await client.delete_manifest("shop/web", "1.4"), 401)) == "insufficient_scope"
    client = await pusher.bearer("mover", "repository:shop/web:delete")
    require(await client.delete_manifest("shop/web", "1.4"), 202)
    # The word is the same; what the account may is not.
    assert error_of(require(await client.delete_manifest("shop/web", IMAGE.digest), 401)) == "insufficient_scope"
    require(await registry.client.head_manifest("shop/web", IMAGE.digest), 200)


# --- mounting


@pytest.mark.parametrize("scope", ["repository:target/web:pull,push", None])
async def test_a_mount_is_decided_by_what_the_account_may_pull(people: People, scope: str | None) -> None:
    """The token is for the target alone, as clients ask for it."""
    await people.add("ci", ("publisher", "target/*"), ("reader", "shop/*"))
    client = await people.bearer("ci", scope) if scope else people.basic("ci")
    require(await client.mount("target/web", BLOB, "shop/web"), 201)
    require(await client.mount("target/api", BLOB), 401 if scope else 201)


@pytest.mark.parametrize("source", ["secret/web", "secret/none", None])
async def test_what_one_may_not_pull_is_not_mounted_and_looks_like_nothing(people: People, source: str | None) -> None:
    await people.add("ci", ("publisher", "target/*"), ("publisher", "shop/*", {"deny": True}))
    for client in (people.basic("ci"), await people.bearer("ci", "repository:target/web:pull,push")):
        answer = await client.mount("target/web", BLOB, source)
        location_of(require(answer, 202))
        absent = await client.mount("target/web", ABSENT, source)
        assert set(answer.headers) == set(absent.headers)
        require(await client.head_blob("target/web", BLOB), 404)


async def test_a_personal_token_narrows_mounts_as_well(people: People) -> None:
    await people.add("ann", ("administrator", "**"), patterns=("target/*",), actions=("pull", "push"))
    client = people.basic("ann")
    require(await client.mount("target/web", BLOB, "shop/web"), 202)
    require(await client.mount("target/web", BLOB), 202)


# --- the catalog


async def test_the_catalog_lists_what_may_be_pulled_page_by_page(registry: Registry, people: People) -> None:
    names = sorted(f"{team}/{app}" for team in ("shop", "shops", "base", "secret") for app in ("a", "b", "c", "web"))
    for name in names:
        await registry.client.push_image(name, IMAGE, "1")
    denied: dict[str, object] = {"deny": True}
    ended: dict[str, object] = {"until": 1.0}
    await people.add(
        "ci",
        *(("reader", "shop/*"), ("reader", "base/b"), ("publisher", "shops/**")),
        *(("reader", "shops/b", denied), ("reader", "secret/a", ended)),
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


# --- each kind of limit, over HTTP


async def test_a_grant_limited_to_tags(people: People) -> None:
    await people.add("dev", ("publisher", "shop/web", {"tags": ("dev-*",)}))
    for client in (people.basic("dev"), await people.bearer("dev", "repository:shop/web:*")):
        refused = 403 if "Basic" in client._http.headers["Authorization"] else 401
        require(await client.get_manifest("shop/web", "dev-1"), 200)
        require(await client.get_manifest("shop/web", IMAGE.digest), 200)
        require(await client.get_manifest("shop/web", "1.4"), refused)
        require(await client.push("shop/web", IMAGE, "dev-2"), 201)
        require(await client.push("shop/web", IMAGE, "2.0"), refused)
        require(await put(client, IMAGE, IMAGE.digest, tags=["dev-3"]), 201)
        require(await put(client, IMAGE, IMAGE.digest, tags=["dev-4", "2.0"]), refused)
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
