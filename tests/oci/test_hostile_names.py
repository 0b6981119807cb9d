"""Whatever stands where a name should: 400 or 404 with the specification's error, and never a failure of ours."""

from typing import Any
from urllib.parse import quote

import pytest
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.client import OCTETS, Client, Registry, code_of, require
from tests.kit.effort import times
from tests.kit.images import blob, image
from wharfinger.spec import digest as digests
from wharfinger.spec.media_types import OCI_MANIFEST

REPO = "team/app"
DIGEST = digests.of(blob(10))
MISSING = "00000000-0000-4000-8000-000000000000"

HOSTILE = {
    "parent": "%2e%2e",
    "parents": "..%2f..%2f..%2fetc%2fpasswd",
    "parent, encoded twice": "%252e%252e%252f",
    "parent, backslash": "..%5c..%5cwindows",
    "here": "%2e",
    "empty component": "a%2f%2fb",
    "NUL": "a%00",
    "NUL alone": "%00",
    "newline": "latest%0a",
    "header": "a%0d%0aX-Evil:%201",
    "space": "a%20b",
    "tab": "%09",
    "delete": "%7f",
    "upper case with a slash": "Team%2fApp",
    "Cyrillic": quote("tеаm"),
    "full-width": quote("ａｐｐ"),
    "Arabic digit": quote("a٣"),
    "Kelvin": quote("\u212a"),
    "emoji": quote("🐋"),
    "right to left": quote("a\u202egpj"),
    "surrogate": "%ed%a0%80",
    "not UTF-8": "%ff%fe",
    "over-long slash": "%c0%af",
    "percent": "%25",
    "question mark": "a%3fb",
    "hash": "a%23b",
    "semicolon": "a;b",
    "quote": "'%20OR%20'1'='1",
    "template": "%7b%7b7*7%7d%7d",
    "flag": "-rf%20",
    "over-long": "a" * 5000,
    "over-long, in parts": "a/" * 2000 + "a",
    "colon": "sha256:",
    "colons": ":::",
    "digest of another length": f"{DIGEST}0",
    "digest in upper case": DIGEST.upper().replace("SHA", "sha"),
    "digest with NUL": f"{DIGEST}%00",
    "digest of the wrong kind": "md5:d41d8cd98f00b204e9800998ecf8427e",
    "digest with look-alikes": quote(f"{DIGEST[:-1]}а"),
}
hostile = pytest.mark.parametrize("word", HOSTILE.values(), ids=HOSTILE)


def require_refused(answer: Response) -> None:
    assert answer.status_code in {400, 404}, f"{answer.request.url}: {answer.status_code} {answer.text}"
    if answer.request.method != "HEAD":
        code_of(answer)


async def everything(client: Client, repo: str, tag: str, digest: str, id: str) -> list[Response]:
    """Every request of the specification."""
    upload = f"/v2/{repo}/blobs/uploads/{id}"
    raw = image(layers=0).raw
    return [
        await client.get_manifest(repo, tag),
        await client.head_manifest(repo, tag),
        await client.put_manifest(repo, tag, raw, OCI_MANIFEST),
        await client.delete_manifest(repo, tag),
        await client.get_manifest(repo, digest),
        await client.delete_manifest(repo, digest),
        await client.get_blob(repo, digest),
        await client.head_blob(repo, digest),
        await client.delete_blob(repo, digest),
        await client.patch(upload, b"x"),
        await client.put_upload(upload, DIGEST, b"x"),
        await client.upload_status(upload),
        await client.cancel(upload),
    ]


@hostile
async def test_a_hostile_repository_is_refused(registry: Registry, word: str) -> None:
    client = registry.client
    for repo in (word, f"{REPO}/{word}", f"{word}/{REPO}"):
        answers = await everything(client, repo, "latest", DIGEST, MISSING)
        answers += [await client.start_upload(repo), await client.start_upload(repo, digest=DIGEST, content=blob(10))]
        answers += [await client.tags(repo), await client.mount(repo, DIGEST)]
        for answer in answers:
            require_refused(answer)
        referrers = await client.referrers(repo, DIGEST)
        require_refused(referrers)
    assert (await client.catalog()).json()["repositories"] == []


@hostile
async def test_a_hostile_tag_digest_or_upload_is_refused(registry: Registry, word: str) -> None:
    await registry.client.push_image(REPO, image(), "latest")
    for answer in await everything(registry.client, REPO, word, word, word):
        require_refused(answer)
    require_refused(await registry.client.referrers(REPO, word))
    assert (await registry.client.catalog()).json()["repositories"] == [REPO]
    assert (await registry.client.tags(REPO)).json()["tags"] == ["latest"]


