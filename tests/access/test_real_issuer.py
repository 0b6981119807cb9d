"""An issuer that others wrote: oidc-provider-mock, in a process of its own."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.access.test_workloads import Lab
from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.parts.issuer import Issuer
from tests.kit.parts.process import answers, free_port, program
from wharfinger.access.trusting import WantedIssuer


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    words = ["-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    ready = "/.well-known/openid-configuration"
    with program([sys.executable, *words], tmp_path / "provider.log", ready=lambda: answers(port, ready)):
        yield f"http://localhost:{port}"


async def id_token(provider: str, audience: str) -> str:
    """What somebody gets who logs in there, with the client id for an audience."""
    async with httpx2.AsyncClient(base_url=provider, trust_env=False) as http:
        require(await http.put("/users/robot", json={"pipeline": "release", "attempt": 3}), 204)
        asked = {
            "client_id": audience,
            "redirect_uri": "https://client.test/",
            "response_type": "code",
            "scope": "openid",
        }
        sent = await http.post("/oauth2/authorize", params=asked, data={"sub": "robot"})
        code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://client.test/"}
        answer = require(await http.post("/oauth2/token", data=form, auth=(audience, "any")), 200)
        return str(answer.json()["id_token"])


async def test_its_tokens_are_exchanged_by_their_own_claims(registry: Registry, provider: str) -> None:
    registry.clock.now = time.time()
    lab = Lab(registry, Issuer(provider))
    await lab.account("ci")
    wanted = WantedIssuer(provider, "wharf-of-acme", private=True)
    await registry.services.trusting.add_issuer(await lab.admin(), wanted)
    rule = await lab.trust({"sub": "robot", "pipeline": "release", "attempt": "3"}, issuer=provider)
    require(await lab.exchange(await id_token(provider, "wharf-of-acme")), 200)
    assert (await lab.records())[-1]["rule"] == f"trust:{rule.id}"
    assert await lab.refused(await id_token(provider, "somebody-else")) == "audience"
    await lab.client.close()
