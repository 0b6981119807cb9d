"""Asks the management API."""

import json
from collections.abc import Mapping
from typing import Any

from httpx2 import Response

from tests.kit.client import Client, require


async def ask(
    client: Client, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to a request with ``body`` as JSON, or none."""
    if body is None:
        return await client.request(method, f"/api/v1{path}", headers=headers)
    typed = {"Content-Type": "application/json", **(headers or {})}
    return await client.request(method, f"/api/v1{path}", content=json.dumps(body).encode(), headers=typed)


class Caller:
    """One account's view; an answer that is not the one wanted fails the test."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """What is answered, read as JSON unless it is empty."""
        answer = require(await ask(self.client, method, path, body, headers=headers), status)
        return answer.json() if answer.content else None

    async def refusal(self, method: str, path: str, body: object = None, *, status: int) -> str:
        """The message with which it is refused."""
        message: str = (await self(method, path, body, status=status))["errors"][0]["message"]
        return message
