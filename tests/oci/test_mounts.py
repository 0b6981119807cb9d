"""Mounting: a blob of one repository becomes one of another, without its bytes."""

import pytest

from tests.kit.client import Registry, code_of, location_of, require
from tests.kit.images import blob
from wharfinger.spec import digest as digests

DATA = blob(100)
DIGEST = digests.of(DATA)


async def test_a_blob_is_mounted_from_a_repository_that_holds_it(registry: Registry) -> None:
    client = registry.client
    require(await client.push_blob("team/source", DATA), 201)
    answer = require(await client.mount("team/target", DIGEST, "team/source"), 201)
    assert answer.headers["Location"] == f"/v2/team/target/blobs/{DIGEST}"
    assert answer.headers["Docker-Content-Digest"] == DIGEST
    assert require(await client.get_blob("team/target", DIGEST), 200).content == DATA


async def test_without_a_source_any_repository_will_do(registry: Registry) -> None:
    require(await registry.client.push_blob("team/source", DATA), 201)
    require(await registry.client.mount("team/target", DIGEST), 201)
    assert require(await registry.client.get_blob("team/target", DIGEST), 200).content == DATA


async def test_what_is_mounted_stays_when_the_source_lets_go_of_it(registry: Registry) -> None:
    client = registry.client
    require(await client.push_blob("team/source", DATA), 201)
    require(await client.mount("team/target", DIGEST, "team/source"), 201)
    require(await client.delete_blob("team/source", DIGEST), 202)
    assert require(await client.get_blob("team/target", DIGEST), 200).content == DATA
    require(await client.get_blob("team/source", DIGEST), 404)


async def test_what_no_repository_holds_any_more_is_not_mounted(registry: Registry) -> None:
    require(await registry.client.push_blob("team/source", DATA), 201)
    require(await registry.client.delete_blob("team/source", DIGEST), 202)
    for source in ("team/source", None):
        location_of(await registry.client.mount("team/target", DIGEST, source))
    require(await registry.client.get_blob("team/target", DIGEST), 404)


async def test_a_blob_may_be_mounted_where_it_is(registry: Registry) -> None:
    require(await registry.client.push_blob("team/app", DATA), 201)
    require(await registry.client.mount("team/app", DIGEST, "team/app"), 201)


@pytest.mark.parametrize("source", ["never/pushed", "team/other", "Not A Name", "..", "", "a" * 300, "\0"])
async def test_a_mount_that_cannot_be_is_a_session_to_push_the_blob(registry: Registry, source: str) -> None:
    client = registry.client
    require(await client.push_blob("team/other", b"something else"), 201)
    location = location_of(await client.mount("team/target", DIGEST, source))
    require(await client.get_blob("team/target", DIGEST), 404)
    require(await client.put_upload(location, DIGEST, DATA), 201)


async def test_a_source_that_does_not_hold_the_blob_is_no_way_to_what_others_hold(registry: Registry) -> None:
    require(await registry.client.push_blob("team/private", DATA), 201)
    require(await registry.client.push_blob("team/other", b"something else"), 201)
    location_of(await registry.client.mount("team/target", DIGEST, "team/other"))
    require(await registry.client.get_blob("team/target", DIGEST), 404)


@pytest.mark.parametrize("digest", ["", "sha256:0", "latest", f"{DIGEST}\0", "../" + DIGEST])
async def test_a_digest_that_is_none_is_refused_or_starts_a_session(registry: Registry, digest: str) -> None:
    answer = await registry.client.mount("team/target", digest, "team/source")
    assert answer.status_code in {202, 400}
    if answer.status_code == 400:
        code_of(answer)


async def test_a_blob_by_sha512_is_mounted_by_sha512(registry: Registry) -> None:
    digest = digests.of(DATA, "sha512")
    require(await registry.client.push_blob("team/source", DATA, algorithm="sha512"), 201)
    require(await registry.client.mount("team/target", digest, "team/source"), 201)
    location_of(await registry.client.mount("team/target", DIGEST, "team/source"))
