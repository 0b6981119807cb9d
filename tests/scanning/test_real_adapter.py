"""Harbor's own adapter for Trivy, asked by a real server: the protocol as somebody else has written it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.api.caller import Caller
from tests.kit.parts.trivy_adapter import trivy_adapter
from tests.kit.server import serve
from tests.scanning import trees
from tests.scanning.test_on_push import WEB

pytestmark = pytest.mark.system
CLEAN = trees.image([{"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(openssl="3.0.9-1")}])
SECONDS = 120


async def test_harbors_adapter_for_trivy_is_asked_pulls_and_is_believed(tmp_path: Path) -> None:
    with (
        trivy_adapter(tmp_path / "adapter") as url,
        serve(tmp_path / "data", environment={"WHARF_SCAN_ON_PUSH": "true"}) as server,
    ):
        async with server.client() as client:
            api = Caller(client)
            await api("POST", "/service-accounts", {"name": "puller", "owner": "admin"}, status=201)
            await api("POST", "/grants", {"principal": "puller", "role": "reader", "pattern": "**"}, status=201)
            wanted = {"name": "trivy", "url": url, "account": "puller", "private": True, "registry": server.url}
            await api("POST", "/scanners", wanted | {"sbom": True}, status=201)
            await client.push_image("shop/web", WEB, "1")
            await client.push_image("shop/web", CLEAN, "2")
            first, second = [await _reported(api, tag) for tag in ("1", "2")]
            (told,) = (await api("GET", "/scanners"))["scanners"]
            bills = (await api("GET", "/scanner-boms/shop/web/1?scanner=trivy"))["bills"]
    assert (told["scanner"], told["vendor"], told["problem"]) == ("Trivy", "Aqua Security", "")
    (finding,) = first["verdict"]["report"]["findings"]
    assert (finding["id"], finding["package"], finding["fixed"]) == ("CVE-2026-7000", "openssl", "3.0.9-1")
    assert (finding["severity"], finding["scanners"]) == ("high", ["trivy"])
    assert (first["scanners"][0]["name"], first["scanners"][0]["vulnerabilities"]) == ("Trivy", 1)
    assert second["verdict"]["report"]["findings"] == []
    assert bills[WEB.digest]["bomFormat"] == "CycloneDX"


async def _reported(api: Caller, tag: str) -> dict[str, Any]:
    """The image once both have said something of it."""
    async with asyncio.timeout(SECONDS):
        while True:
            (image,) = (await api("GET", f"/verdicts/shop/web/{tag}"))["images"]
            told = [each for each in image["scanners"] if each["reported_at"] is not None and not each["waiting"]]
            if told and image["verdict"] is not None:
                found: dict[str, Any] = image
                return found
            await asyncio.sleep(0.2)
