"""`wharf scan` and `wharf gate` as they are run, from a folder to an exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import Draft202012Validator

from tests.cli.server import Result, Wharf
from tests.kit import sarif as sarif_kit
from tests.kit.advisories import excerpt, osv, up_to, write_zip
from tests.kit.images import image as artifact
from tests.kit.images import index
from tests.scanning import trees
from wharfinger.scanning import report_schema

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(report_schema.document())
STATUS = trees.dpkg(libssl3="openssl 3.0.11-1~deb12u1", zlib1g="zlib 1:1.2.13.dfsg-1")
BOOKWORM = trees.image([{"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": STATUS}])
OPENSSL = osv(
    "DSA-1-1",
    "Debian:12",
    "openssl",
    *up_to("3.0.17-1~deb12u2"),
    upstream=["CVE-2026-1000"],
    published="2026-01-31T00:00:00Z",
    severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
)


@pytest.fixture
def wharf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    """The command in a folder with an image `web` and advisories `known`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    trees.layout(tmp_path / "web", BOOKWORM, tags=["1"])
    know(OPENSSL)
    return Wharf(tmp_path, monkeypatch, capsys)


def know(*records: Any, name: str = "known") -> None:
    Path(name).mkdir(exist_ok=True)
    if records:
        write_zip(Path(name) / "debian.zip", records)


def scan(wharf: Wharf, target: str = "web", *words: str) -> dict[str, Any]:
    result = wharf.done("scan", target, "--advisories", "known", "--output", "json", *words)
    VALIDATOR.validate(result.json)
    fields: dict[str, Any] = result.json
    return fields


def gate(wharf: Wharf, *words: str, target: str = "web") -> Result:
    return wharf("gate", target, "--advisories", "known", "--fail-on", "critical", *words)


def test_a_scan_is_as_its_schema_says_and_the_same_each_time(wharf: Wharf) -> None:
    fields = scan(wharf)
    assert scan(wharf) == fields
    (image,) = fields["images"]
    assert (image["platform"], image["status"], image["digest"]) == ("linux/amd64", "complete", BOOKWORM.digest)
    assert image["distribution"]["ecosystem"] == "Debian:12"
    (found,) = image["findings"]
    assert (found["id"], found["package"], found["fixed"]) == ("CVE-2026-1000", "openssl", "3.0.17-1~deb12u2")
    assert (found["severity"], found["kev"], found["suppressed"]) == ("critical", False, None)
    assert found["purl"].startswith("pkg:deb/debian/libssl3@")
    assert [each["name"] for each in image["packages"]] == ["libssl3", "zlib1g"]
    assert fields["advisories"]["sources"] == {"debian": 1}
    assert "published" not in found, "gates have it from elsewhere, and the schema has no place for it"


def test_the_schema_is_published() -> None:
    published = (ROOT / "docs/scan.schema.json").read_text()
    assert published == report_schema.text(), "python -m wharfinger.scanning.report_schema > docs/scan.schema.json"
    Draft202012Validator.check_schema(json.loads(published))


def test_every_form_of_a_target_has_the_same_findings(wharf: Wharf) -> None:
    trees.archive(Path("web.tar"), BOOKWORM, tags=["1"])
    trees.docker_archive(Path("saved.tar"), [{"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": STATUS}])
    expected = scan(wharf)["images"][0]["findings"]
    for target in ("oci:web:1", "oci-archive:web.tar", "docker-archive:saved.tar:shop/web:1"):
        assert scan(wharf, target)["images"][0]["findings"] == expected, target


def test_debian_12_from_main_alone_has_exactly_what_the_security_suite_fixed(wharf: Wharf) -> None:
    data = excerpt("debian-12.json")
    know(*data["records"])
    status = "\n".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n"
        f"Source: {source} ({built})\nVersion: {version}\n"
        for name, version, source, built in data["packages"]
    )
    tree = {"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": status.encode()}
    trees.layout(Path("debian"), trees.image([tree]))
    (image,) = scan(wharf, "debian")["images"]
    assert sorted([each["package"], each["id"]] for each in image["findings"]) == sorted(data["expected"])
    assert len(image["findings"]) == 74
    assert (image["status"], len(image["packages"])) == ("complete", 123)


NO_RELEASE = {"var/lib/dpkg/status": STATUS}


