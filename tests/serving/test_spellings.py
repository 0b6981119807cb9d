"""What is authorised is what is served, however its path is spelt: raw request lines to `wharf serve`."""

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest

from tests.kit.client import Client
from tests.kit.images import Image, image
from tests.kit.server import Server, serve

SHOWN, HIDDEN = image(seed=1), image(seed=2)
PREFIXES = ("/v2/", "/v2//", "/V2/", "/%762/", "//v2/", "/x/../v2/", "http://other/v2/")

WRITTEN_OTHERWISE = {
    "slash": ("shop%2Fweb", "manifests", "1.0"),
    "slash, lower case": ("shop%2fweb", "manifests", "1.0"),
    "letters": ("%73ho%70/web", "manifests", "1.0"),
    "dot of the tag": ("shop/web", "manifests", "1%2e0"),
    "keyword": ("shop/web", "%6Danifests", "1.0"),
    "slash before the tag": ("shop/web", "manifests%2F1.0", ""),
    "all": ("%73%68%6f%70%2f%77%65%62", "%6d%61%6e%69%66%65%73%74%73", "%31%2E%30"),
}
"""Other spellings of the same path: decoded once, then matched, authorised and served (RFC 3986, section 2.3)."""

ANOTHER_NAME = {
    "slash twice": "shop%252Fweb",
    "slash twice, lower case": "shop%252fweb",
    "upper case": "SHOP/web",
    "upper case within": "shop/Web",
    "dot after": "shop/web.",
    "dot after, encoded": "shop/web%2e",
    "dots after": "shop/web/..",
    "slash after": "shop/web/",
    "slash after, encoded": "shop/web%2f",
    "slash before": "/shop/web",
    "slashes": "shop//web",
    "here": "shop/./web",
    "here, encoded": "shop/%2e/web",
    "up and down": "shop/x/../web",
    "backslash": "shop%5Cweb",
    "NUL": "shop/web%00",
    "space": "shop/web%20",
    "not UTF-8": "shop/web%ff",
    "over-long slash": "shop%c0%afweb",
    "full-width": "shop%EF%BC%8Fweb",
}
"""Names that are not `shop/web`, nor any repository's: nothing is normalised."""

TOWARDS_THE_HIDDEN = [
    *("secret/x", "secret%2Fx", "secret%2fx", "secret%252Fx", "%73ecret/x", "SECRET/x", "Secret/X", "secret/x."),
    *("secret/x/", "secret/x%2f", "/secret/x", "//secret/x", "./secret/x", "secret//x", "secret/./x", "secret%5cx"),
    *("shop/../secret/x", "shop/%2e%2e/secret/x", "shop/%2E%2E%2Fsecret%2Fx", "shop%2f..%2fsecret%2fx"),
    *(
        "shop/%252e%252e/secret/x",
        "shop/..;/secret/x",
        "shop/web/../../secret/x",
        "shop/web%2f%2e%2e%2f%2e%2e/secret/x",
    ),
    *("shop/web%00/../../secret/x", "secret/x%00", "shop%00/secret/x", "secret/x%20", "shop/%2e./secret/x"),
    *("shop/web/manifests/1.0/../../../../secret/x", "shop/web/manifests/1.0%2f..%2f..%2f..%2f..%2fsecret/x"),
    *("shop/web/blobs/../../../secret/x", "shop/web/tags/list/../../../../secret/x", "shop/../../v2/secret/x"),
    *("secret/x?name=shop/web", "secret/x%3Fname=shop/web", "secret/x%23/shop/web", "shop/web#/../secret/x"),
]


@dataclass(frozen=True)
class Site:
    """A server with a repository that `ci` may pull and one that it may not."""

    server: Server
    credentials: dict[str, str]

    def get(self, target: str, credential: str) -> tuple[int, bytes]:
        """Status and body of the answer to a request line with this target."""
        lines = (f"GET {target} HTTP/1.1", "host: x", f"authorization: {self.credentials[credential]}")
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as connection:
            connection.sendall("\r\n".join([*lines, "connection: close", "", ""]).encode("ascii"))
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("spellings") / "data") as server:
        yield Site(server, asyncio.run(_fill(server)))


