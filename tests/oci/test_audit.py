"""What requests leave in the audit trail: who, what, which digest, from where, by what right. And what leaves none."""

import base64
import json
from typing import Any

import pytest

from tests.conftest import PASSWORD, Registry
from tests.kit.client import Client, require
from tests.kit.images import image
from wharfinger.meta import audit
from wharfinger.meta.audit import Filter, Record
from wharfinger.meta.grants import GrantRow

IMAGE = image(layers=[b"one layer"])
OTHER = image(layers=[b"another layer"])
LAYER = next(iter(IMAGE.blobs))


async def records(registry: Registry, *actions: str) -> list[Record]:
    """The records there are, the oldest first; of these actions alone where some are named."""
    await registry.services.trail.flush(everything=True)
    found = await registry.services.db.read(audit.page, Filter(), None, 1000)
    by_making = sorted(found, key=lambda record: record.id)
    return [record for record in by_making if not actions or record.action in actions]


async def one(registry: Registry, action: str) -> Record:
    (record,) = await records(registry, action)
    return record


def detail(record: Record) -> Any:
    return json.loads(record.detail)


async def grant(registry: Registry, principal: str, role: str, pattern: str, *, deny: bool = False) -> None:
    from wharfinger.meta import accounts, grants

    row = GrantRow(0, principal, role, pattern, (), (), None, deny=deny, created_at=0.0, created_by="tests")

    def add(tx: Any) -> int:
        accounts.begin_change(tx)
        return grants.add_grant(tx, row)

    await registry.services.db.write(add)
    registry.services.authenticator.directory.forget()


async def token(client: Client, scope: str) -> str:
    answer = require(await client.request("GET", "/token", params={"scope": scope}), 200)
    return str(answer.json()["token"])


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def test_a_push_tells_who_what_where_and_by_what_right(registry: Registry) -> None:
    await registry.as_("publisher").push_image("shop/web", IMAGE, "1.0")
    push = await one(registry, "push")
    assert (push.account, push.repository, push.tag, push.digest) == ("a-publisher", "shop/web", "1.0", IMAGE.digest)
    assert (push.outcome, push.address, push.at) == ("done", "127.0.0.1", registry.clock())
    assert push.client.startswith("python-httpx2/")
    assert push.rule == "grant 2: a-publisher publisher on **"
    assert len(push.request) == 16
    made = await one(registry, "tag.make")
    assert (made.tag, made.digest, detail(made)) == ("1.0", IMAGE.digest, {"before": None, "after": IMAGE.digest})
    assert made.request == push.request
    blobs = await records(registry, "blob.push")
    assert {record.digest for record in blobs} == set(IMAGE.blobs)
    assert {detail(record)["size"] for record in blobs} == {len(content) for content in IMAGE.blobs.values()}


async def test_a_tag_that_moves_tells_from_where_to_where(registry: Registry) -> None:
    for what in (IMAGE, IMAGE, OTHER):
        await registry.client.push_image("shop/web", what, "1.0")
    assert len(await records(registry, "push")) == 3
    assert len(await records(registry, "tag.make")) == 1
    moved = await one(registry, "tag.move")
    assert (moved.tag, moved.digest) == ("1.0", OTHER.digest)
    assert detail(moved) == {"before": IMAGE.digest, "after": OTHER.digest}


async def test_several_tags_at_once_are_records_of_their_own(registry: Registry) -> None:
    await registry.client.push_image("shop/web", IMAGE)
    answer = await registry.client.put_manifest(
        "shop/web", IMAGE.digest, IMAGE.raw, IMAGE.media_type, tags=("1", "1.0")
    )
    require(answer, 201)
    assert [record.tag for record in await records(registry, "tag.make")] == ["1", "1.0"]
    assert detail((await records(registry, "push"))[-1]) == {"tags": ["1", "1.0"]}


async def test_a_mount_tells_from_where(registry: Registry) -> None:
    await registry.client.push_image("shop/web", IMAGE)
    require(await registry.client.mount("shop/copy", LAYER, "shop/web"), 201)
    mounted = await one(registry, "blob.mount")
    assert (mounted.repository, mounted.digest, detail(mounted)) == ("shop/copy", LAYER, {"from": "shop/web"})