@hostile
async def test_a_hostile_parameter_is_refused_or_means_nothing(registry: Registry, word: str) -> None:
    await registry.client.push_image(REPO, image(), "latest")
    uploads, tags = f"/v2/{REPO}/blobs/uploads/", f"/v2/{REPO}/tags/list"
    requests = [
        *(("POST", f"{uploads}?{name}={word}") for name in ("digest", "digest-algorithm", "mount", "from", word)),
        ("POST", f"{uploads}?mount={DIGEST}&from={word}"),
        ("PUT", f"{uploads}{MISSING}?digest={word}"),
        ("PUT", f"/v2/{REPO}/manifests/{image().digest}?tag={word}"),
        *(("GET", f"{tags}?{name}={word}") for name in ("n", "last", word)),
        *(("GET", f"/v2/_catalog?{name}={word}") for name in ("n", "last")),
        *(("GET", f"/v2/{REPO}/referrers/{DIGEST}?{name}={word}") for name in ("artifactType", "n", "last")),
    ]
    for method, path in requests:
        answer = await registry.client.request(method, path, content=b"" if method != "GET" else None)
        assert answer.status_code in {200, 202, 400, 404}, f"{path}: {answer.status_code}"
        if answer.status_code >= 400:
            code_of(answer)
    assert (await registry.client.tags(REPO)).json()["tags"] == ["latest"]


@pytest.mark.parametrize(
    "path",
    [
        *("/v2/x", "/v2/_catalog/", "/v2//manifests/latest", "/v2/team/app", "/v2/team/app/", "/v2/team/app/tags"),
        *("/v2/team/app/tags/list/", "/v2/team/app/manifests/", "/v2/team/app/blobs/", "/v2/_x/tags/list"),
        *("/v2/v2/_catalog", "/v2/team/app/referrers/", "/v2/manifests/latest", "/v2/team/app/blobs/uploads/a/b"),
    ],
)
async def test_a_path_that_is_no_part_of_the_api_is_not_found(registry: Registry, path: str) -> None:
    require_refused(await registry.client.request("GET", path))


@pytest.mark.parametrize(
    "repo", ["manifests", "blobs/uploads", "tags/list", "a/manifests/b", "a/blobs/b", "a/tags/list", "referrers", "v2"]
)
async def test_a_repository_may_be_called_like_a_part_of_the_api(registry: Registry, repo: str) -> None:
    await registry.client.push_image(repo, image(), "list")
    assert await registry.client.pull_image(repo, "list") == image()
    assert (await registry.client.tags(repo)).json() == {"name": repo, "tags": ["list"]}
    assert (await registry.client.referrers(repo, image().digest)).json()["manifests"] == []
    require(await registry.client.delete_manifest(repo, image().digest), 202)


@pytest.mark.parametrize("repo", ["..", "a/../b", "a\0", "a\udcff", "a\n", "\\", "tеаm"])
async def test_a_path_that_only_a_broken_server_hands_on_is_refused(registry: Registry, repo: str) -> None:
    for path in (f"/v2/{repo}/tags/list", f"/v2/team/app/manifests/{repo}", f"/v2/{repo}"):

        async def broken(scope: Any, receive: Any, send: Any, path: str = path) -> None:
            await registry.app({**scope, "path": path}, receive, send)

        async with Client(app=broken) as client:
            headers = {"Authorization": registry.client._http.headers["Authorization"]}
            require_refused(await client.request("GET", "/v2/", headers=headers))


@pytest.mark.parametrize("query", ["%", "%zz", "=", "&&&", "n", "n=1&n=2", "n=%00", "é", "?", "a=b;c=d", "x=1&" * 5000])
async def test_a_malformed_query_is_no_failure(registry: Registry, query: str) -> None:
    await registry.client.push_image(REPO, image(), "latest")
    answer = await registry.client.request("GET", f"/v2/{REPO}/tags/list?{query}")
    assert answer.status_code in {200, 400}
    if answer.status_code == 400:
        code_of(answer)


@pytest.mark.parametrize("value", ["", ",", '"', "*", "\x7f", "é", "a" * 8000, "W/", "bytes", "-", "9" * 5000])
async def test_a_hostile_header_is_no_failure(registry: Registry, value: str) -> None:
    client = registry.client
    await client.push_image(REPO, image(), "latest")
    (digest, *_) = image().blobs
    path, upload = f"/v2/{REPO}/blobs/{digest}", (await client.start_upload(REPO)).headers["Location"]
    sent: Any = value.encode("latin-1")
    names = ("Range", "If-Range", "If-None-Match", "If-Match", "Accept", "Content-Range", "Content-Type")
    for name in names:
        answers = [
            await client.request("GET", path, headers={name: sent}),
            await client.request("GET", f"/v2/{REPO}/manifests/latest", headers={name: sent}),
            await client.request("PATCH", upload, content=b"x", headers={"Content-Type": OCTETS, name: sent}),
            await client.request("PUT", f"/v2/{REPO}/manifests/new", content=image().raw, headers={name: sent}),
        ]
        for answer in answers:
            assert answer.status_code < 500, f"{name}: {answer.text}"
            if answer.status_code >= 400:
                code_of(answer)


@settings(
    max_examples=times(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]),
    words=st.lists(
        st.sampled_from([REPO, "manifests", "blobs", "uploads", "tags", "list", "referrers", DIGEST, "latest", "", "_"])
        | st.text(max_size=8).map(lambda text: quote(text.encode("utf-8", "surrogatepass"))),
        max_size=6,
    ),
    query=st.text(st.sampled_from("nlast=&%01digest:\0é"), max_size=12),
)
async def test_any_request_at_all_is_answered(registry: Registry, method: str, words: list[str], query: str) -> None:
    path = "/v2/" + "/".join(words) + "?" + quote(query, safe="=&%")
    answer = await registry.client.request(method, path, content=b"")
    assert answer.status_code < 500
    if answer.status_code >= 400 and method != "HEAD":
        code_of(answer)