@pytest.mark.parametrize(
    ("records", "tree"),
    [
        ([], {"etc/os-release": trees.DEBIAN}),
        (
            [osv("DSA-1-1", "Debian:11", "openssl", *up_to("9"), upstream=["CVE-2026-1"])],
            {"etc/os-release": trees.DEBIAN},
        ),
        ([OPENSSL], {"etc/os-release": b"ID=own\nVERSION_ID=1\n"}),
        ([OPENSSL], {}),
    ],
    ids=["an empty set", "only Debian 11", "an unknown distribution", "no os-release"],
)
def test_what_nobody_judges_is_never_clean(wharf: Wharf, records: list[Any], tree: dict[str, bytes]) -> None:
    know(*records, name="some")
    trees.layout(Path("other"), trees.image([tree | NO_RELEASE]))
    fields = wharf.done("scan", "other", "--advisories", "some", "--output", "json").json
    (image,) = fields["images"]
    assert image["status"] == "not-assessed"
    assert sum(each["packages"] for each in image["not_assessed"]) == 2
    words = ("gate", "other", "--advisories", "some", "--fail-on", "critical")
    assert wharf(*words).status == 2
    if not tree:
        assert wharf(*words, "--not-assessed", "fail").status == 1
        assert wharf(*words, "--not-assessed", "pass").status == 0


def test_without_being_told_where_the_kept_advisories_are_used(wharf: Wharf) -> None:
    wharf.monkeypatch.setenv("XDG_DATA_HOME", str(wharf.home / "data"))
    assert wharf("advisories", "import", "known").status == 0
    assert len(wharf.done("scan", "web", "--output", "json").json["images"][0]["findings"]) == 1


def test_a_chart_is_nothing_to_scan(wharf: Wharf) -> None:
    trees.layout(Path("chart"), artifact(artifact_type="application/vnd.cncf.helm.config.v1+json"))
    (image,) = scan(wharf, "chart")["images"]
    assert (image["status"], image["packages"], image["distribution"]) == ("nothing-to-scan", [], None)
    result = gate(wharf, target="chart")
    assert (result.status, "nothing to scan" in result.err) == (0, True)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ((), 1),
        (("--fixed-only", "--kev", "--grace", "14d", "--platform", "linux/amd64"), 1),
        (("--grace", "3650d"), 0),
        (("--vex", "vex.json"), 0),
        (("--platform", "linux/arm64"), 2),
        (("--platform", "linux/amd"), 2),
        (("--grace", "soon"), 2),
        (("--vex", "gone.json"), 2),
    ],
)
def test_the_gate_answers_by_its_status(wharf: Wharf, words: tuple[str, ...], status: int) -> None:
    statement = {
        "vulnerability": "CVE-2026-1000",
        "products": ["pkg:deb/debian/openssl"],
        "status": "not_affected",
        "justification": "component_not_present",
    }
    Path("vex.json").write_text(json.dumps({"@context": "https://openvex.dev/ns", "statements": [statement]}))
    assert gate(wharf, *words).status == status


@pytest.mark.parametrize("words", [("gone",), ("web:2",), ("oci:web:2",), ("web", "--platform", "linux/arm64")])
def test_what_cannot_be_scanned_is_2_and_a_sentence(wharf: Wharf, words: tuple[str, ...]) -> None:
    monkeypatch = wharf.monkeypatch
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # gone and web:2 are names at Docker Hub
    result = wharf("scan", *words, "--advisories", "known")
    assert result.status == 2
    assert result.err.startswith("wharf: ")
    assert wharf("scan", "web", "--advisories", "nowhere").status == 2
    assert "no advisories yet" in wharf("scan", "web").err


def test_a_platform_is_asked_for_with_or_without_its_variant(wharf: Wharf) -> None:
    arm = trees.image([{"etc/os-release": trees.DEBIAN}], architecture="arm64", variant="v8")
    trees.layout(Path("both"), BOOKWORM, arm)
    for word in ("linux/arm64", "linux/arm64/v8"):
        (found,) = scan(wharf, "both", "--platform", word)["images"]
        assert found["platform"] == "linux/arm64/v8"
    assert wharf("scan", "both", "--advisories", "known", "--platform", "linux/arm64/v7").status == 2


def test_an_index_without_images_is_not_scanned(wharf: Wharf) -> None:
    trees.layout(Path("none"), index([]), tags=["1"])
    assert "an index without images" in wharf.refused(
        "gate", "none", "--advisories", "known", "--fail-on", "critical", status=2
    )


def test_a_target_of_which_nothing_can_be_read_is_not_scanned(wharf: Wharf) -> None:
    (Path("web/blobs") / BOOKWORM.digest.replace(":", "/")).write_bytes(b"{}")
    assert wharf("scan", "web", "--advisories", "known").status == 2
    assert gate(wharf).status == 2


