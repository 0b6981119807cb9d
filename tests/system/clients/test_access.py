"""Every client, as an account that may do only what it must, and as nobody at all: by tokens alone."""

from pathlib import Path

import pytest

from tests.kit.parts.process import ProgramFailed
from tests.kit.rootfs import chart, single_image
from tests.system.clients.home import Home, in_registry
from tests.system.clients.test_pairs import CLIENTS
from tests.system.registry import Registry

pytestmark = pytest.mark.system


@pytest.mark.parametrize("client", CLIENTS)
def test_ci_pushes_to_its_own_repositories_and_staging_pulls_from_there(
    registry: Registry, client: str, tmp_path: Path
) -> None:
    team, image = f"least-{client}", single_image()
    ci = registry.account(f"ci-{client}", ("publisher", f"{team}/**"))
    staging = registry.account(f"staging-{client}", ("reader", f"{team}/**"))
    own = registry.reference(f"{team}/web")
    push, pull = CLIENTS[client].push, CLIENTS[client].pull

    push(Home.new(tmp_path / "ci", ci), image, own)
    assert pull(Home.new(tmp_path / "staging", staging), own) == in_registry(registry, f"{team}/web")

    with pytest.raises(ProgramFailed):
        push(Home.new(tmp_path / "astray", ci), image, registry.reference(f"other-{client}/web"))
    with pytest.raises(ProgramFailed):
        push(Home.new(tmp_path / "upstream", staging), image, registry.reference(f"{team}/web", "v2"))
    assert registry.tags(f"{team}/web") == ["v1"]


@pytest.mark.parametrize("client", CLIENTS)
def test_what_is_public_is_pulled_without_an_account_and_nothing_else_is(
    registry: Registry, client: str, tmp_path: Path
) -> None:
    public, private = f"public-{client}/web", f"private-{client}/web"
    for repository in (public, private):
        CLIENTS["crane"].push(Home.new(tmp_path / repository, registry), single_image(), registry.reference(repository))
    registry.post("/grants", {"principal": "anonymous", "role": "reader", "pattern": f"public-{client}/**"})
    nobody = registry.as_("", "")

    pulled = CLIENTS[client].pull(Home.new(tmp_path / "nobody", nobody), registry.reference(public))
    assert pulled == in_registry(registry, public)
    with pytest.raises(ProgramFailed):
        CLIENTS[client].pull(Home.new(tmp_path / "peeping", nobody), registry.reference(private))
    with pytest.raises(ProgramFailed):
        CLIENTS[client].push(Home.new(tmp_path / "mischief", nobody), single_image(), registry.reference(public, "v2"))


def test_a_chart_goes_from_ci_to_somebody_without_an_account(registry: Registry, tmp_path: Path) -> None:
    ci = registry.account("ci-charts", ("publisher", "open-charts/**"))
    registry.post("/grants", {"principal": "anonymous", "role": "reader", "pattern": "open-charts/*"})
    home = Home.new(tmp_path / "ci", ci)
    words = ("--username", ci.username, "--password-stdin", ci.host)
    home.run("helm", "registry", "login", "--plain-http", *words, stdin=ci.password)
    home.run("helm", "package", chart(tmp_path), "--destination", home.folder)
    home.run("helm", "push", home.folder / "greeting-1.2.3.tgz", f"oci://{ci.host}/open-charts", "--plain-http")

    nobody = Home.new(tmp_path / "nobody", registry.as_("", ""))
    address = f"oci://{registry.host}/open-charts/greeting"
    nobody.run("helm", "pull", address, "--version", "1.2.3", "--plain-http", "--destination", nobody.folder)
    assert (nobody.folder / "greeting-1.2.3.tgz").read_bytes() == (home.folder / "greeting-1.2.3.tgz").read_bytes()
