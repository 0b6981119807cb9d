"""umoci makes images without a registry, and skopeo takes them there and back."""

from pathlib import Path

import pytest

from tests.kit.rootfs import TAG, Layout
from tests.system.clients import skopeo
from tests.system.clients.home import Home
from tests.system.registry import Registry

pytestmark = pytest.mark.system


def test_an_image_made_by_umoci_unpacks_after_the_journey(registry: Registry, tmp_path: Path) -> None:
    home = Home.new(tmp_path / "there", registry)
    layout, greeting = Layout(home.folder / "made"), home.folder / "greeting"
    greeting.write_text("hello")
    home.run("umoci", "init", "--layout", layout.folder)
    home.run("umoci", "new", "--image", f"{layout.folder}:{TAG}")
    home.run("umoci", "insert", "--image", f"{layout.folder}:{TAG}", greeting, "/etc/greeting")
    skopeo.push(home, layout, registry.reference("umoci/greeting"))

    back = skopeo.pull_layout(Home.new(tmp_path / "back", registry), registry.reference("umoci/greeting"))
    assert back.manifest() == layout.manifest()
    home.run("umoci", "unpack", "--image", f"{back.folder}:{TAG}", tmp_path / "bundle")
    assert (tmp_path / "bundle" / "rootfs" / "etc" / "greeting").read_text() == "hello"