def test_halves_of_characters_are_printed_as_question_marks(wharf: Wharf) -> None:
    odd = trees.image([{"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": STATUS}], architecture="\ud800")
    trees.layout(Path("odd"), odd)
    said = {"vulnerability": "CVE-2026-1000", "products": ["pkg:deb/debian/openssl"], "status": "not_affected"}
    said["impact_statement"] = "none \udfff"
    Path("odd.json").write_text(json.dumps({"@context": "https://openvex.dev/ns", "statements": [said]}))
    result = gate(wharf, "--vex", "odd.json", "--output", "json", target="odd")
    assert result.status == 0
    assert result.json["judgements"][0]["platform"] == "linux/?"
    assert "none ?" in result.out


def test_a_layer_that_is_gone_leaves_doubt_and_no_clean_bill(wharf: Wharf) -> None:
    layer = trees.sha256(trees.layer({"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": STATUS}))
    (Path("web/blobs") / layer.replace(":", "/")).unlink()
    (image,) = scan(wharf)["images"]
    assert (image["status"], image["problems"][0]["layer"]) == ("partial", layer)
    assert gate(wharf).status == 2
    assert gate(wharf, "--partial", "pass").status == 0


@pytest.mark.parametrize("output", ["json", "sarif", "junit", "gitlab", "markdown", "table"])
def test_the_gate_speaks_to_whatever_asks(wharf: Wharf, output: str) -> None:
    result = gate(wharf, "--output", output)
    assert result.status == 1
    assert "CVE-2026-1000" in result.out
    if output == "sarif":
        assert sarif_kit.problems(result.json) == []


def test_a_table_for_pipes_is_lines_of_tabs_and_the_rest_is_told_beside(wharf: Wharf) -> None:
    result = wharf("scan", "web", "--advisories", "known")
    (row,) = result.rows
    assert row == [
        *("linux/amd64", "critical", "CVE-2026-1000", "openssl", "3.0.11-1~deb12u1", "3.0.17-1~deb12u2", "libssl3"),
    ]
    assert "debian 12, 2 packages, 1 finding (1 critical); complete" in result.err


def test_an_sbom_needs_no_advisories_and_is_of_one_image(wharf: Wharf) -> None:
    result = wharf.done("scan", "web", "--sbom", "cyclonedx")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(result.out) is None
    assert wharf.done("scan", "web", "--sbom", "cyclonedx").out == result.out
    assert wharf.done("scan", "web", "--sbom", "spdx").json["creationInfo"]["created"] == "2026-01-31T12:00:00Z"
    other = trees.image([NO_RELEASE], architecture="arm64")
    trees.layout(Path("both"), index([BOOKWORM, other]))
    result = wharf("scan", "both", "--sbom", "spdx")
    assert (result.status, "--platform one of linux/amd64, linux/arm64" in result.err) == (2, True)
    fields = wharf.done("scan", "both", "--sbom", "spdx", "--platform", "linux/arm64").json
    assert fields["packages"][0]["versionInfo"] == other.digest


_WITNESS = """
import json
import sys

def hook(event, args):
    if event.startswith("socket."):
        raise SystemExit(f"opened a socket: {event} {args}")

sys.addaudithook(hook)
from wharfinger.cli.main import run
print(json.dumps([run(words) for words in json.loads(sys.argv[1])]))
"""
_HERE = ("--advisories", "known")
_OFFLINE = {
    ("scan", "web", *_HERE): 0,
    ("scan", "web", "--sbom", "spdx"): 0,
    ("gate", "web", *_HERE, "--fail-on", "critical"): 1,
    ("why", "oci:web", "CVE-2026-1000", *_HERE): 0,
    ("diff", "oci:web", "oci:other", *_HERE): 0,
    ("sbom", "oci:web"): 0,
    ("advisories", "compare", "deb", "1", "2"): 0,
    ("advisories", "import", "known"): 0,
    ("advisories", "status"): 0,
}


def witnessed(*commands: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """The commands in a process that ends when anything in it opens a socket."""
    words = [sys.executable, "-c", _WITNESS, json.dumps(commands)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=dict(os.environ))


def test_nothing_opens_a_socket_where_everything_is_here(wharf: Wharf) -> None:
    trees.layout(Path("other"), trees.image([{"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": b""}]))
    done = witnessed(*_OFFLINE)
    assert "opened a socket" not in done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [*_OFFLINE.values()], done.stderr
    assert "CVE-2026-1000" in done.stdout
    assert "opened a socket" in witnessed(("scan", "registry.example.org/shop/web:1", *_HERE)).stderr
