"""What is taken away through one process is refused by every other, on this machine and on the next, within 2 s."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.kit.backends import shared
from tests.kit.client import Client
from tests.kit.images import image
from tests.kit.server import Server, serve

pytestmark = pytest.mark.system

REPOSITORY = "shop/web"
SECONDS = 2.0
"""The promise."""
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module", params=["two workers on SQLite", "two nodes on PostgreSQL"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """Where it is taken away, and where it is tried."""
    folder = tmp_path_factory.mktemp("revocation")
    if request.param == "two workers on SQLite":
        with serve(folder / "one", workers=2) as one:
            yield one, one
        return
    (folder / "shared").mkdir()
    with (
        shared(folder / "shared") as backend,
        serve(folder / "one", backend=backend, workers=2) as one,
        serve(folder / "two", backend=backend, workers=2) as two,
    ):
        yield one, two


@dataclass
class Given:
    """A service account with a secret, a grant, and an access token of its own."""

    name: str
    grant: int
    secret: str
    id: str
    token: str


async def call(client: Client, method: str, path: str, fields: dict[str, Any] | None = None) -> Any:
    content = None if fields is None else json.dumps(fields).encode()
    answer = await client.request(method, f"/api/v1{path}", content=content, headers=JSON)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


async def give(one: Client, two: Server, name: str) -> Given:
    await call(one, "POST", "/service-accounts", {"name": name, "owner": "admin"})
    grant = await call(one, "POST", "/grants", {"principal": name, "role": "reader", "pattern": "shop/*"})
    made = await call(one, "POST", f"/service-accounts/{name}/secrets", {"label": "a test", "expires_at": None})
    await asyncio.sleep(0.3)  # what is given may take as long to be known everywhere as what is taken
    scope = {"scope": f"repository:{REPOSITORY}:pull"}
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{two.url}/token", params=scope, auth=(name, made["secret"]))
    return Given(name, grant["id"], made["secret"], made["kept"]["id"], answer.json()["token"])


async def statuses(server: Server, token: str) -> set[int]:
    """What both workers say to the token: every connection is new, and goes to one or the other."""

    async def ask() -> int:
        async with httpx2.AsyncClient(trust_env=False) as http:
            headers = {"Authorization": f"Bearer {token}"}
            return (await http.get(f"{server.url}/v2/{REPOSITORY}/manifests/1.4", headers=headers)).status_code

    return set(await asyncio.gather(*(ask() for _ in range(20))))


@pytest.mark.parametrize("what", ["account", "disabled", "secret", "grant"])
async def test_an_access_token_is_refused_soon_after_what_it_rests_on_is_gone(
    servers: tuple[Server, Server], what: str
) -> None:
    there, here = servers
    async with there.client() as one:
        await one.push_image(REPOSITORY, image(), "1.4")
        given = await give(one, here, f"{what}-ci")
        assert await statuses(here, given.token) == {200}
        match what:
            case "account":
                await call(one, "DELETE", f"/service-accounts/{given.name}")
            case "disabled":
                await call(one, "PATCH", f"/service-accounts/{given.name}", {"disabled": True})
            case "secret":
                await call(one, "DELETE", f"/secrets/{given.id}")
            case "grant":
                await call(one, "DELETE", f"/grants/{given.grant}")
        deadline = time.monotonic() + SECONDS
        while await statuses(here, given.token) != {401}:
            assert time.monotonic() < deadline, "it is still accepted"
