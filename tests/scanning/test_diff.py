"""`wharf diff`: what a second image has more, less or in another version; and nothing called mended that is unseen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.server import Wharf
from tests.kit.advisories import osv, up_to, write_zip
from tests.kit.images import index
from tests.scanning import made, trees
from tests.scanning.made import DJANGO, LODASH, OPENSSL, finding, image
from wharfinger.errors import RequestInvalid
from wharfinger.scanning.answers import comparing, differences, told
from wharfinger.scanning.answers.comparing import Comparison, Differences
from wharfinger.scanning.answers.told import Told
from wharfinger.scanning.findings import NotAssessed, Severity
from wharfinger.scanning.packages import Package, Problem
from wharfinger.scanning.scans import ImageScan


def given(*images: ImageScan, target: str = "web", advisories: str = "a") -> Told:
    return Told(target, frozenset((advisories,)), [told.of(each) for each in images])


def compare(before: ImageScan, after: ImageScan) -> Comparison:
    (pair,) = comparing.compare(given(before), given(after)).pairs
    return pair


def at(package: Package, version: str) -> Package:
    source = None if package.source is None else replace(package.source, version=version)
    return replace(package, version=version, purl=package.purl.replace(package.version, version), source=source)


def kinds(pair: Comparison) -> list[tuple[str, str, str | None, str | None]]:
    return [(each.kind, each.name, each.before, each.after) for each in pair.packages]


@pytest.mark.parametrize(
    ("package", "other", "kind"),
    [
        (OPENSSL, "3.0.9-1", "downgraded"),
        (OPENSSL, "3.0.17-1~deb12u2", "upgraded"),
        (LODASH, "4.17.15-rc.1", "downgraded"),
        (LODASH, "4.17.21", "upgraded"),
        (DJANGO, "3.2.post1", "upgraded"),
        (DJANGO, "none at all", "changed"),
    ],
)
def test_versions_are_compared_as_their_ecosystem_does(package: Package, other: str, kind: str) -> None:
    pair = compare(image(packages=[package]), image(packages=[at(package, other)]))
    assert kinds(pair) == [(kind, package.name, package.version, other)]


def test_packages_that_came_and_went_are_told_with_their_layers() -> None:
    elsewhere = replace(LODASH, layer="sha256:" + "2" * 64)
    pair = compare(image(packages=[DJANGO]), image(packages=[elsewhere]))
    assert kinds(pair) == [("gained", "lodash", None, "4.17.15"), ("lost", "django", "3.2", None)]
    assert [each.layer for each in pair.packages] == [elsewhere.layer, DJANGO.layer]


def test_of_several_versions_the_nearest_are_paired() -> None:
    before = image(packages=[at(LODASH, "1.0.0"), at(LODASH, "10.0.0"), at(LODASH, "2.0.0")])
    after = image(packages=[at(LODASH, "2.0.0"), at(LODASH, "1.0.1")])
    assert kinds(compare(before, after)) == [
        ("lost", "lodash", "10.0.0", None),
        ("upgraded", "lodash", "1.0.0", "1.0.1"),
    ]


def test_it_says_in_a_line_what_is_added_and_what_is_fixed() -> None:
    before = image(*(finding(f"CVE-2026-{n}", LODASH) for n in range(5)), packages=[LODASH])
    worse = [finding(f"CVE-2025-{n}", DJANGO, Severity.HIGH) for n in range(2)]
    after = image(*worse, packages=[DJANGO])
    pair = compare(before, after)
    assert pair.summary == "adds 2 high, fixes 5"
    assert compare(after, before).summary == "adds 5 critical, fixes 2"
    assert compare(after, after).summary == "adds nothing, fixes nothing"
    assert compare(after, after).staying == {Severity.HIGH: 2}
    assert (pair.findings[0].before, pair.findings[0].after) == ((), ("3.2",))
    assert pair.findings[0].layers == (DJANGO.layer,)


def test_a_vulnerability_stays_while_another_version_of_the_package_has_it() -> None:
    older = at(LODASH, "3.0.0")
    both = image(finding(package=LODASH), finding(package=older), packages=[LODASH, older])
    one = image(finding(package=LODASH), packages=[LODASH])
    assert compare(both, one).findings == []
    assert [each.kind for each in compare(both, one).packages] == ["lost"]


@pytest.mark.parametrize(
    ("package", "unseen", "is_doubted"),
    [
        (LODASH, {"not_assessed": [NotAssessed("npm", 1, "no advisories")]}, True),
        (LODASH, {"not_assessed": [NotAssessed("PyPI", 1, "no advisories")]}, False),
        (LODASH, {"not_assessed": [NotAssessed("Debian:12", 1, "no advisories")]}, False),
        (OPENSSL, {"not_assessed": [NotAssessed("Debian:12", 1, "no advisories")]}, True),
        (OPENSSL, {"not_assessed": [NotAssessed("deb", 1, "there is no os-release")]}, True),
        (OPENSSL, {"not_assessed": [NotAssessed("npm", 1, "no advisories")]}, False),
        (OPENSSL, {"problems": [Problem(made.LAYER, "", "cut off")]}, True),
    ],
)
def test_what_was_not_looked_at_is_neither_fixed_nor_new(
    package: Package, unseen: dict[str, Any], is_doubted: bool
) -> None:
    known, unknown = image(finding(package=package)), image(**unseen)
    for before, after in ((known, unknown), (unknown, known)):
        pair = compare(before, after)
        (found,) = pair.findings
        assert bool(found.doubt) == is_doubted
        assert pair.summary.endswith("1 in doubt") == is_doubted
        assert (pair.summary == "adds nothing, fixes nothing; 1 in doubt") == is_doubted


def test_what_does_no_harm_is_listed_and_not_counted() -> None:
    pair = compare(image(), image(finding(suppressed="not affected")))
    assert pair.summary == "adds nothing, fixes nothing"
    assert [each.finding.suppressed for each in pair.findings] == ["not affected"]


def test_images_are_paired_by_platform_and_the_rest_is_told() -> None:
    amd, arm, s390 = (image(finding(), platform=f"linux/{each}") for each in ("amd64", "arm64", "s390x"))
    found = comparing.compare(given(amd, arm), given(replace_findings(amd), s390, advisories="b"))
    assert [each.platform for each in found.pairs] == ["linux/amd64"]
    assert found.summary == "adds nothing, fixes 1"
    assert [note.partition(":")[0] for note in found.notes] == [
        "only the first has an image for linux/arm64",
        "only the second has an image for linux/s390x",
        "the two were judged by different advisories",
    ]
    with pytest.raises(RequestInvalid, match="no platform is in both"):
        comparing.compare(given(amd, arm), given(s390, image(platform="linux/riscv64")))
    with pytest.raises(RequestInvalid, match="several images for one platform"):
        comparing.compare(given(amd, amd), given(amd))
    with pytest.raises(RequestInvalid, match="no file system"):
        comparing.compare(given(image(nothing=True)), given(amd))


def replace_findings(scan: ImageScan) -> ImageScan:
    return replace(scan, matched=replace(scan.matched, findings=()))


def test_two_images_are_compared_whatever_they_are_for() -> None:
    found = comparing.compare(given(image(platform="linux/amd64")), given(image(platform="linux/arm64")))
    assert [each.platform for each in found.pairs] == ["linux/arm64"]


def test_the_comment_is_one_whatever_packages_are_called() -> None:
    evil = replace(LODASH, name="x|\n### <b>", purl="pkg:npm/x@1")
    found = comparing.compare(given(image(packages=[])), given(image(finding(package=evil), packages=[evil])))
    page = differences.markdown(found)
    assert "adds 1 critical, fixes nothing" in page
    assert "x\\| \\#\\#\\# \\<b\\>" in page
    assert all(line.count(" | ") in {0, 5, 7} for line in page.splitlines())


def test_a_long_comment_is_cut_and_says_so() -> None:
    many = [finding(f"CVE-2026-{n}") for n in range(1000, 1150)]
    found: Differences = comparing.compare(given(image()), given(image(*many)))
    assert "And 50 more." in differences.markdown(found)
    assert len(differences.document(found)["images"][0]["findings"]) == 150


OLD = {"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(libssl3="openssl 3.0.11-1~deb12u1")}
NEW = {"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(libssl3="openssl 3.0.17-1~deb12u2")}
RECORDS = [
    osv("DSA-1", "Debian:12", "openssl", *up_to("3.0.17-1~deb12u2"), upstream=["CVE-2026-1000"]),
    osv("PYSEC-1", "PyPI", "flask", *up_to("1.0"), aliases=["CVE-2019-1"]),
]


@pytest.fixture
def wharf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    both = [trees.image([OLD], architecture=each) for each in ("amd64", "arm64")]
    trees.layout(tmp_path / "old", index(both), tags=["1"])
    new = trees.image([NEW, trees.python("flask", "0.12")])
    trees.archive(tmp_path / "new.tar", new, tags=["2"])
    write_zip(tmp_path / "known.zip", RECORDS)
    return Wharf(tmp_path, monkeypatch, capsys)


def test_images_of_different_kinds_are_compared(wharf: Wharf) -> None:
    words = ("diff", "old", "oci-archive:new.tar", "--advisories", "known.zip")
    result = wharf(*words)
    assert result.status == 0
    assert [row[:4] for row in result.rows] == [
        ["linux/amd64", "unknown", "adds", "CVE-2019-1"],
        ["linux/amd64", "unknown", "fixes", "CVE-2026-1000"],
        ["linux/amd64", "", "upgraded", "deb"],
        ["linux/amd64", "", "gained", "pypi"],
    ]
    assert "only the first has an image for linux/arm64" in result.err
    assert result.err.splitlines()[-1] == "oci-archive:new.tar adds 1 unknown, fixes 1"
    fields = wharf.done(*words, "--output", "json").json
    assert fields == wharf.done(*words, "--output", "json").json
    assert fields["summary"] == "adds 1 unknown, fixes 1"
    layers = {each["layer"] for each in fields["images"][0]["packages"]}
    assert len(layers) == 2
    assert wharf.done(*words, "--output", "markdown").out.startswith("### oci-archive:new.tar adds 1 unknown")
    assert wharf.done(*words, "--output", "json", "--platform", "linux/amd64").json["notes"] == []


def test_what_cannot_be_compared_is_neither_yes_nor_no(wharf: Wharf) -> None:
    assert wharf("diff", "old", "gone", "--advisories", "known.zip").status == 2
    assert wharf("diff", "old", "oci-archive:new.tar").status == 2, "there are no advisories"
    words = ("diff", "old", "oci-archive:new.tar", "--advisories", "known.zip", "--platform", "linux/arm64")
    assert "there is no image for linux/arm64" in wharf.refused(*words, status=2)


def test_without_advisories_for_it_nothing_is_called_fixed(wharf: Wharf) -> None:
    write_zip(Path("pypi.zip"), RECORDS[1:])
    result = wharf("diff", "old", "oci-archive:new.tar", "--advisories", "pypi.zip", "--platform", "linux/amd64")
    assert "not-assessed" in result.err
    assert result.err.splitlines()[-1] == "oci-archive:new.tar adds 1 unknown, fixes nothing"
