"""What clients show of a pull that a gate refuses, and that a restart of what is let through needs nothing of them."""

import time
from pathlib import Path

import pytest

from tests.kit.parts.process import ProgramFailed
from tests.kit.rootfs import single_image
from tests.system.clients.home import Home, in_registry
from tests.system.clients.test_pairs import CLIENTS
from tests.system.registry import Registry

pytestmark = pytest.mark.system

SHOWING = ("docker", "podman", "containerd", "skopeo", "crane")


@pytest.mark.parametrize("client", SHOWING)
def test_a_refused_pull_shows_the_rule_and_the_way_out_until_break_glass(
    registry: Registry, client: str, tmp_path: Path
) -> None:
    repository, rule = f"gated-{client}/web", f"for-{client}"
    image = registry.reference(repository)
    CLIENTS["skopeo"].push(Home.new(tmp_path / "push", registry), single_image(), image)
    rules = f"{{name: {rule}, repositories: 'gated-{client}/**', stale: {{after: 1d, then: block}}}}"
    registry.post("/policy/apply", {"policy": f"version: 1\ngates: [{rules}]\n"})
    time.sleep(2)  # by then every worker knows of it; there are no advisories, which is as old as can be

    with pytest.raises(ProgramFailed) as refused:
        CLIENTS[client].pull(Home.new(tmp_path / "refused", registry), image)
    assert f"refused by the gate rule {rule}" in str(refused.value)
    assert "wharf breakglass" in str(refused.value)

    registry.post(f"/breakglass/{repository}", {"reference": "v1", "because": "a test", "seconds": 600})
    pulled = CLIENTS[client].pull(Home.new(tmp_path / "let through", registry), image)
    assert pulled == in_registry(registry, repository)
