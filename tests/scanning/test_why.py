"""`wharf why`: the package, its files, the layer and the command that brought it, the base image, the least update."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.server import Wharf
from tests.kit.advisories import osv, up_to, write_zip
from tests.kit.images import Image, index, made
from tests.remote.registries import running
from tests.scanning import trees
from tests.scanning.made import DJANGO, LODASH, OPENSSL, finding, image
from tests.scanning.test_registry import Old
from wharfinger.scanning.answers import causes, told
from wharfinger.scanning.answers.causes import Cause
from wharfinger.scanning.answers.origins import Base, Layer, Origin
from wharfinger.scanning.findings import NotAssessed
from wharfinger.scanning.packages import Package

JINJA = replace(
    DJANGO, name="jinja2", purl="pkg:pypi/jinja2@2.0", covered_by=OPENSSL.purl, paths=("usr/lib/j/METADATA",)
)
LIBCRYPTO = replace(OPENSSL, name="libcrypto3", purl="pkg:deb/debian/libcrypto3@3.0.11-1~deb12u1")


def cause(package: Package, *others: Package, origin: Origin | None = None, **more: Any) -> Cause:
    known = told.of(image(finding(package=package, **more), packages=[package, *others]))
    (found,) = causes.explain(known, "cve-2026-1000", origin or Origin()).causes
    return found


def test_of_a_distribution_it_is_the_source_and_all_that_was_built_from_it() -> None:
    found = cause(OPENSSL, LIBCRYPTO, LODASH, JINJA, fixed="3.0.17-1~deb12u2")
    assert [each.name for each in found.packages] == ["libcrypto3", "libssl3"]
    assert [each.name for each in found.covers] == ["jinja2"]
    assert found.update == [
        "update openssl from 3.0.11-1~deb12u1 to 3.0.17-1~deb12u2: apt-get install --only-upgrade libcrypto3 libssl3",
        "jinja2 comes with it: update the distribution's package, not its files",
    ]


def test_of_a_language_it_is_the_package_where_it_lies() -> None:
    assert cause(LODASH, OPENSSL, fixed="4.17.21").update == [
        "update lodash from 4.17.15 to 4.17.21: app/node_modules/lodash/package.json"
    ]
    stdlib = Package("golang", "stdlib", "1.20.0", "pkg:golang/stdlib@1.20.0", paths=("app/server",))
    assert cause(stdlib, fixed="1.20.5").update == [
        "build anew with Go 1.20.5 or later, in place of 1.20.0: app/server"
    ]


def test_without_a_fix_it_says_what_its_maintainers_say() -> None:
    assert cause(OPENSSL, fixed=None, state="wont-fix").update == [
        "its maintainers will not fix it: take openssl out, or state why it does no harm here"
    ]


def origin(*history: str, base: Base | None = None) -> Origin:
    return Origin([OPENSSL.layer, "sha256:" + "2" * 64], history, base or Base(reason="it does not say"))


def test_a_layer_has_its_command_where_the_history_is_of_the_same_length() -> None:
    assert origin("ADD rootfs", "RUN x").layer(OPENSSL.layer) == Layer(OPENSSL.layer, 1, 2, "ADD rootfs", None)
    assert origin("ADD rootfs").layer(OPENSSL.layer).command is None
    assert origin("a", "b").layer("sha256:" + "3" * 64) == Layer("sha256:" + "3" * 64)


def test_what_the_base_image_brought_is_mended_there() -> None:
    base = Base("docker.io/debian:12", "", 1)
    found = cause(OPENSSL, origin=origin("ADD", "RUN", base=base))
    assert found.layers[0].is_base
    assert found.update[-1].startswith("it comes from the base image docker.io/debian:12: build upon a newer one")
    elsewhere = replace(OPENSSL, layer="sha256:" + "2" * 64)
    assert len(cause(elsewhere, origin=origin("ADD", "RUN", base=base)).update) == 1


def test_any_name_of_it_will_do_and_one_package_may_be_meant() -> None:
    both = told.of(image(finding(aliases=("GHSA-x",), advisories=("DSA-1",)), finding(package=LODASH)))
    for name in ("CVE-2026-1000", "ghsa-x", "dsa-1"):
        assert causes.explain(both, name, Origin()).causes[0].finding.package == "django"
    for package in ("lodash", LODASH.purl):
        (found,) = causes.explain(both, "CVE-2026-1000", Origin(), package=package).causes
        assert found.finding.package == "lodash"


@pytest.mark.parametrize("unseen", [{"not_assessed": [NotAssessed("npm", 1, "none")]}, {}])
def test_that_nothing_is_found_says_something_only_of_what_is_known(unseen: dict[str, Any]) -> None:
    found = causes.explain(told.of(image(**unseen)), "CVE-2026-1000", Origin())
    assert (found.causes, found.is_known) == ([], not unseen)


HISTORY = [
    {"created_by": "/bin/sh -c #(nop) ADD file:rootfs in /"},
    {"created_by": 'CMD ["bash"]', "empty_layer": True},
    {"created_by": "RUN pip install flask # buildkit"},
    {"created_by": 'ENTRYPOINT ["flask"]', "empty_layer": True},
]
ROOT = {"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(libssl3="openssl 3.0.11-1~deb12u1")}
FLASK = trees.python("flask", "0.12", folder="usr/local/lib/python3/site-packages")
BASE = trees.image([ROOT], history=HISTORY[:2])
BASES = index([trees.image([ROOT], architecture="arm64"), BASE])
RECORDS = [
    osv(
        "DSA-1",
        "Debian:12",
        "openssl",
        *up_to("3.0.17-1~deb12u2"),
        upstream=["CVE-2026-1000"],
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    ),
    osv("PYSEC-1", "PyPI", "flask", *up_to("1.0"), aliases=["CVE-2019-1"]),
]


def upon(base: Image, name: str = "", *, labels: bool = False) -> Image:
    """An image with one layer more than the base, which says upon what it was built."""
    said = {"org.opencontainers.image.base.digest": base.digest, "org.opencontainers.image.base.name": name}
    config: dict[str, Any] = {"config": {"Labels": said}} if labels else {}
    built = trees.image([ROOT, FLASK], history=HISTORY, **config)
    fields = {name: built.fields[name] for name in ("config", "layers")}
    fields |= {} if labels else {"annotations": said}
    return made(built.media_type, fields, blobs=list(built.blobs.values()))


@pytest.fixture
def wharf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    write_zip(tmp_path / "known.zip", RECORDS)
    return Wharf(tmp_path, monkeypatch, capsys)


def why(wharf: Wharf, target: str, id: str, *words: str) -> Mapping[str, Any]:
    result = wharf.done("why", target, id, "--advisories", "known.zip", "--output", "json", *words)
    (found,) = result.json["images"]
    known: Mapping[str, Any] = found
    return known


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("base", [BASE, BASES], ids=["an image", "an index"])
def test_a_layer_of_the_base_is_known_for_one_and_one_above_it_is_not(wharf: Wharf, base: Image, labels: bool) -> None:
    trees.layout(Path("web"), upon(base, labels=labels), base, tags=["1", "base"])
    found = why(wharf, "oci:web:1", "CVE-2026-1000")
    assert found["base"]["layers"] == 1
    (cause,) = found["causes"]
    assert cause["layers"] == [
        {
            "digest": BASE.fields["layers"][0]["digest"],
            "number": 1,
            "of": 2,
            "command": "/bin/sh -c #(nop) ADD file:rootfs in /",
            "base": True,
        }
    ]
    assert cause["ratings"][0]["vector"].startswith("CVSS:3.1/")
    (cause,) = why(wharf, "oci:web:1", "PYSEC-1")["causes"]
    assert (cause["layers"][0]["number"], cause["layers"][0]["base"]) == (2, False)
    assert cause["layers"][0]["command"] == "RUN pip install flask # buildkit"
    assert cause["packages"][0]["paths"] == ["usr/local/lib/python3/site-packages/flask-0.12.dist-info/METADATA"]


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        (trees.image([FLASK]), "its layers are not the lowest of this image"),
        (None, "its manifest cannot be had"),
    ],
)
def test_a_base_that_is_not_seen_to_be_one_is_none(wharf: Wharf, base: Image | None, reason: str) -> None:
    trees.layout(Path("web"), upon(base or BASE), *([base] if base else []), tags=["1"])
    found = why(wharf, "oci:web:1", "CVE-2026-1000")
    assert (found["base"]["layers"], found["causes"][0]["layers"][0]["base"]) == (None, None)
    assert reason in found["base"]["reason"]


def test_docker_archives_have_a_history_too(wharf: Wharf) -> None:
    trees.docker_archive(Path("saved.tar"), [ROOT, FLASK])
    found = why(wharf, "docker-archive:saved.tar", "CVE-2019-1")
    assert (found["causes"][0]["layers"][0]["number"], found["base"]["reason"]) == (
        2,
        "nothing here says what it was built upon",
    )


def test_for_people_it_is_in_words(wharf: Wharf) -> None:
    trees.layout(Path("web"), upon(BASE, "docker.io/debian:12"), BASE, tags=["1", "base"])
    said = wharf.done("why", "oci:web:1", "CVE-2026-1000", "--advisories", "known.zip").out
    assert said.startswith("linux/amd64: CVE-2026-1000 (critical) in openssl 3.0.11-1~deb12u1\n")
    for line in (
        "  Package:       libssl3 3.0.11-1~deb12u1\n",
        "  Fixed in:      3.0.17-1~deb12u2\n",
        "of the base image docker.io/debian:12\n",
        "  Added by:      /bin/sh -c #(nop) ADD file:rootfs in /\n",
    ):
        assert line in said, line


def test_the_exit_status_answers(wharf: Wharf) -> None:
    trees.layout(Path("web"), trees.image([ROOT]))
    words = ("--advisories", "known.zip")
    assert wharf("why", "web", "CVE-2026-1000", *words).status == 0
    assert wharf("why", "web", "CVE-2019-1", *words).status == 1, "there is no flask in it"
    trees.layout(Path("gem"), trees.image([ROOT, {"a/specifications/x-1.0.gemspec": b""}]))
    write_zip(Path("pypi.zip"), RECORDS[1:])
    assert wharf("why", "web", "CVE-2019-1", "--advisories", "pypi.zip").status == 2, "nobody judges Debian's"
    assert wharf("why", "gone", "CVE-2019-1", *words).status == 2


def test_what_does_no_harm_says_why(wharf: Wharf) -> None:
    trees.layout(Path("web"), trees.image([ROOT]))
    statement = {
        "vulnerability": {"name": "CVE-2026-1000"},
        "products": [{"@id": "pkg:deb/debian/openssl"}],
        "status": "not_affected",
        "justification": "component_not_present",
    }
    head = {"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "a", "version": 1}
    moment = {"timestamp": "2026-02-01T00:00:00Z"}
    Path("vex.json").write_text(json.dumps(head | moment | {"statements": [statement]}))
    (cause,) = why(wharf, "web", "CVE-2026-1000", "--vex", "vex.json")["causes"]
    assert cause["suppressed"].startswith("not affected: component not present")


class Other(Old):
    """A registry with an image of ours in one repository, and its base in another."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self.image = upon(BASE, f"{host}/shop/base:12")
        self.kept |= {f"blobs/{digest}": content for digest, content in self.image.blobs.items()}
        self.kept["manifests/1"] = self.kept[f"manifests/{self.image.digest}"] = self.image.raw

    def answer(self, asked: Any) -> Any:
        if asked.path == f"/v2/shop/base/manifests/{BASE.digest}":
            return 200, {"Content-Type": BASE.media_type}, BASE.raw
        return super().answer(asked)


def test_a_base_in_another_repository_of_the_registry_is_looked_for_there_and_nowhere_else(wharf: Wharf) -> None:
    with running() as registry, running() as stranger:
        other = Other(registry.host)
        registry.answer = other.answer
        assert why(wharf, f"{registry.host}/shop/web:1", "CVE-2019-1")["base"]["layers"] == 1
        other = Other(stranger.host)
        registry.answer = other.answer
        found = why(wharf, f"{registry.host}/shop/web:1", "CVE-2019-1")
        assert found["base"]["layers"] is None
        assert found["base"]["reason"].endswith(f"{stranger.host} is not asked")
        assert stranger.asked == []