async def test_deletes(registry: Registry) -> None:
    await registry.client.push_image("shop/web", IMAGE, "1")
    await registry.client.push_image("shop/web", IMAGE, "2")
    await registry.client.push_image("shop/web", IMAGE, "3")
    require(await registry.client.delete_manifest("shop/web", "1"), 202)
    require(await registry.client.delete_manifest("shop/web", IMAGE.digest), 202)
    require(await registry.client.delete_blob("shop/web", LAYER), 202)
    tag, manifest, blob = await records(registry, "tag.delete", "manifest.delete", "blob.delete")
    assert (tag.tag, tag.digest) == ("1", IMAGE.digest)
    assert (manifest.digest, detail(manifest)) == (IMAGE.digest, {"tags": ["2", "3"], "tags_in_all": 2})
    assert (blob.digest, blob.repository) == (LAYER, "shop/web")


async def test_what_was_refused_is_not_recorded_as_done(registry: Registry) -> None:
    await registry.client.push_image("shop/web", IMAGE, "1")
    before = len(await records(registry))
    require(await registry.client.delete_blob("shop/web", LAYER), 405)
    require(await registry.client.delete_manifest("shop/web", "2"), 404)
    require(await registry.client.put_manifest("shop/web", "2", b"{}", "application/json"), 400)
    missing = await registry.client.put_manifest("shop/other", "2", IMAGE.raw, IMAGE.media_type)
    require(missing, 404)
    assert len(await records(registry)) == before


async def test_pulls_are_counted(registry: Registry) -> None:
    await registry.client.push_image("shop/web", IMAGE, "1")
    reader = registry.as_("reader")
    for _ in range(3):
        require(await reader.get_manifest("shop/web", "1"), 200)
    require(await reader.get_manifest("shop/web", IMAGE.digest), 200)
    require(await reader.get_blob("shop/web", LAYER), 200)
    require(await reader.get_blob("shop/web", LAYER, headers={"Range": "bytes=0-1"}), 206)
    pulls = await records(registry, "pull")
    assert [(pull.tag, pull.digest, pull.count) for pull in pulls] == [
        ("1", IMAGE.digest, 3),
        (None, IMAGE.digest, 1),
        (None, LAYER, 2),
    ]
    assert {(pull.account, pull.repository, pull.rule) for pull in pulls} == {
        ("a-reader", "shop/web", "grant 1: a-reader reader on **")
    }


async def test_a_head_a_304_and_what_is_not_there_are_no_pulls(registry: Registry) -> None:
    await registry.client.push_image("shop/web", IMAGE, "1")
    reader = registry.as_("reader")
    known = {"If-None-Match": f'"{IMAGE.digest}"'}
    require(await reader.head_manifest("shop/web", "1"), 200)
    require(await reader.head_blob("shop/web", LAYER), 200)
    require(await reader.get_manifest("shop/web", "1", headers=known), 304)
    require(await reader.get_blob("shop/web", LAYER, headers={"If-None-Match": f'"{LAYER}"'}), 304)
    require(await reader.get_manifest("shop/web", "2"), 404)
    require(await reader.tags("shop/web"), 200)
    assert await records(registry, "pull") == []


async def test_the_challenge_to_who_comes_without_credentials_is_no_denial(registry: Registry) -> None:
    async with Client(app=registry.app) as nobody:
        require(await nobody.get_manifest("shop/web", "1"), 401)
        require(await nobody.request("GET", "/v2/"), 401)
    assert [record for record in await records(registry) if record.outcome != "done"] == []


async def test_a_denial_tells_what_was_wanted(registry: Registry) -> None:
    await registry.client.push_image("shop/web", IMAGE, "1")
    require(await registry.as_("reader").delete_manifest("shop/web", "1"), 403)
    denied = await one(registry, "tag")
    assert (denied.outcome, denied.account, denied.repository, denied.tag) == ("denied", "a-reader", "shop/web", "1")
    assert detail(denied) == {"method": "DELETE", "path": "/v2/shop/web/manifests/1", "refusal": "DENIED"}
    assert len(denied.request) == 16


