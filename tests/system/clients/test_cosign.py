"""Signatures by cosign, with a key pair and no public log."""

from pathlib import Path

import pytest

from tests.kit.parts.tools import tool
from tests.kit.rootfs import sha256, single_image
from tests.system.clients import oras
from tests.system.clients.home import Home
from tests.system.registry import Registry

pytestmark = pytest.mark.system

# Where the signature goes: the tag is how it was always done, the referrer is how it is done since cosign 3.
KINDS = {"tag": ("--new-bundle-format=false",), "referrer": ("--new-bundle-format=true",)}
PRIVATELY = ("--use-signing-config=false", "--tlog-upload=false", "--yes")


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_is_made_verified_and_shown(registry: Registry, kind: str, tmp_path: Path) -> None:
    home, repository = Home.new(tmp_path, registry), f"signed/{kind}"
    digest = sha256(single_image().manifest())
    image = f"{registry.host}/{repository}@{digest}"
    oras.push(home, single_image(), registry.reference(repository))
    cosign(home, "login", registry.host, "--username", registry.username, "--password-stdin", stdin=registry.password)
    cosign(home, "generate-key-pair", "--output-key-prefix", tmp_path / "key")

    cosign(home, "sign", "--key", tmp_path / "key.key", *KINDS[kind], *PRIVATELY, image)
    verify = ("verify", *KINDS[kind], "--insecure-ignore-tlog", "--key", tmp_path / "key.pub", image)
    assert digest in cosign(home, *verify)
    assert "Signatures" in cosign(home, "tree", image) or kind == "referrer"

    tag = f"{digest.replace(':', '-')}.sig"
    referrers = registry.get_json(f"/v2/{repository}/referrers/{digest}")["manifests"]
    assert registry.tags(repository) == ([tag, "v1"] if kind == "tag" else ["v1"])
    assert len(referrers) == (0 if kind == "tag" else 1)


def cosign(home: Home, *words: str | Path, stdin: str = "") -> str:
    """What cosign says; its keys have an empty password."""
    return home.run("env", "COSIGN_PASSWORD=", tool("cosign"), *words, stdin=stdin)
