"""Every route of the management API, asked by every role."""

import re

import pytest

from tests.api.caller import ask
from tests.conftest import PASSWORD, Registry
from tests.kit.client import Client, code_of
from tests.kit.images import image
from wharfinger.access.roles import Role
from wharfinger.api.app import routes
from wharfinger.api.services import Services

IMAGE = image()
NEW = {"name": "new", "role": "reader"}
LOGIN = {"username": "a-reader", "password": PASSWORD}

# method, path, body, and the status for: nobody, a reader, a publisher, an administrator
TABLE = [
    ("POST", "/login", LOGIN, 200, 200, 200, 200),
    ("DELETE", "/login", None, 401, 400, 400, 400),  # whoever has an account may, but not with a password
    ("GET", "/whoami", None, 401, 200, 200, 200),
    ("GET", "/users", None, 401, 403, 403, 200),
    ("POST", "/users", NEW, 401, 403, 403, 201),
    ("PATCH", "/users/a-reader", {"role": "reader"}, 401, 403, 403, 200),
    ("DELETE", "/users/a-reader", None, 401, 403, 403, 204),
    ("GET", "/repositories", None, 401, 200, 200, 200),
    ("GET", "/tags/shop/web", None, 401, 200, 200, 200),
    ("DELETE", "/tags/shop/web/1.4", None, 401, 403, 204, 204),
    ("GET", "/manifests/shop/web/1.4", None, 401, 200, 200, 200),
    ("DELETE", f"/manifests/shop/web/{IMAGE.digest}", None, 401, 403, 403, 204),
]
CALLERS = (None, Role.READER, Role.PUBLISHER, Role.ADMINISTRATOR)


@pytest.mark.parametrize(("method", "path", "body", "statuses"), [(*row[:3], row[3:]) for row in TABLE])
async def test_a_role_may_do_exactly_what_the_table_says(
    registry: Registry, method: str, path: str, body: object, statuses: tuple[int, ...]
) -> None:
    async with Client(app=registry.app) as nobody:
        for role, status in zip(CALLERS, statuses, strict=True):
            await registry.client.push_image("shop/web", IMAGE, "1.4")
            answer = await ask(registry.as_(role) if role else nobody, method, path, body)
            assert answer.status_code == status, (role, answer.text)
            if status in {401, 403}:
                assert code_of(answer) == {401: "UNAUTHORIZED", 403: "DENIED"}[status]
                assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_the_table_has_every_route(registry: Registry) -> None:
    built = registry.services
    services = Services(built.db, built.authenticator, built.accounts, built.pulls, built.deletes)
    patterns = {
        (route.method, re.sub(r"\{\w+\}", "[^/]+", route.path.replace("{repository:path}", ".+")))
        for route in routes(services)
    }
    asked = {(method, pattern) for method, pattern in patterns for row in TABLE if _is(row, method, pattern)}
    assert asked == patterns
    assert len(TABLE) == len(patterns)


def _is(row: tuple[object, ...], method: str, pattern: str) -> bool:
    return row[0] == method and re.fullmatch(pattern, str(row[1])) is not None


async def test_the_refusal_says_which_role_would_do(registry: Registry) -> None:
    answer = await ask(registry.as_("reader"), "DELETE", "/tags/shop/web/1.4")
    message = "a-reader may not tag in shop/web: the role reader does not include it, publisher or administrator does"
    assert answer.json()["errors"][0]["message"] == message
