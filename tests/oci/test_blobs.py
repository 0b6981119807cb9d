"""Pulling blobs: HEAD and GET, what they say of the content, and who may read it."""

import pytest

from tests.kit.client import Registry, code_of, require
from tests.kit.images import blob
from wharfinger.spec import digest as digests

REPO = "team/app"
DATA = blob(100)
DIGEST = digests.of(DATA)


@pytest.fixture(autouse=True)
async def pushed(registry: Registry) -> None:
    require(await registry.client.push_blob(REPO, DATA), 201)


async def test_a_blob_comes_as_it_was_pushed(registry: Registry) -> None:
    answer = require(await registry.client.get_blob(REPO, DIGEST), 200)
    assert answer.content == DATA
    assert answer.headers["Content-Length"] == "100"
    assert answer.headers["Docker-Content-Digest"] == DIGEST
    assert answer.headers["ETag"] == f'"{DIGEST}"'
    assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_head_says_what_get_would_and_sends_nothing(registry: Registry) -> None:
    head = require(await registry.client.head_blob(REPO, DIGEST), 200)
    get = await registry.client.get_blob(REPO, DIGEST)
    assert head.content == b""
    for name in ("Content-Length", "Docker-Content-Digest", "ETag", "Content-Type", "Accept-Ranges"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("size", [0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 1 << 20, (3 << 20) + 7])
async def test_a_blob_of_any_size_comes_whole(registry: Registry, size: int) -> None:
    content = blob(size, seed=1)
    require(await registry.client.push_blob(REPO, content), 201)
    answer = require(await registry.client.get_blob(REPO, digests.of(content)), 200)
    assert answer.content == content
    assert answer.headers["Content-Length"] == str(size)
    head = require(await registry.client.head_blob(REPO, digests.of(content)), 200)
    assert head.headers["Content-Length"] == str(size)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("tags", [f'"{DIGEST}"', f'W/"{DIGEST}"', f'"x", "{DIGEST}"', "*"])
async def test_a_client_that_has_the_blob_is_told_so(registry: Registry, method: str, tags: str) -> None:
    answer = await registry.client.request(method, f"/v2/{REPO}/blobs/{DIGEST}", headers={"If-None-Match": tags})
    require(answer, 304)
    assert answer.content == b""
    assert answer.headers["ETag"] == f'"{DIGEST}"'
    assert answer.headers["Docker-Content-Digest"] == DIGEST


@pytest.mark.parametrize("tags", ['"x"', "", f'"{digests.of(b"")}"', '"', ",,,"])
async def test_a_client_that_has_something_else_gets_the_blob(registry: Registry, tags: str) -> None:
    answer = await registry.client.get_blob(REPO, DIGEST, headers={"If-None-Match": tags})
    assert require(answer, 200).content == DATA


async def test_a_blob_that_was_never_pushed_is_unknown(registry: Registry) -> None:
    missing = digests.of(b"never")
    assert code_of(require(await registry.client.get_blob(REPO, missing), 404)) == "BLOB_UNKNOWN"
    assert require(await registry.client.head_blob(REPO, missing), 404).content == b""
    assert code_of(require(await registry.client.delete_blob(REPO, missing), 404)) == "BLOB_UNKNOWN"


async def test_a_blob_goes_by_the_digest_it_was_pushed_under_only(registry: Registry) -> None:
    require(await registry.client.get_blob(REPO, digests.of(DATA, "sha512")), 404)


async def test_a_blob_is_readable_only_through_a_repository_that_holds_it(registry: Registry) -> None:
    require(await registry.client.push_blob("team/other", b"other"), 201)
    for path in ("team/other", "team", "team/app/more", "never/pushed"):
        answer = require(await registry.client.get_blob(path, DIGEST), 404)
        assert code_of(answer) in {"BLOB_UNKNOWN", "NAME_UNKNOWN"}
        require(await registry.client.head_blob(path, DIGEST), 404)


async def test_pushing_the_same_content_to_another_repository_makes_it_readable_there(registry: Registry) -> None:
    require(await registry.client.push_blob("team/other", DATA), 201)
    assert require(await registry.client.get_blob("team/other", DIGEST), 200).content == DATA


async def test_a_digest_in_the_path_that_is_none_is_refused(registry: Registry) -> None:
    for method in ("GET", "HEAD", "DELETE"):
        answer = require(await registry.client.request(method, f"/v2/{REPO}/blobs/sha256:0"), 400)
        assert method == "HEAD" or code_of(answer) == "DIGEST_INVALID"


async def test_what_the_specification_does_not_know_is_not_served(registry: Registry) -> None:
    for method in ("PUT", "POST", "PATCH"):
        answer = await registry.client.request(method, f"/v2/{REPO}/blobs/{DIGEST}", content=b"x")
        assert answer.status_code in {404, 405}
        code_of(answer)
    assert (await registry.client.get_blob(REPO, DIGEST)).content == DATA
