"""What is asked of every request, whatever it is for."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.api.caller import Caller, ask
from tests.conftest import PASSWORD, Registry
from tests.kit.client import Client, code_of, require
from wharfinger.api.routes import MAX_BODY

LOGIN = {"username": "a-reader", "password": PASSWORD}
GRANT = {"principal": "a-reader", "role": "reader", "pattern": "shop/web"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/login", {"username": "a-reader"}),
        ("POST", "/login", {**LOGIN, "otp": "1"}),
        ("POST", "/login", {"username": "a-reader", "password": 5}),
        ("POST", "/login", {"username": "a-reader", "password": None}),
        ("POST", "/login", [LOGIN]),
        ("POST", "/login", "secret"),
        ("POST", "/users", {}),
        ("POST", "/users", {"name": "new", "role": "reader"}),
        ("POST", "/users", {"name": "new", "disabled": True}),
        ("POST", "/users", {"name": "New"}),
        ("POST", "/users", {"name": "anonymous"}),
        ("POST", "/users", {"name": "new\u0000"}),
        ("POST", "/users", {"name": "new", "password": "too short"}),
        ("POST", "/users", {"name": "new", "password": "lone \ud800 surrogate"}),
        ("PATCH", "/users/a-reader", {}),
        ("PATCH", "/users/a-reader", {"disabled": "yes"}),
        ("PATCH", "/users/a-reader", {"disabled": 1}),
        ("PATCH", "/users/a-reader", {"name": "other"}),
        ("PATCH", "/users/-", {"disabled": True}),
        ("GET", "/repositories?n=0", None),
        ("GET", "/repositories?n=1001", None),
        ("GET", "/repositories?n=x", None),
        ("GET", "/repositories?last=%00", None),
        ("GET", "/tags/Shop", None),
        ("GET", "/tags/shop%00", None),
        ("GET", "/tags/shop?last=-", None),
        ("GET", "/manifests/shop/.x", None),
        ("GET", "/manifests/shop/sha256:00", None),
        ("DELETE", "/manifests/shop/latest", None),
        ("DELETE", "/tags/shop/-x", None),
        ("POST", "/grants", {"principal": "a-reader", "role": "reader"}),
        ("POST", "/grants", {**GRANT, "role": "owner"}),
        ("POST", "/grants", {**GRANT, "role": "READER"}),
        ("POST", "/grants", {**GRANT, "principal": "A"}),
        ("POST", "/grants", {**GRANT, "principal": "group:"}),
        ("POST", "/grants", {**GRANT, "principal": "group:-"}),
        ("POST", "/grants", {**GRANT, "principal": "\u0000"}),
        ("POST", "/grants", {**GRANT, "pattern": "*"}),
        ("POST", "/grants", {**GRANT, "pattern": "shop*"}),
        ("POST", "/grants", {**GRANT, "pattern": "shop/**/web"}),
        ("POST", "/grants", {**GRANT, "pattern": "/**"}),
        ("POST", "/grants", {**GRANT, "pattern": ""}),
        ("POST", "/grants", {**GRANT, "tags": ["a b"]}),
        ("POST", "/grants", {**GRANT, "tags": [""]}),
        ("POST", "/grants", {**GRANT, "tags": "1.*"}),
        ("POST", "/grants", {**GRANT, "tags": [f"v{i}" for i in range(51)]}),
        ("POST", "/grants", {**GRANT, "role": "administrator", "tags": ["v*"]}),
        ("POST", "/grants", {**GRANT, "networks": ["10.0.0.1/8"]}),
        ("POST", "/grants", {**GRANT, "networks": ["everywhere"]}),
        ("POST", "/grants", {**GRANT, "networks": [f"10.0.0.{i}/32" for i in range(51)]}),
        ("POST", "/grants", {**GRANT, "until": 1.0}),
        ("POST", "/grants", {**GRANT, "until": float("nan")}),
        ("POST", "/grants", {**GRANT, "until": float("inf")}),
        ("POST", "/grants", {**GRANT, "until": 1e300}),
        ("POST", "/grants", {**GRANT, "until": "2030-01-01"}),
        ("POST", "/grants", {**GRANT, "deny": "yes"}),
        ("POST", "/grants", {**GRANT, "principal": "anonymous", "role": "publisher"}),
        ("POST", "/grants", {**GRANT, "principal": "anonymous", "deny": True}),
        ("DELETE", "/grants/first", None),
        ("PUT", "/roles/reader", {"actions": ["pull", "push"]}),
        ("PUT", "/roles/Own", {"actions": ["pull"]}),
        ("PUT", "/roles/own", {"actions": []}),
        ("PUT", "/roles/own", {"actions": ["fly"]}),
        ("PUT", "/roles/own", {"actions": "pull"}),
        ("POST", "/groups", {"name": "-"}),
        ("POST", "/groups", {"name": "x" * 129}),
        ("POST", "/groups", {"name": "a\nb"}),
    ],
)
async def test_what_is_malformed_is_refused(api: Caller, method: str, path: str, body: object) -> None:
    await api(method, path, body, status=400)


async def test_a_refusal_does_not_repeat_the_password(api: Caller) -> None:
    for wrong in ({"username": "ci", "password": ["s3cret"]}, {"name": "s3cret"}, "s3cret"):
        assert "s3cret" not in await api.refusal("POST", "/login", wrong, status=400)


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff", b"", b"null", b'{"username": NaN}', b'{"username": "\\ud800", "password": "\\udfff"}', b"[" * 5000],
)
async def test_what_is_not_json_is_refused(registry: Registry, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await registry.client.request("POST", "/api/v1/login", content=body, headers=headers)
    require(answer, 400)
    assert code_of(answer) == "UNSUPPORTED"


async def test_json_is_taken_only_as_json(registry: Registry) -> None:
    body = b'{"username": "a-reader", "password": "x"}'
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await registry.client.request(
            "POST", "/api/v1/login", content=body, headers={"Content-Type": content_type}
        )
        require(answer, 400)


async def test_a_body_has_a_limit(registry: Registry) -> None:
    for path in ("login", "users"):
        answer = await registry.client.request("POST", f"/api/v1/{path}", content=b" " * (MAX_BODY + 1))
        require(answer, 413)


async def test_the_limit_holds_without_a_length(registry: Registry) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(2 * MAX_BODY // 1024):
            yield b" " * 1024

    require(await registry.client.request("POST", "/api/v1/login", content=endless()), 413)


async def test_nobody_sends_a_body_before_it_is_known_who_it_is(registry: Registry) -> None:
    async with Client(app=registry.app) as nobody:
        answer = await nobody.request("POST", "/api/v1/users", content=b"{" * (MAX_BODY + 1))
        require(answer, 401)


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/users/", "/login/x", "/docs", "/redoc", "/manifests/x"])
async def test_what_is_not_there_is_not_found(registry: Registry, path: str) -> None:
    answer = await ask(registry.client, "GET", path)
    require(answer, 404)


async def test_a_method_that_is_not_there_is_not_found(registry: Registry) -> None:
    answer = require(await ask(registry.client, "PUT", "/users"), 404)
    assert code_of(answer) == "UNSUPPORTED"


async def test_answers_are_not_stored_on_the_way(registry: Registry) -> None:
    answer = require(await ask(registry.client, "POST", "/login", LOGIN), 200)
    assert answer.headers["cache-control"] == "no-store"


async def test_the_document_describes_every_route_and_needs_no_login(registry: Registry) -> None:
    async with Client(app=registry.app) as nobody:
        document = require(await ask(nobody, "GET", "/openapi.json"), 200).json()
    assert document["servers"] == [{"url": "/api/v1"}]
    assert document["paths"]["/users/{name}"]["patch"]["x-needs"] == "admin"
    assert document["paths"]["/login"]["post"]["security"] == []
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert operation["description"]
            assert "422" not in operation["responses"]
            assert set().union(*operation["security"]) <= set(document["components"]["securitySchemes"])


async def test_too_many_logins_at_once_are_told_to_come_back(registry: Registry) -> None:
    async def attempt(i: int) -> int:
        # Of somebody who does not exist: the passwords of those who do are checked in no time in these tests.
        answer = await ask(registry.client, "POST", "/login", {"username": "a-stranger", "password": f"guess {i}"})
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) >= 1
            assert code_of(answer) == "TOOMANYREQUESTS"
        return answer.status_code

    statuses = await asyncio.gather(*(attempt(i) for i in range(30)))
    assert set(statuses) == {401, 429}
