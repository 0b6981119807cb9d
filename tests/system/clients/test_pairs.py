"""What one client pushes, every other pulls, and it is the same image."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from tests.kit.rootfs import Layout, image_of_many_layers, single_image
from tests.system.clients import buildah, containerd, crane, docker, oras, podman, skopeo
from tests.system.clients.home import Home, Image, in_layout, in_registry
from tests.system.registry import Registry

pytestmark = pytest.mark.system


class Client(Protocol):
    """A module of this folder."""

    def push(self, home: Home, layout: Layout, reference: str) -> None: ...
    def pull(self, home: Home, reference: str) -> Image: ...


BYTE_FOR_BYTE: Mapping[str, Client] = {"skopeo": skopeo, "crane": crane, "oras": oras, "containerd": containerd}
PACKING_ANEW: Mapping[str, Client] = {"docker": docker, "podman": podman, "buildah": buildah}
CLIENTS = {**BYTE_FOR_BYTE, **PACKING_ANEW}
# All pairs would take minutes: Docker and Podman make every layer durable on its own.
MANY_LAYERS = [("skopeo", "docker"), ("docker", "podman"), ("buildah", "crane"), ("containerd", "containerd")]


@pytest.fixture(scope="module", params=CLIENTS)
def pushed(request: pytest.FixtureRequest, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A repository with an image that the client pushed."""
    repository = f"pairs/{request.param}"
    home = Home.new(tmp_path_factory.mktemp(request.param), registry)
    CLIENTS[request.param].push(home, single_image(), registry.reference(repository))
    return repository


def test_the_registry_holds_what_was_pushed(registry: Registry, pushed: str) -> None:
    held, ours = in_registry(registry, pushed), in_layout(single_image())
    if pushed.removeprefix("pairs/") in BYTE_FOR_BYTE:
        assert held == ours
    else:
        assert replace(held, digest=ours.digest) == ours


@pytest.mark.parametrize("puller", CLIENTS)
def test_every_client_pulls_it(registry: Registry, pushed: str, puller: str, tmp_path: Path) -> None:
    pulled = CLIENTS[puller].pull(Home.new(tmp_path, registry), registry.reference(pushed))
    assert pulled == in_registry(registry, pushed)


@pytest.mark.parametrize(("pusher", "puller"), MANY_LAYERS)
def test_an_image_of_more_than_a_hundred_layers(registry: Registry, pusher: str, puller: str, tmp_path: Path) -> None:
    repository, image = f"many/{pusher}", image_of_many_layers()
    CLIENTS[pusher].push(Home.new(tmp_path / "there", registry), image, registry.reference(repository))
    pulled = CLIENTS[puller].pull(Home.new(tmp_path / "back", registry), registry.reference(repository))
    assert len(pulled.layers) == 105
    assert pulled == in_registry(registry, repository)
    assert replace(pulled, digest="") == replace(in_layout(image), digest="")
