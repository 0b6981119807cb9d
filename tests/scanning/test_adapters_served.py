"""A real server, a real adapter that pulls from it, and a kill in the middle."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.api.caller import Caller
from tests.kit.parts.adapter import adapter
from tests.kit.server import serve
from tests.scanning.test_adapters import OTHER
from tests.scanning.test_on_push import WEB

pytestmark = pytest.mark.slow
SECONDS = 120


async def test_the_adapter_pulls_what_it_is_asked_about_and_a_kill_loses_nothing(tmp_path: Path) -> None:
    with adapter() as found, serve(tmp_path / "data", environment={"WHARF_SCAN_ON_PUSH": "true"}) as server:
        found.vulnerabilities, found.polls = [OTHER], 1
        async with server.client() as client:
            api = Caller(client)
            await api("POST", "/service-accounts", {"name": "puller", "owner": "admin"}, status=201)
            await api("POST", "/grants", {"principal": "puller", "role": "reader", "pattern": "**"}, status=201)
            wanted = {"name": "trivy", "url": found.url, "account": "puller", "private": True, "registry": server.url}
            await api("POST", "/scanners", wanted, status=201)
            await client.push_image("shop/web", WEB, "1")
            await _until(lambda: asyncio.sleep(0, len(found.pulled) == 1))  # and nothing was reported yet
        server.kill()
        server.restart()
        async with server.client() as client:
            api = Caller(client)

            async def known() -> bool:
                (image,) = (await api("GET", "/verdicts/shop/web/1"))["images"]
                said = any(each["reported_at"] is not None for each in image["scanners"])
                return said and image["verdict"] is not None  # ours was perhaps interrupted, too

            await _until(known)
            (image,) = (await api("GET", "/verdicts/shop/web/1"))["images"]
    assert found.pulled == [200] * len(found.pulled)
    assert len(found.requests) <= 2  # killed before its id was kept, it is asked for once more
    assert [each["scanners"] for each in image["verdict"]["report"]["findings"]] == [["trivy"]]


async def _until(holds: Any) -> None:
    async with asyncio.timeout(SECONDS):
        while not await holds():  # noqa: ASYNC110  what is waited for happens in another process
            await asyncio.sleep(0.2)
