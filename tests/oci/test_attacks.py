"""Names that are not what they seem, ways around, and text that would be more than text: all must fail."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.images import image
from tests.kit.people import People
from tests.kit.raw import raw
from wharfinger import app as wiring
from wharfinger import logs
from wharfinger.config import Secret, Settings
from wharfinger.spec import digest as digests

IMAGE = image(seed=31)
BLOB = next(iter(IMAGE.blobs))
WANTED = "repository:secret/web:pull"


@pytest.fixture
async def people(registry: Registry) -> People:
    """secret/web holds an image, which ``root`` may pull and ``ci`` may not."""
    await registry.client.push_image("secret/web", IMAGE, "1.4")
    made = People(registry)
    await made.add("root", ("administrator", "**"))
    await made.add("ci", ("publisher", "shop/**"))
    return made


# --- names that are not what they seem


DISGUISED = [
    *("secret%2Fweb", "secret%2fweb", "secret%252Fweb", "secret/%77eb", "SECRET/web", "Secret/Web", "secret/web."),
    *("secret./web", "secret/web/.", "secret/./web", "secret//web", "/secret/web", "secret/web/", "secret/web;x"),
    *("shop/../secret/web", "shop/%2e%2e/secret/web", "shop/..%2Fsecret/web", "..%2fsecret/web", "secret\\web"),
    *("secret/web\0", "secret/web\n", "secret/web ", " secret/web", "secret/web%00", "secret/web%20", "secret/web?x"),
    *("secret/web#x", "\u017fecret/web", "secret/web\u0301", "secret\u2215web", "secret\uff0fweb", "\ud800/web"),
    *("secret/web\u200b", "\uff53ecret/web"),
]


@pytest.mark.parametrize("name", DISGUISED)
async def test_what_is_authorised_is_what_is_served(registry: Registry, people: People, name: str) -> None:
    """``ci`` may do everything below shop/ and has a token that says so; whatever answers otherwise is not hidden."""
    header = b"Basic " + base64.b64encode(f"ci:{people.secrets['ci']}".encode())
    token = await people.token("ci", "repository:shop/web:*", WANTED)
    for authorization in (header, f"Bearer {token}".encode()):
        for rest in ("manifests/1.4", f"manifests/{IMAGE.digest}", f"blobs/{BLOB}", "tags/list"):
            status, _, body = await raw(registry.app, "GET", f"/v2/{name}/{rest}", authorization=authorization)
            assert status in {400, 401, 403, 404}, (name, rest)
            assert set(json.loads(body)) == {"errors"}


@pytest.mark.parametrize("name", DISGUISED)
async def test_a_disguised_name_is_none_for_whoever_may_everything(
    registry: Registry, people: People, name: str
) -> None:
    """So there is one name for each repository, and what is decided about it holds."""
    header = b"Basic " + base64.b64encode(f"root:{people.secrets['root']}".encode())
    status, _, _ = await raw(registry.app, "GET", f"/v2/{name}/manifests/1.4", authorization=header)
    assert status in {400, 404}, name


@pytest.mark.parametrize(
    "path",
    [
        "/v2/shop/web/manifests/../../../secret/web/manifests/1.4",
        "/v2/shop/web/blobs/../../secret/web/manifests/1.4",
        "/v2/shop/web/manifests/1.4/../../../../secret/web/tags/list",
        "/v2/../v2/secret/web/manifests/1.4",
        "//v2/secret/web/manifests/1.4",
        "/v2//secret/web/manifests/1.4",
        "/V2/secret/web/manifests/1.4",
        "/v2/secret/web/manifests/1.4/",
        "/v2/secret/web/manifests/*",
        "/v2/shop/web/../../secret/web/tags/list",
        "/api/v1/../../v2/secret/web/manifests/1.4",
    ],
)
async def test_a_path_that_leads_elsewhere_leads_nowhere(registry: Registry, people: People, path: str) -> None:
    for name in ("ci", "root"):
        header = b"Basic " + base64.b64encode(f"{name}:{people.secrets[name]}".encode())
        status, _, body = await raw(registry.app, "GET", path, authorization=header)
        assert status in {400, 403, 404}, path
        assert IMAGE.digest.encode() not in body


async def test_a_star_is_no_tag_that_is_allowed(people: People) -> None:
    """To the decision it stands for some tag; in a request it is none."""
    await people.add("dev", ("publisher", "secret/web", {"tags": ("dev-*",)}))
    client = people.basic("dev")
    require(await client.put_manifest("secret/web", "*", IMAGE.raw, IMAGE.media_type), 400)
    require(await client.put_manifest("secret/web", IMAGE.digest, IMAGE.raw, IMAGE.media_type, tags=["*"]), 400)
    require(await client.delete_manifest("secret/web", "*"), 400)
    require(await client.request("DELETE", "/api/v1/tags/secret/web/*"), 400)


# --- content by a way around


async def test_a_blob_by_its_digest_through_a_repository_of_ones_own(people: People) -> None:
    client = people.basic("ci")
    await client.push_image("shop/web", image(seed=32), "1")
    for repository in ("shop/web", "shop/none"):
        require(await client.get_blob(repository, BLOB), 404)
        require(await client.get_manifest(repository, IMAGE.digest), 404)
        require(await client.mount(repository, BLOB, "secret/web"), 202)
        require(await client.mount(repository, BLOB), 202)
        require(await client.get_blob(repository, BLOB), 404)


async def test_a_manifest_that_names_what_one_may_not_pull(people: People) -> None:
    """To push a manifest of hidden content does not make it one's own."""
    client = people.basic("ci")
    answer = require(await client.put_manifest("shop/web", "stolen", IMAGE.raw, IMAGE.media_type), 404)
    assert answer.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"
    for content in IMAGE.blobs.values():  # whoever has the bytes has them
        require(await client.push_blob("shop/web", content), 201)
    require(await client.put_manifest("shop/web", "own", IMAGE.raw, IMAGE.media_type), 201)
    require(await client.referrers("secret/web", IMAGE.digest), 403)


