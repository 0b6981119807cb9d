"""A whole Debian, packages taken out of it by dpkg, and one of Python put on top: scanned, compared and explained.

What is expected is said by Debian's own tools, of the versions that the packages have on the day.
"""

import io
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.cli.server import Wharf
from tests.kit import packages
from tests.kit.advisories import excerpt, osv, up_to, write_zip
from tests.kit.debian import debian
from tests.kit.images import OCI_CONFIG, OCI_LAYER, Image, descriptor, made
from tests.kit.layers import zipped
from tests.kit.parts.process import ProgramFailed, run
from tests.kit.parts.tools import tool
from tests.scanning import trees
from wharfinger.spec import media_types

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("debian")]

GONE = ("curl", "libcurl4", "libssh2-1")
COMMANDS = ("ADD file:debian in /", "RUN apt-get purge -y curl", "RUN pip install jinja2==2.10")
# Whatever Debian mends in the meantime, there is one that is open.
OPEN = osv("DSA-1", "Debian:12", "libssh2", *up_to("99:1"), upstream=["CVE-2026-1000"])
JINJA = [
    each for each in excerpt("python-legacy.json")["records"] if each["affected"][0]["package"]["name"] == "jinja2"
]
RECORDS = [*excerpt("debian-12.json")["records"], OPEN, *JINJA]


@dataclass(frozen=True)
class Images:
    """In a folder each: Debian; Debian without some packages, and with one of Python."""

    before: Path
    after: Path
    administration: Path
    layers: tuple[str, ...]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    home = tmp_path_factory.mktemp("debian")
    whole = debian()
    kept, worked_on = home / "kept", home / "worked-on"
    for folder in (kept, worked_on):
        unpack(whole, folder)
    files = [path for name in GONE for path in listed(kept, name)]
    run([tool("dpkg"), f"--root={worked_on}", "--log=/dev/null", "--no-triggers", "--purge", *GONE])
    layers = [
        zipped(whole),
        trees.layer(difference(kept, worked_on, files)),
        trees.layer(packages.wheels(["jinja2==2.10"])),
    ]
    before, after = image(layers[:1]), image(layers)
    return Images(
        trees.layout(home / "before", before),
        trees.layout(home / "after", after),
        kept / "var/lib/dpkg",
        tuple(each["digest"] for each in after.fields["layers"]),
    )


def unpack(whole: bytes, folder: Path) -> None:
    """What dpkg needs to know of the packages that go, and their files."""
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        named = {each.name: each for each in archive}
        administration = [each for name, each in named.items() if name.startswith("./var/lib/dpkg/")]
        archive.extractall(folder, administration, filter="data")
        paths = {f".{path}" for name in GONE for path in listed(folder, name)}
        archive.extractall(folder, [named[path] for path in sorted(paths & set(named))], filter="fully_trusted")


def listed(folder: Path, package: str) -> list[str]:
    """The paths of a package, as dpkg keeps them."""
    (file,) = [
        each
        for each in (folder / "var/lib/dpkg/info").glob(f"{package}*.list")
        if each.name.removesuffix(".list").partition(":")[0] == package
    ]
    return [line for line in file.read_text().splitlines() if line != "/."]


def difference(before: Path, after: Path, files: list[str]) -> dict[str, bytes]:
    """The layer that a builder makes of it: what changed, and a whiteout for what went."""
    administration = {
        path.relative_to(after).as_posix(): path.read_bytes()
        for path in sorted((after / "var/lib/dpkg").rglob("*"))
        if path.is_file() and not _is_same(path, before / path.relative_to(after))
    }
    lists = [path.relative_to(before).as_posix() for path in (before / "var/lib/dpkg/info").iterdir()]
    went = [path for path in (*lists, *(each.lstrip("/") for each in files)) if _is_gone(path, before, after)]
    return administration | {f"{folder}/.wh.{name}": b"" for folder, _, name in (each.rpartition("/") for each in went)}


def _is_same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()


def _is_gone(path: str, before: Path, after: Path) -> bool:
    return (before / path).is_symlink() or ((before / path).exists() and not (after / path).exists())


