"""VEX documents as the real programs put them beside an image, and what the registry says of them then."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit.rootfs import sha256, single_image
from tests.system.clients import oras
from tests.system.clients.home import Home
from tests.system.clients.test_cosign import PRIVATELY, cosign
from tests.system.registry import Registry

pytestmark = pytest.mark.system

OPENVEX = "application/vnd.openvex+json"
DOCUMENT = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://example.org/vex/1",
    "author": "example.org",
    "timestamp": "2026-01-01T00:00:00Z",
    "version": 1,
    "statements": [
        {
            "vulnerability": {"name": "CVE-2026-1000"},
            "products": [{"@id": "pkg:deb/debian/openssl"}],
            "status": "not_affected",
            "justification": "vulnerable_code_not_present",
        }
    ],
}


def by_oras(home: Home, registry: Registry, image: str, document: Path) -> None:
    api = ("--plain-http", "--distribution-spec", "v1.1-referrers-api", "--disable-path-validation")
    home.run("oras", "attach", *api, "--artifact-type", OPENVEX, image, f"{document}:{OPENVEX}")


def by_cosign(*form: str) -> Callable[[Home, Registry, str, Path], None]:
    def attest(home: Home, registry: Registry, image: str, document: Path) -> None:
        words = ("--username", registry.username, "--password-stdin")
        cosign(home, "login", registry.host, *words, stdin=registry.password)
        cosign(home, "generate-key-pair", "--output-key-prefix", home.folder / "key")
        said = ("--type", "openvex", "--predicate", document, "--key", home.folder / "key.key")
        cosign(home, "attest", *said, *form, *PRIVATELY, image)

    return attest


PUSHERS = {
    "oras": by_oras,
    "cosign-bundle": by_cosign("--new-bundle-format=true"),
    "cosign-tag": by_cosign("--new-bundle-format=false"),
}


@pytest.mark.parametrize("pusher", PUSHERS)
def test_a_document_that_a_real_program_pushes_is_read(registry: Registry, pusher: str, tmp_path: Path) -> None:
    home, repository = Home.new(tmp_path, registry), f"vex/{pusher}"
    digest = sha256(single_image().manifest())
    oras.push(home, single_image(), registry.reference(repository))
    document = tmp_path / "vex.json"
    document.write_text(json.dumps(DOCUMENT))

    PUSHERS[pusher](home, registry, f"{registry.host}/{repository}@{digest}", document)

    found = read(registry, repository, digest)
    assert (found["statements"], found["author"]) == (1, "example.org")
    assert found["why_not"] == f"no rule trusts {registry.username}, who brought it"


def read(registry: Registry, repository: str, digest: str) -> dict[str, Any]:
    """What is told of the one document beside the image, as soon as it was read."""
    until = time.monotonic() + 60
    while True:
        (image,) = registry.get_json(f"/api/v1/verdicts/{repository}/{digest}")["images"]
        beside = image["verdict"]["vex_beside"] if image["verdict"] else []
        if any("not read yet" not in each["why_not"] for each in beside):
            (document,) = beside
            return dict(document)
        assert time.monotonic() < until, f"nothing was read: {image['state']}, {beside}"
        time.sleep(0.2)
