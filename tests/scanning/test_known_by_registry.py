"""What the registry knows already is asked for and not scanned again: wharf diff, why and sbom by its verdicts."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.server import Server, Wharf
from tests.kit.advisories import for_server, write_zip
from tests.kit.images import Image, index
from tests.kit.parts.wharf import wharf as serving
from tests.remote.registries import Asked, running
from tests.scanning import trees
from tests.scanning.test_registry import Old, referrers
from tests.scanning.test_why import BASE, RECORDS, ROOT, upon

PASSWORD = "correct horse battery"
ARM = trees.image([ROOT], architecture="arm64")
BARE = trees.image([{**ROOT, "var/lib/dpkg/status": trees.dpkg(libssl3="openssl 3.0.17-1~deb12u2")}])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A registry with advisories, which has scanned what was pushed to it."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, password=PASSWORD, environment=for_server(folder, RECORDS)) as host:
        server = Server(f"http://{host}", PASSWORD, folder / "wharf")
        server.push("shop/base", BASE, "12")
        server.push("shop/web", index([web(host), ARM]), "1.4")
        server.push("shop/web", BARE, "1.5")
        yield server


def web(host: str) -> Image:
    return upon(BASE, f"{host}/shop/base:12")


@pytest.fixture
def admin(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    """The command, logged in, where all is scanned; without advisories of its own."""
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    command = Wharf(tmp_path, monkeypatch, capsys)
    command.done("login", server.url, "--username", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    ends = time.monotonic() + 120
    while not all(is_judged(command, each) for each in ("shop/web:1.4", "shop/web:1.5")):
        assert time.monotonic() < ends, "it was never scanned"
        time.sleep(0.5)
    return command


def is_judged(command: Wharf, image: str) -> bool:
    return all(each["state"] == "judged" for each in command.done("verdict", image, "--json").json["images"])


def test_two_images_of_the_registry_are_compared_by_their_verdicts(admin: Wharf, server: Server) -> None:
    host = server.url.removeprefix("http://")
    for first, second in (("shop/web:1.4", "shop/web:1.5"), (f"{host}/shop/web:1.4", f"{host}/shop/web:1.5")):
        result = admin("diff", first, second, "--platform", "linux/amd64")
        assert (result.status, result.err.splitlines()[-1]) == (0, f"{second} adds nothing, fixes 2"), result.err
    assert "only the first has an image for linux/arm64" in admin("diff", "shop/web:1.4", "shop/web:1.5").err


def test_why_is_told_by_the_verdict_and_by_the_images_of_the_registry(admin: Wharf, server: Server) -> None:
    fields = admin.done("why", "shop/web:1.4", "CVE-2026-1000", "--output", "json").json
    amd, arm = fields["images"]
    assert (amd["platform"], amd["base"]["layers"]) == ("linux/amd64", 1)
    (cause,) = amd["causes"]
    assert cause["layers"][0]["base"] is True
    assert cause["layers"][0]["command"].startswith("/bin/sh -c #(nop) ADD")
    assert cause["update"][0].startswith("update openssl from 3.0.11-1~deb12u1 to 3.0.17-1~deb12u2")
    assert arm["causes"][0]["fixed"] == "3.0.17-1~deb12u2"
    assert arm["base"]["reason"] == "the image does not say what it was built upon"
    assert admin("why", "shop/web:1.5", "CVE-2026-1000").status == 1
    assert "there is no image for linux/s390x" in admin("why", "shop/web:1.4", "X", "--platform", "linux/s390x").err
    assert admin("why", "shop/web:gone", "CVE-2026-1000").status == 2


def test_what_is_scanned_here_is_the_same_but_for_since_when_it_is_known(admin: Wharf) -> None:
    write_zip(Path("known.zip"), RECORDS)
    words = ("why", "shop/web:1.4", "CVE-2019-1", "--platform", "linux/amd64", "--output", "json")
    here = admin.done(*words, "--advisories", "known.zip").json
    there = admin.done(*words).json
    ((mine,), (theirs,)) = (each["images"][0]["causes"] for each in (here, there))
    assert mine.pop("known_since") is None
    since = datetime.fromisoformat(theirs.pop("known_since"))
    assert datetime.now(UTC) - since < timedelta(hours=1)
    assert here == there
    told = admin.done("why", "shop/web:1.4", "CVE-2019-1", "--platform", "linux/amd64").out
    assert f"  Known here:    since {since:%Y-%m-%dT%H:%M:%SZ}\n" in told


def test_images_are_found_by_what_is_in_them(admin: Wharf, server: Server) -> None:
    image = web(server.url.removeprefix("http://")).digest
    result = admin("find", "pkg:deb/debian/openssl@<3.0.17-1~deb12u2", "--repository", "shop/web")
    assert result.status == 0
    assert {(row[1], row[2], row[4], row[5], row[7]) for row in result.rows} == {
        ("CVE-2026-1000", "libssl3", "3.0.17-1~deb12u2", each, "shop/web:1.4") for each in (image, ARM.digest)
    }
    assert result.err == "2 of 3 images that were searched\n"
    fields = admin.done("find", "cve-2019-1", "--json").json
    assert [each["digest"] for each in fields["images"]] == [image]
    fields = admin.done("find", "PYSEC-1", "--json").json
    assert [each["digest"] for each in fields["images"]] == [image]
    assert admin("find", "CVE-2026-1000", "--in-use").rows == []
    assert "neither a package" in admin.refused("find", "two words")


@pytest.mark.parametrize("format", ["cyclonedx", "spdx"])
def test_a_bill_is_the_same_from_the_registry_and_from_the_layers(admin: Wharf, format: str) -> None:
    words = ("sbom", "shop/web:1.4", "--platform", "linux/amd64", "--format", format)
    known = admin.done(*words).out
    assert known == admin.done(*words, "--read").out
    assert "flask" in known
    assert admin("sbom", "shop/web:1.4").status == 2, "which platform is not said"


def test_a_bill_is_attached_once(admin: Wharf, server: Server) -> None:
    rows = admin.done("sbom", "shop/web:1.4", "--format", "spdx", "--attach").rows
    assert [row[0] for row in rows] == ["linux/amd64", "linux/arm64"]
    assert admin.done("sbom", "shop/web:1.4", "--format", "spdx", "--attach", "--read").rows == rows
    (referrer,) = referrers(server, rows[1][1])
    assert (referrer["digest"], referrer["artifactType"]) == (rows[1][2], "application/spdx+json")


class Watched(Old):
    """A registry without referrers that notes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def answer(self, asked: Asked) -> Any:
        if asked.method in {"PUT", "POST"}:
            self.written.append(asked.path)
        return super().answer(asked)


def test_what_is_attached_already_is_not_pushed_again_also_without_referrers(admin: Wharf) -> None:
    old = Watched()
    with running() as registry:
        registry.answer = old.answer
        words = ("sbom", f"{registry.host}/shop/web:1", "--attach")
        rows = admin.done(*words).rows
        assert old.written
        old.written.clear()
        assert admin.done(*words).rows == rows
        assert old.written == []
        artifact = json.loads(old.kept.pop(f"manifests/{rows[0][2]}"))
        assert artifact["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
        assert artifact["artifactType"] == "application/vnd.cyclonedx+json"
        assert admin.done(*words).rows == rows, "the list had outlived the artifact"
        assert f"manifests/{rows[0][2]}" in old.kept
