"""Every route of /v2 and of the token protocol, asked by every role with its secret and with a token.

A new route needs a row in ``TABLE``; a test says which lack one.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest
from httpx2 import Response

from tests.conftest import ROLES, Registry
from tests.kit.client import Client, code_of, location_of, require
from tests.kit.images import image
from tests.kit.people import People
from wharfinger import app as wiring
from wharfinger.access.actions import ROLES as ALLOWS
from wharfinger.access.actions import Action
from wharfinger.spec import digest as digests
from wharfinger.web.routes import Open, Router

IMAGE = image(seed=11)
(CONFIG, *_) = IMAGE.blobs
LOOSE = b"a blob that nothing refers to"
CALLERS = ("nobody", "outsider", *ROLES)
"""``nobody`` shows nothing, or a token that was given to nobody; an ``outsider`` has an account and no grant."""


class Row(NamedTuple):
    """A request to ``shop/web``; what it needs, the status where that is there, and what a token for it is for."""

    method: str
    path: str
    needs: Action | Open
    status: int
    scope: str
    content: bytes | None = None

    @property
    def id(self) -> str:
        return f"{self.method} {self.path[:34]}"


PULL, PUSH, DELETE = (f"repository:shop/web:{words}" for words in ("pull", "pull,push", "delete"))
MANIFEST, BLOB, UPLOAD = "/v2/shop/web/manifests", "/v2/shop/web/blobs", "/v2/shop/web/blobs/uploads"
TABLE = [
    Row("GET", f"{MANIFEST}/1.4", Action.PULL, 200, PULL),
    Row("HEAD", f"{MANIFEST}/1.4", Action.PULL, 200, PULL),
    Row("GET", f"{BLOB}/{CONFIG}", Action.PULL, 200, PULL),
    Row("HEAD", f"{BLOB}/{CONFIG}", Action.PULL, 200, PULL),
    Row("GET", "/v2/", Open.TO_CALLERS, 200, ""),
    Row("POST", f"{UPLOAD}/", Action.PUSH, 202, PUSH),
    Row("PATCH", f"{UPLOAD}/ID", Action.PUSH, 202, PUSH, LOOSE),
    Row("PUT", f"{UPLOAD}/ID?digest={digests.of(LOOSE)}", Action.PUSH, 201, PUSH, LOOSE),
    Row("GET", f"{UPLOAD}/ID", Action.PUSH, 204, PUSH),
    Row("DELETE", f"{UPLOAD}/ID", Action.PUSH, 204, PUSH),
    Row("PUT", f"{MANIFEST}/new", Action.PUSH, 201, PUSH, IMAGE.raw),
    Row("DELETE", f"{MANIFEST}/{IMAGE.digest}", Action.DELETE, 202, DELETE),
    Row("DELETE", f"{MANIFEST}/1.4", Action.TAG, 202, DELETE),
    Row("DELETE", f"{BLOB}/{digests.of(LOOSE)}", Action.DELETE, 202, DELETE),
    Row("GET", "/v2/shop/web/tags/list", Action.PULL, 200, PULL),
    Row("GET", f"/v2/shop/web/referrers/{IMAGE.digest}", Action.PULL, 200, PULL),
    Row("GET", "/v2/_catalog", Open.CATALOG, 200, "registry:catalog:*"),
    Row("GET", "/token", Open.TO_ALL, 200, ""),
    Row("POST", "/token", Open.TO_ALL, 400, ""),
    Row("GET", "/.well-known/jwks.json", Open.TO_ALL, 200, ""),
]


@pytest.fixture
async def people(registry: Registry) -> People:
    made = People(registry)
    await made.add("outsider")
    for role in ROLES:
        await made.add(role, (role, "shop/*"))
    return made


def ask(registry: Registry, row: Row) -> Callable[[Client], Awaitable[Response]]:
    """Makes the request, with what it is about in place."""

    async def send(client: Client) -> Response:
        await registry.client.push_image("shop/web", IMAGE, "1.4")
        await registry.client.delete_manifest("shop/web", "new")
        require(await registry.client.push_blob("shop/web", LOOSE), 201)
        path = row.path
        if "/ID" in path:
            started = location_of(await registry.client.start_upload("shop/web"))
            path = path.replace("/v2/shop/web/blobs/uploads/ID", started)
        return await client.request(row.method, path, content=row.content, headers=_typed(row))

    return send


def _typed(row: Row) -> dict[str, str]:
    return {"Content-Type": IMAGE.media_type} if row.content == IMAGE.raw else {}


def may(caller: str, needs: Action | Open) -> bool:
    return isinstance(needs, Open) or (caller in ROLES and needs in ALLOWS[caller])


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
async def test_with_its_secret_a_role_may_do_exactly_what_it_has(registry: Registry, people: People, row: Row) -> None:
    send = ask(registry, row)
    for caller in CALLERS[1:]:
        answer = await send(people.basic(caller))
        assert answer.status_code == (row.status if may(caller, row.needs) else 403), (caller, answer.text)
        assert "www-authenticate" not in answer.headers
        if answer.status_code == 403 and row.method != "HEAD":
            assert code_of(answer) == "DENIED"


@pytest.mark.parametrize("row", [row for row in TABLE if row.needs is not Open.TO_ALL], ids=lambda row: row.id)
async def test_with_a_token_for_what_was_asked_a_role_may_do_the_same(
    registry: Registry, people: People, row: Row
) -> None:
    send = ask(registry, row)
    for caller in CALLERS:
        client = await people.bearer(None if caller == "nobody" else caller, row.scope)
        answer = await send(client)
        assert answer.status_code == (row.status if may(caller, row.needs) else 401), (caller, answer.text)
        if answer.status_code == 401:
            assert answer.headers["WWW-Authenticate"] == challenge(row.scope, "insufficient_scope")


@pytest.mark.parametrize("row", [row for row in TABLE if row.needs is not Open.TO_ALL], ids=lambda row: row.id)
async def test_without_credentials_one_is_sent_for_a_token_that_is_for_the_request_and_nothing_else(
    registry: Registry, people: People, row: Row
) -> None:
    answer = require(await ask(registry, row)(people.nobody()), 401)
    assert answer.headers.get_list("WWW-Authenticate") == [challenge(row.scope)]
    assert "Basic" not in answer.headers["WWW-Authenticate"]
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    if row.method != "HEAD":
        assert code_of(answer) == "UNAUTHORIZED"


@pytest.mark.parametrize("row", [row for row in TABLE if row.scope], ids=lambda row: row.id)
async def test_a_token_for_anything_else_is_not_enough(registry: Registry, people: People, row: Row) -> None:
    words = row.scope.rpartition(":")[2].split(",")
    others = [f"repository:shop/web:{word}" for word in ("pull", "push", "delete") if word not in words]
    if words == ["pull", "push"]:
        others.append("repository:shop/web:pull")
    elsewhere = f"repository:shop/webs:{','.join(words)}"
    others += [] if words == ["*"] else ["registry:catalog:*"]
    client = await people.bearer("administrator", *others, elsewhere)
    answer = require(await ask(registry, row)(client), 401)
    assert answer.headers["WWW-Authenticate"] == challenge(row.scope, "insufficient_scope")


def challenge(scope: str, error: str = "") -> str:
    words = ['realm="http://registry.test/token"', 'service="wharfinger"']
    words += [f'scope="{scope}"'] if scope else []
    words += [f'error="{error}"'] if error else []
    return "Bearer " + ",".join(words)


async def test_the_table_has_every_route(registry: Registry) -> None:
    routes = wiring._routes(registry.services)
    router = Router(routes)
    rows = {id(match.route) for row in TABLE if (match := router.find(row.method, row.path.partition("?")[0]))}
    lacking = [(route.method, route.pattern) for route in routes if id(route) not in rows]
    assert lacking == []
    assert len(TABLE) == len(routes)


async def test_the_table_says_what_the_routes_say(registry: Registry) -> None:
    router = Router(wiring._routes(registry.services))
    for row in TABLE:
        match = router.find(row.method, row.path.partition("?")[0])
        assert match is not None
        assert match.route.needs is row.needs