async def test_lists_of_what_is_hidden(registry: Registry, people: People) -> None:
    note = image(artifact_type="application/note", subject=IMAGE, layers=1)
    await registry.client.push_image("secret/web", note)
    client = people.basic("ci")
    hidden = [await client.tags("secret/web"), await client.referrers("secret/web", IMAGE.digest)]
    missing = [await client.tags("secret/none"), await client.referrers("secret/none", IMAGE.digest)]
    assert [answer.status_code for answer in hidden] == [403, 403]
    assert [answer.content for answer in hidden] == [answer.content for answer in missing]
    # A subject is no way in: referrers are those of the repository that was asked.
    mine = image(artifact_type="application/mine", subject=IMAGE, layers=1)
    await client.push_image("shop/web", mine)
    found = require(await client.referrers("shop/web", IMAGE.digest), 200).json()["manifests"]
    assert [each["digest"] for each in found] == [mine.digest]
    assert require(await client.catalog(), 200).json() == {"repositories": ["shop/web"]}


async def test_an_upload_of_somebody_else_in_another_repository(registry: Registry, people: People) -> None:
    started = require(await registry.client.start_upload("secret/web"), 202).headers["Location"]
    client = people.basic("ci")
    elsewhere = started.replace("secret/web", "shop/web")
    for location, status in ((started, 403), (elsewhere, 404)):
        require(await client.patch(location, b"x"), status)
        require(await client.put_upload(location, digests.of(b"x"), b"x"), status)
        require(await client.upload_status(location), status)
        require(await client.cancel(location), status)


# --- scopes that are crafted


@pytest.mark.parametrize(
    "scope",
    [
        "repository:secret/web:pull,repository:shop/web:pull",
        "repository:shop/web:pull:pull",
        "repository:shop/web:secret/web:pull",
        "repository:shop/web,secret/web:pull",
        "repository:shop/**:pull",
        "repository:*:*",
        "repository:shop/../secret/web:pull",
        "repository:secret%2Fweb:pull",
        "repository:shop/web:pull\trepository:secret/web:pull",
        "repository:shop/web:pull\nrepository:secret/web:pull",
        "repository:" + "a/" * 5000 + "a:pull",
        "repository:shop/web:" + "pull," * 5000 + "pull",
        "x" * 50_000,
        "registry:catalog:*\0",
    ],
)
async def test_a_crafted_scope_is_refused_or_grants_nothing_that_is_not_allowed(people: People, scope: str) -> None:
    answer = await people.ask("ci", scope)
    assert answer.status_code in {200, 400}
    if answer.status_code == 200:
        claims = json.loads(base64.urlsafe_b64decode(answer.json()["token"].split(".")[1] + "==="))
        assert {entry["name"] for entry in claims["access"]} <= {"shop/web"}
        assert len(answer.json()["token"]) < 2000


async def test_more_scopes_than_anybody_needs(people: People) -> None:
    require(await people.ask("ci", *(f"repository:shop/n{i}:pull" for i in range(100))), 400)  # 100 parameters at most
    require(await people.ask("ci", " ".join(f"repository:shop/n{i}:pull" for i in range(101))), 400)


# --- text that would be more than text


class Lines(io.BytesIO):
    """A log that can be read."""

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest) -> Iterator[Callable[[], bytes]]:
    out = Lines()
    logs.configure("info", request.param, out)
    yield out.getvalue
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v2/shop/web\r\nINJECTED line\n/tags/list", {}),
        ("/v2/", {"user_agent": b"docker\r\nINJECTED line"}),
        ("/v2/", {"user_agent": b"docker\x1b[2J\x0b\x0c\x85INJECTED line"}),
        ("/v2/", {"host": b"registry.test\r\nINJECTED line"}),
        ("/v2/", {"x_forwarded_for": b"192.0.2.9\r\nINJECTED line"}),
        ("/v2/", {"authorization": b"Basic " + base64.b64encode(b"ci\r\nINJECTED line:x")}),
        ("/v2/", {"authorization": b"Bearer \r\nINJECTED line"}),
        ("/v2/\nINJECTED line", {}),
    ],
)
async def test_a_line_of_the_log_stays_one(
    database_url: str, tmp_path: Path, log: Callable[[], bytes], path: str, headers: dict[str, bytes]
) -> None:
    settings = Settings(data=tmp_path, database=Secret(database_url), access_log=True, keep_free=0)
    services, site = wiring.assemble(settings, lambda: 1_800_000_000.0)
    try:
        status, answered, _ = await raw(site, "GET", path, **headers)
    finally:
        await services.close()
    assert status in {400, 401, 404}
    assert not any(b"\n" in value or b"\r" in value for value in answered.values())
    lines = log().splitlines()
    assert len(lines) == 1
    assert not lines[0].startswith(b"INJECTED")
    assert not set(b"\r\x1b\x0b\x0c") & set(lines[0])


async def test_a_host_that_is_none_is_not_repeated_in_the_challenge(registry: Registry) -> None:
    for host in (b'evil.example/token",x="', b"evil.example\r\nX-Injected: 1", b"a" * 300, b"", b"evil.example/path"):
        _, headers, _ = await raw(registry.app, "GET", "/v2/", host=host)
        challenge = headers[b"www-authenticate"]
        assert challenge.count(b"realm=") == 1
        assert b"evil" not in challenge
        assert b"\r" not in challenge
