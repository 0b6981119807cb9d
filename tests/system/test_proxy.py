"""Behind nginx with TLS: images pass through it whole, and the access log knows who the client is."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.kit.parts.nginx import nginx
from tests.kit.parts.process import run
from tests.kit.parts.tools import tool
from tests.kit.rootfs import single_image
from tests.kit.server import ACCOUNT, Server, serve
from wharfinger.spec import digest as digests

pytestmark = pytest.mark.system

FORGED = ("-H", "X-Forwarded-For: 203.0.113.66", "-H", "X-Forwarded-Proto: gopher")


def seen(server: Server, path: str) -> dict[str, str]:
    """The first line of the access log about this path; it is written after the answer was sent."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in server.log.read_text().splitlines(keepends=True) if is_whole(line)]
        found: list[dict[str, str]] = [line for line in lines if line["event"] == "request" and line["path"] == path]
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no line about {path}:\n{server.log.read_text()}")


def is_whole(line: str) -> bool:
    return line.startswith("{") and line.endswith("}\n")


def test_an_image_passes_through_nginx_and_comes_back(tmp_path: Path) -> None:
    image = single_image()
    # Trusted, for else clients would be sent for a token to where nginx speaks no HTTP.
    trusted = {"WHARF_TRUSTED_PROXIES": "127.0.0.1/32"}
    with serve(tmp_path / "data", environment=trusted) as server, nginx(tmp_path, server.port) as proxy:
        certificates = tmp_path / "certificates"
        certificates.mkdir()
        (certificates / "ca.crt").write_bytes(proxy.authority.read_bytes())
        there = f"docker://{proxy.host}/shop/web:1"
        account = ":".join(ACCOUNT)
        skopeo = (tool("skopeo"), "copy", "-q")
        run([*skopeo, "--dest-cert-dir", certificates, "--dest-creds", account, f"oci:{image.folder}", there])
        back = f"oci:{tmp_path / 'back'}"
        run([*skopeo, "--src-cert-dir", certificates, "--src-creds", account, there, back])
        index = json.loads((tmp_path / "back" / "index.json").read_text())
        assert index["manifests"][0]["digest"] == digests.of(image.manifest())


@pytest.mark.parametrize(("trusted", "scheme"), [("127.0.0.1/32", "https"), ("192.0.2.1/32", "http")])
def test_what_nginx_says_counts_only_when_it_is_trusted(tmp_path: Path, trusted: str, scheme: str) -> None:
    with (
        serve(tmp_path / "data", environment={"WHARF_TRUSTED_PROXIES": trusted}) as server,
        nginx(tmp_path, server.port) as proxy,
    ):
        ask = ["curl", "-s", "--cacert", str(proxy.authority), "-u", ":".join(ACCOUNT)]
        subprocess.run([*ask, f"{proxy.url}/v2/"], check=True)
        line = seen(server, "/v2/")
        assert (line["client"], line["scheme"]) == ("127.0.0.1", scheme)


def test_a_forged_header_from_somebody_else_changes_nothing(tmp_path: Path) -> None:
    with serve(tmp_path / "data", environment={"WHARF_TRUSTED_PROXIES": "192.0.2.1/32"}) as server:
        subprocess.run(["curl", "-s", "-u", ":".join(ACCOUNT), *FORGED, f"{server.url}/v2/"], check=True)
        line = seen(server, "/v2/")
        assert (line["client"], line["scheme"]) == ("127.0.0.1", "http")


def test_a_scheme_that_a_client_forges_does_not_pass_a_trusted_proxy(tmp_path: Path) -> None:
    with (
        serve(tmp_path / "data", environment={"WHARF_TRUSTED_PROXIES": "127.0.0.1/32"}) as server,
        nginx(tmp_path, server.port) as proxy,
    ):
        ask = ["curl", "-s", "--cacert", str(proxy.authority), "-u", ":".join(ACCOUNT), *FORGED]
        subprocess.run([*ask, f"{proxy.url}/v2/"], check=True)
        assert seen(server, "/v2/")["scheme"] == "https"