async def test_a_denial_tells_the_rule_that_forbade_it(registry: Registry) -> None:
    await grant(registry, "a-reader", "reader", "shop/**", deny=True)
    require(await registry.as_("reader").get_manifest("shop/web", "1"), 403)
    denied = await one(registry, "pull")
    assert (denied.outcome, denied.rule) == ("denied", "deny 6: a-reader reader on shop/**")


async def test_a_token_that_is_not_for_it_is_a_denial(registry: Registry) -> None:
    reader = registry.as_("reader")
    bearer = {"Authorization": f"Bearer {await token(reader, 'repository:shop/web:pull')}"}
    async with Client(app=registry.app) as client:
        require(await client.request("GET", "/v2/shop/api/manifests/1", headers=bearer), 401)
        require(await client.request("POST", "/v2/shop/web/blobs/uploads/", headers=bearer), 401)
    denied = [record for record in await records(registry) if record.outcome == "denied"]
    assert [(record.account, record.action, record.repository) for record in denied] == [
        ("a-reader", "pull", "shop/api"),
        ("a-reader", "push", "shop/web"),
    ]
    assert {detail(record)["refusal"] for record in denied} == {"insufficient_scope"}


async def test_issued_tokens_tell_what_they_are_for(registry: Registry) -> None:
    await token(registry.as_("reader"), "repository:shop/web:pull,push")
    issued = await one(registry, "token.issue")
    assert issued.account == "a-reader"
    assert detail(issued) == {"by": "password", "scope": "repository:shop/web:pull"}


async def test_a_refresh_token_is_a_log_in(registry: Registry) -> None:
    answer = await registry.as_("reader").request("GET", "/token", params={"offline_token": "true"})
    require(answer, 200)
    kinds = [detail(record)["method"] for record in await records(registry, "login")]
    assert sorted(kinds) == ["password", "refresh token"]


WRONG = [basic("a-reader", "wrong"), basic("nobody", PASSWORD)]


@pytest.mark.parametrize("headers", WRONG)
@pytest.mark.parametrize("path", ["/v2/", "/v2/shop/web/manifests/1", "/token", "/api/v1/whoami", "/metrics"])
async def test_a_failed_log_in_tells_whom_somebody_wanted_to_be(
    registry: Registry, headers: dict[str, str], path: str
) -> None:
    async with Client(app=registry.app) as client:
        require(await client.request("GET", path, headers=headers), 401)
    failed = await one(registry, "login")
    wanted = base64.b64decode(headers["Authorization"].partition(" ")[2]).decode().partition(":")[0]
    assert (failed.outcome, failed.account, failed.digest) == ("failed", wanted, None)
    assert PASSWORD not in str(failed)
    assert failed.address == "127.0.0.1"
    assert path == "/metrics" or len(failed.request) == 16


async def test_a_forged_token_is_a_failed_log_in_and_one_that_has_ended_is_not(registry: Registry) -> None:
    good = await token(registry.as_("reader"), "repository:shop/web:pull")
    registry.clock.advance(minutes=6)
    async with Client(app=registry.app) as client:
        for sent in (good, good[:-8] + "AAAAAAAA"):
            require(await client.request("GET", "/v2/", headers={"Authorization": f"Bearer {sent}"}), 401)
    failed = [record for record in await records(registry, "login") if record.outcome == "failed"]
    assert [(record.account, record.count) for record in failed] == [("", 1)]


async def test_a_password_that_is_remembered_is_not_a_log_in_again(registry: Registry) -> None:
    for _ in range(3):
        require(await registry.client.request("GET", "/v2/"), 200)
    login = await one(registry, "login")
    assert (login.outcome, login.account, login.count, detail(login)) == (
        "done",
        "a-administrator",
        1,
        {"method": "password"},
    )


async def test_beyond_ten_a_minute_failed_log_ins_are_one_record(registry: Registry) -> None:
    async with Client(app=registry.app) as client:
        for _ in range(14):
            answer = await client.request("GET", "/v2/", headers=basic("a-reader", "wrong"))
            assert answer.status_code in {401, 429}
    failed = await records(registry, "login")
    assert sum(record.count for record in failed) == 14
    assert [record.count for record in failed if "more_than" in detail(record)] == [4]
