"""What clients do with an image that is about to go: the pull works, some show the warning, and the image stays."""

import json
import time
from pathlib import Path

import pytest

from tests.kit.rootfs import single_image
from tests.system.clients import crane, oras
from tests.system.clients.home import Home, in_registry
from tests.system.clients.test_pairs import CLIENTS
from tests.system.registry import Registry

pytestmark = pytest.mark.system

PULLING = ("docker", "podman", "containerd", "skopeo", "crane")
SECONDS = 60


def doom(registry: Registry, repository: str, home: Home) -> str:
    """An image that is in a brown-out; the path to what is said of it."""
    CLIENTS["skopeo"].push(home, single_image(), registry.reference(repository))
    name = repository.replace("/", "-")
    rules = "ceiling: 100%, brownout: 3d, rules: [delete: {}]"
    policy = f"version: 1\nlifecycle: [{{name: {name}, repositories: {repository}, {rules}}}]\n"
    registry.post("/policy/apply", {"policy": policy})
    plan = registry.send("/lifecycle/plan", json.dumps({"repositories": [repository]}).encode())
    run = json.loads(registry.send("/lifecycle/apply", plan, "application/jsonl"))["id"]
    deadline = time.monotonic() + SECONDS
    while registry.get_json(f"/api/v1/lifecycle/runs/{run}")["run"]["state"] != "brown-out":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return f"/api/v1/lifecycle/runs/{run}"


def states(registry: Registry, run: str) -> list[str]:
    return [item["state"] for item in registry.get_json(run)["items"]]


@pytest.mark.parametrize("client", PULLING)
def test_a_pull_by_any_client_works_and_keeps_the_image(registry: Registry, client: str, tmp_path: Path) -> None:
    repository = f"doomed/by-{client}"
    run = doom(registry, repository, Home.new(tmp_path / "push", registry))
    assert states(registry, run) == ["doomed"]
    pulled = CLIENTS[client].pull(Home.new(tmp_path / "pull", registry), registry.reference(repository))
    assert states(registry, run) == ["spared"]
    assert pulled == in_registry(registry, repository)


def test_crane_and_oras_show_the_warning(registry: Registry, tmp_path: Path) -> None:
    home, repository = Home.new(tmp_path, registry), "doomed/shown"
    doom(registry, repository, home)
    image = registry.reference(repository)
    crane.login(home)
    oras.login(home)
    by_crane = home.warned("crane", "pull", image, tmp_path / "image.tar")
    by_oras = home.warned("oras", "pull", "--plain-http", "--output", tmp_path / "files", image)
    for said in (by_crane, by_oras):
        assert "deletes this image on 2" in said
        assert "this was put off by a pull, until the next plan" in said
        assert f"wharf hold {repository}@sha256:" in said