async def _fill(server: Server) -> dict[str, str]:
    """Push both images; what `ci` sends as Authorization, by what it is."""
    async with server.client() as admin:
        await admin.push_image("shop/web", SHOWN, "1.0")
        await admin.push_image("secret/x", HIDDEN, "1.0")
        await _post(admin, "/service-accounts", name="ci", owner="admin")
        await _post(admin, "/grants", principal="ci", role="reader", pattern="shop/**")
        made = await _post(admin, "/service-accounts/ci/secrets", label="test", expires_at=None)
    secret = str(made["secret"])
    async with httpx2.AsyncClient(trust_env=False) as http:
        # As wide as can be asked for, so that it is the grants that hold.
        wanted = {"scope": ["repository:shop/web:pull", "repository:secret/x:pull"]}
        answer = await http.get(f"{server.url}/token", params=wanted, auth=("ci", secret))
    assert answer.status_code == 200, answer.text
    basic = base64.b64encode(f"ci:{secret}".encode()).decode()
    return {"basic": f"Basic {basic}", "token": f"Bearer {answer.json()['token']}"}


async def _post(admin: Client, path: str, **fields: object) -> dict[str, object]:
    headers = {"content-type": "application/json"}
    answer = await admin.request("POST", f"/api/v1{path}", content=json.dumps(fields).encode(), headers=headers)
    assert answer.is_success, answer.text
    made: dict[str, object] = answer.json()
    return made


def contents(image: Image) -> list[bytes]:
    """Everything of an image that is to be had by some request."""
    return [image.raw, *image.blobs.values()]


@pytest.mark.parametrize("credential", ["basic", "token"])
@pytest.mark.parametrize("parts", WRITTEN_OTHERWISE.values(), ids=WRITTEN_OTHERWISE)
def test_an_encoded_path_is_the_path(site: Site, parts: tuple[str, str, str], credential: str) -> None:
    assert site.get("/".join(("/v2", *filter(None, parts))), credential) == (200, SHOWN.raw)


@pytest.mark.parametrize("credential", ["basic", "token"])
@pytest.mark.parametrize("name", ANOTHER_NAME.values(), ids=ANOTHER_NAME)
def test_nothing_else_is_taken_for_the_name(site: Site, name: str, credential: str) -> None:
    status, body = site.get(f"/v2/{name}/manifests/1.0", credential)
    assert status in {400, 404}, body
    assert SHOWN.raw not in body


@pytest.mark.parametrize("credential", ["basic", "token"])
@pytest.mark.parametrize("name", TOWARDS_THE_HIDDEN)
def test_what_is_hidden_is_had_by_no_spelling(site: Site, name: str, credential: str) -> None:
    blobs = [f"blobs/{digest}" for digest in HIDDEN.blobs]
    rests = [f"manifests/{HIDDEN.digest}", *blobs, *(each.replace(":", "%3A") for each in blobs)]
    path, mark, query = name.partition("?")
    asked = [f"{before}{path}/manifests/1.0{mark}{query}" for before in PREFIXES]
    for target in [*asked, *(f"/v2/{path}/{rest}{mark}{query}" for rest in rests)]:
        status, body = site.get(target, credential)
        assert status in {400, 401, 403, 404}, (target, status)
        assert not any(content in body for content in contents(HIDDEN)), target


@pytest.mark.parametrize(
    "target", ["/v2/secret%2Fx/tags/list", "/v2/secret/x%2Ftags/list", "/v2/shop/../secret/x/tags/list"]
)
def test_nor_are_its_tags(site: Site, target: str) -> None:
    status, body = site.get(target, "basic")
    assert (status in {400, 403, 404}, b'"1.0"' in body) == (True, False)


def test_the_owner_has_it_by_the_same_spelling(site: Site) -> None:
    """Or what is above would say nothing: the spelling reaches it, and it is the grant that is missing."""
    admin = base64.b64encode(b"admin:only for these tests").decode()
    known = Site(site.server, {"admin": f"Basic {admin}"})
    for name in ("secret%2Fx", "secret%2fx", "%73ecret/x"):
        assert known.get(f"/v2/{name}/manifests/1.0", "admin") == (200, HIDDEN.raw)
