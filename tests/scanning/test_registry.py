"""Images in a registry, ours and one that knows no referrers: scanned there, a bill pushed beside them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.server import Server, Wharf
from tests.kit.advisories import write_zip
from tests.kit.images import Image, descriptor, index, made
from tests.kit.parts.wharf import wharf as serving
from tests.remote.registries import Asked, Registry, Reply, running
from tests.scanning import trees
from tests.scanning.test_commands import BOOKWORM, OPENSSL, STATUS
from wharfinger.spec import media_types

PASSWORD = "correct horse battery"
ARM64 = trees.image([{"var/lib/dpkg/status": STATUS, "etc/os-release": trees.DEBIAN}], architecture="arm64")
BOTH = index([BOOKWORM, ARM64])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, password=PASSWORD) as host:
        server = Server(f"http://{host}", PASSWORD, folder / "wharf")
        server.push("shop/web", BOTH, "1.4")
        yield server


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    write_zip(tmp_path / "known.zip", [OPENSSL])
    return Wharf(tmp_path, monkeypatch, capsys)


def test_an_image_of_our_registry_is_scanned_with_the_login_that_there_is(command: Wharf, server: Server) -> None:
    target = f"{server.url.removeprefix('http://')}/shop/web"
    words = ("scan", f"{target}:1.4", "--advisories", "known.zip", "--output", "json")
    nobody = command(*words)
    assert nobody.status == 2
    assert "wants credentials" in nobody.err or "may not be pulled" in nobody.err
    command.done("login", server.url, "--username", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    images = command.done(*words).json["images"]
    assert [(each["platform"], len(each["findings"])) for each in images] == [("linux/amd64", 1), ("linux/arm64", 1)]
    assert command("scan", f"{target}:gone", "--advisories", "known.zip").status == 2

    attached = command.done("scan", f"{target}@{BOTH.digest}", "--sbom", "spdx", "--attach").rows
    assert [row[:2] for row in attached] == [["linux/amd64", BOOKWORM.digest], ["linux/arm64", ARM64.digest]]
    again = command.done("scan", f"{target}@{BOTH.digest}", "--sbom", "spdx", "--attach").rows
    assert again == attached
    (referrer,) = referrers(server, BOOKWORM.digest)
    assert (referrer["digest"], referrer["artifactType"]) == (attached[0][2], "application/spdx+json")


def referrers(server: Server, digest: str) -> list[dict[str, str]]:
    import asyncio

    from tests.kit.client import Client

    async def ask() -> list[dict[str, str]]:
        async with Client(server.url, account=("admin", PASSWORD)) as client:
            found: list[dict[str, str]] = (await client.referrers("shop/web", digest)).json()["manifests"]
            return found

    return asyncio.run(ask())


class Old:
    """A registry from before there were referrers; it keeps what it is given."""

    def __init__(self) -> None:
        self.referrers = 404
        self.kept = {f"manifests/{BOOKWORM.digest}": BOOKWORM.raw, "manifests/1": BOOKWORM.raw}
        self.kept |= {f"blobs/{digest}": content for digest, content in BOOKWORM.blobs.items()}

    def answer(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix("/v2/shop/web/")
        if path.startswith("referrers/"):
            return self.referrers, {}, b""
        if asked.method == "POST":
            return 202, {"Location": "/v2/shop/web/blobs/uploads/1?state=x"}, b""
        if asked.method == "PUT":
            name = f"blobs/{path.rpartition('digest=')[2]}" if "digest=" in path else path
            self.kept[name] = asked.body
            return 201, {}, b""
        content = self.kept.get(path)
        if content is None:
            return 404, {}, b""
        kind = json.loads(content).get("mediaType") if path.startswith("manifests/") else "application/octet-stream"
        return 200, {"Content-Type": str(kind)}, content


def test_a_registry_that_knows_no_referrers_is_given_a_list_of_them(command: Wharf) -> None:
    old = Old()
    with running() as registry:
        registry.answer = old.answer
        for format in ("cyclonedx", "spdx", "spdx"):
            command.done("scan", f"{registry.host}/shop/web:1", "--sbom", format, "--attach")
    listed = json.loads(old.kept[f"manifests/{BOOKWORM.digest.replace(':', '-')}"])
    types = [each["artifactType"] for each in listed["manifests"]]
    assert types == ["application/vnd.cyclonedx+json", "application/spdx+json"]
    for each in listed["manifests"]:
        artifact = json.loads(old.kept[f"manifests/{each['digest']}"])
        assert artifact["subject"]["digest"] == BOOKWORM.digest
        assert f"blobs/{artifact['layers'][0]['digest']}" in old.kept


def bill(*purls: str, raw: bytes | None = None) -> Image:
    """A bill of materials about the image."""
    kind = "application/vnd.cyclonedx+json"
    components = [{"type": "library", "name": "x", "purl": purl} for purl in purls]
    content = raw or json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components}).encode()
    fields = {
        "artifactType": kind,
        "config": descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": [descriptor(content, kind)],
        "subject": BOOKWORM.descriptor,
    }
    return made(media_types.OCI_MANIFEST, fields, blobs=[b"{}", content])


def listed(old: Old, *bills: Image) -> None:
    """Have the bills in the registry, and in the list by which it is found that they are about the image."""
    for each in bills:
        old.kept[f"manifests/{each.digest}"] = each.raw
        old.kept |= {f"blobs/{digest}": content for digest, content in each.blobs.items()}
    entries = [{**each.descriptor, "artifactType": each.fields["artifactType"]} for each in bills]
    index = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": entries}
    old.kept[f"manifests/{BOOKWORM.digest.replace(':', '-')}"] = json.dumps(index).encode()


def test_an_attached_bill_counts_for_what_is_not_seen_in_the_image(command: Wharf) -> None:
    old = Old()
    own = "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64"
    attached = bill("pkg:npm/lodash@4.17.15", own)
    listed(old, attached)
    (image,) = scanned(command, old)
    assert [(each["name"], each["type"]) for each in image["packages"]] == [
        *(("libssl3", "deb"), ("zlib1g", "deb")),
        ("lodash", "npm"),
    ]
    assert (image["packages"][2]["layer"], image["packages"][2]["paths"]) == (
        attached.digest,
        [f"referrer:{attached.digest}"],
    )
    assert image["status"] == "not-assessed", "there are no advisories for npm"


@pytest.mark.parametrize("raw", [b'{"bomFormat": "CycloneDX", "components": 5}', b"[" * 100_000])
def test_an_attached_bill_that_cannot_be_read_is_told_of(command: Wharf, raw: bytes) -> None:
    old = Old()
    broken = bill(raw=raw)
    listed(old, broken)
    (image,) = scanned(command, old)
    assert (image["status"], image["problems"][0]["layer"]) == ("partial", broken.digest)


def test_a_bill_that_is_gone_is_told_of_and_so_is_a_list_that_cannot_be_had(command: Wharf) -> None:
    old = Old()
    gone = bill("pkg:npm/lodash@4.17.15")
    listed(old, gone)
    del old.kept[f"manifests/{gone.digest}"]
    assert scanned(command, old)[0]["problems"][0]["layer"] == gone.digest
    old.referrers = 500
    assert "cannot be listed" in scanned(command, old)[0]["problems"][0]["reason"]


def scanned(command: Wharf, old: Old) -> Any:
    with running() as registry:
        registry.answer = old.answer
        words = ("scan", f"{registry.host}/shop/web:1", "--advisories", "known.zip", "--output", "json")
        return command.done(*words).json["images"]


def test_what_is_in_no_registry_has_nothing_beside_it(command: Wharf) -> None:
    trees.layout(Path("web"), BOOKWORM)
    assert command("scan", "web", "--sbom", "spdx", "--attach").status == 2
    assert command("scan", "web", "--advisories", "known.zip", "--attach").status == 2


def test_a_registry_that_lies_is_not_believed(command: Wharf) -> None:
    old = Old()
    layer = f"blobs/{BOOKWORM.fields['layers'][0]['digest']}"
    old.kept[layer] = old.kept[layer][:-1] + b"!"
    registry: Registry
    with running() as registry:
        registry.answer = old.answer
        words = ("scan", f"{registry.host}/shop/web:1", "--advisories", "known.zip", "--output", "json")
        (image,) = command.done(*words).json["images"]
        assert (image["status"], image["problems"][0]["layer"]) == ("partial", layer.removeprefix("blobs/"))
        old.kept["manifests/1"] = BOOKWORM.raw.replace(b"OK", b"ok") + b" "
        assert command(*words[:1], f"{registry.host}/shop/web@{BOOKWORM.digest}", *words[2:]).status == 0
        old.kept[f"manifests/{BOOKWORM.digest}"] = BOOKWORM.raw + b" "
        assert command(*words[:1], f"{registry.host}/shop/web@{BOOKWORM.digest}", *words[2:]).status == 2