def image(layers: list[bytes]) -> Image:
    history = [{"created_by": command} for command in COMMANDS[: len(layers)]]
    config = trees.image([{}], history=history)
    raw = next(iter(config.blobs.values()))
    described = [descriptor(each, OCI_LAYER) for each in layers]
    return made(
        media_types.OCI_MANIFEST, {"config": descriptor(raw, OCI_CONFIG), "layers": described}, blobs=[raw, *layers]
    )


@pytest.fixture
def wharf(images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(images.before.parent)
    write_zip(tmp_path / "known.zip", RECORDS)
    return Wharf(tmp_path, monkeypatch, capsys)


def asked(wharf: Wharf, *words: str) -> Any:
    return wharf.done(*words, "--advisories", str(wharf.home / "known.zip"), "--output", "json").json


@cache
def expected(administration: Path) -> set[tuple[str, str]]:
    """Source package and CVE, by dpkg's list of what is installed and dpkg's order of versions."""
    form = "-f=${db:Status-Status} ${source:Package} ${source:Version}\n"
    lines = run([tool("dpkg-query"), f"--admindir={administration}", "-W", form]).splitlines()
    sources = {(name, version) for status, name, version in map(str.split, lines) if status == "installed"}
    return {
        (name, cve)
        for record in RECORDS
        for affected in record["affected"]
        for name, version in sources
        if affected["package"] == {"ecosystem": "Debian:12", "name": name}
        and any(is_before(version, event["fixed"]) for event in affected["ranges"][0]["events"] if "fixed" in event)
        for cve in record["upstream"]
    }


def is_before(version: str, other: str) -> bool:
    try:
        run([tool("dpkg"), "--compare-versions", version, "lt", other])
    except ProgramFailed:
        return False
    return True


def test_a_debian_of_today_has_what_its_own_tools_say_of_the_versions_in_it(wharf: Wharf, images: Images) -> None:
    (found,) = asked(wharf, "scan", "before")["images"]
    assert {(each["package"], each["id"]) for each in found["findings"]} == expected(images.administration)
    assert found["problems"] == []
    assert ("libssh2", "CVE-2026-1000") in expected(images.administration)


def test_diff_says_what_taking_packages_out_mends_and_what_another_brings(wharf: Wharf, images: Images) -> None:
    (pair,) = asked(wharf, "diff", "before", "after")["images"]
    mended = {(each["package"], each["id"]) for each in pair["findings"] if each["change"] == "lost"}
    assert mended == {each for each in expected(images.administration) if each[0] in ("curl", "libssh2")}
    gained = [each for each in pair["findings"] if each["change"] == "gained"]
    assert {(each["package"], *each["layers"]) for each in gained} == {("jinja2", images.layers[2])}
    assert pair["summary"].endswith(f"fixes {len(mended)}") or f"fixes {len(mended)} " in pair["summary"]
    assert {(each["change"], each["name"]) for each in pair["packages"]} == {
        *(("lost", name) for name in GONE),
        ("gained", "jinja2"),
    }


def test_why_names_the_file_the_layer_its_command_the_fixed_version_and_the_least_update(
    wharf: Wharf, images: Images
) -> None:
    (found,) = asked(wharf, "why", "before", "CVE-2026-1000")["images"]
    (cause,) = found["causes"]
    assert (cause["package"], cause["fixed"]) == ("libssh2", "99:1")
    assert [(each["name"], each["paths"]) for each in cause["packages"]] == [("libssh2-1", ["var/lib/dpkg/status"])]
    assert [(each["number"], each["of"], each["command"]) for each in cause["layers"]] == [(1, 1, COMMANDS[0])]
    assert cause["update"] == [
        f"update libssh2 from {cause['version']} to 99:1: apt-get install --only-upgrade libssh2-1"
    ]
    known = ("--advisories", str(wharf.home / "known.zip"))
    assert wharf("why", "after", "CVE-2026-1000", *known).status == 1, "dpkg has taken it out"
    (cause,) = asked(wharf, "why", "after", "PYSEC-2019-217")["images"][0]["causes"]
    assert [(each["digest"], each["number"], each["command"]) for each in cause["layers"]] == [
        (images.layers[2], 3, COMMANDS[2])
    ]
    (package,) = cause["packages"]
    assert package["paths"] == ["usr/local/lib/python3.11/site-packages/Jinja2-2.10.dist-info/METADATA"]
    assert cause["update"] == [f"update jinja2 from 2.10 to 2.10.1: {package['paths'][0]}"]
