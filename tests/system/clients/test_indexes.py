"""Images for several architectures under one tag."""

import json
from pathlib import Path
from typing import Protocol

import pytest

from tests.kit.rootfs import INDEX, Layout, multi_architecture_image, single_image
from tests.system.clients import buildah, containerd, crane, docker, oras, podman, skopeo
from tests.system.clients.home import Home, Image
from tests.system.registry import Registry

pytestmark = pytest.mark.system


class Copier(Protocol):
    """A client that has all architectures."""

    def push(self, home: Home, layout: Layout, reference: str) -> None: ...
    def pull_layout(self, home: Home, reference: str) -> Layout: ...


class Runner(Protocol):
    """A client that wants the image for this machine."""

    def pull(self, home: Home, reference: str) -> Image: ...


COPIERS: dict[str, Copier] = {"skopeo": skopeo, "crane": crane, "oras": oras, "containerd": containerd}
RUNNERS: dict[str, Runner] = {"docker": docker, "podman": podman, "buildah": buildah}


@pytest.fixture(scope="module")
def pushed(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A repository with the image."""
    home = Home.new(tmp_path_factory.mktemp("index"), registry)
    skopeo.push(home, multi_architecture_image(), registry.reference("indexes/pushed"))
    return "indexes/pushed"


@pytest.mark.parametrize("client", COPIERS)
def test_an_index_comes_back_as_it_went(registry: Registry, client: str, tmp_path: Path) -> None:
    image, repository = multi_architecture_image(), f"indexes/{client}"
    COPIERS[client].push(Home.new(tmp_path / "there", registry), image, registry.reference(repository))
    back = COPIERS[client].pull_layout(Home.new(tmp_path / "back", registry), registry.reference(repository))
    assert back.manifest() == image.manifest() == registry.manifest(repository, "v1")
    for child in json.loads(image.manifest())["manifests"]:
        manifest = json.loads(image.blob(child["digest"]))
        for digest in (child["digest"], manifest["config"]["digest"], *(x["digest"] for x in manifest["layers"])):
            assert back.blob(digest) == image.blob(digest)


@pytest.mark.parametrize("client", RUNNERS)
def test_a_runner_gets_the_image_for_its_machine(registry: Registry, pushed: str, client: str, tmp_path: Path) -> None:
    pulled = RUNNERS[client].pull(Home.new(tmp_path, registry), registry.reference(pushed))
    assert json.loads(pulled.config)["architecture"] == "amd64"


def test_podman_pushes_an_index_of_its_own(registry: Registry, tmp_path: Path) -> None:
    home = Home.new(tmp_path, registry)
    with podman.podman(home) as run:
        image = run("pull", "--quiet", f"oci-archive:{home.archive(single_image())}").strip()
        run("manifest", "create", "mine", f"containers-storage:{image}")
        target = f"docker://{registry.reference('indexes/mine')}"
        run("manifest", "push", "--all", "--tls-verify=false", "--format", "oci", "mine", target)
    index = json.loads(registry.manifest("indexes/mine", "v1"))
    assert index["mediaType"] == INDEX
    for child in index["manifests"]:
        assert registry.manifest("indexes/mine", child["digest"])
