"""Helm keeps charts beside images."""

from pathlib import Path

import pytest

from tests.kit.rootfs import chart
from tests.system.clients.home import Home
from tests.system.registry import Registry

pytestmark = pytest.mark.system


def test_a_chart_is_pushed_pulled_and_rendered(registry: Registry, tmp_path: Path) -> None:
    home, address = Home.new(tmp_path, registry), f"oci://{registry.host}/charts"
    words = ("--username", registry.username, "--password-stdin", registry.host)
    home.run("helm", "registry", "login", "--plain-http", *words, stdin=registry.password)
    home.run("helm", "package", chart(tmp_path), "--destination", tmp_path)
    package = (tmp_path / "greeting-1.2.3.tgz").read_bytes()
    home.run("helm", "push", tmp_path / "greeting-1.2.3.tgz", address, "--plain-http")
    assert registry.tags("charts/greeting") == ["1.2.3"]

    pulled = ("--version", "1.2.3", "--plain-http")
    home.run(
        "helm", "pull", f"{address}/greeting", *pulled, "--destination", Home.new(tmp_path / "back", registry).folder
    )
    assert (tmp_path / "back" / "greeting-1.2.3.tgz").read_bytes() == package
    assert "text: hello" in home.run("helm", "template", f"{address}/greeting", *pulled)
