"""Statements of three formats, what they suppress, and what is said of those that meet nothing."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.anywhere import changed
from tests.scanning.made import DEBIAN, DJANGO, OPENSSL, finding, image
from wharfinger.errors import RequestInvalid
from wharfinger.scanning.packages import Distribution
from wharfinger.scanning.scans import ImageScan
from wharfinger.scanning.vex import applying, purls, reading
from wharfinger.scanning.vex.applying import Applied
from wharfinger.scanning.vex.statements import Statement

CVE = "CVE-2026-1000"
Fields = dict[str, Any]


def openvex(*products: str | Fields, status: str = "not_affected", **more: Any) -> Fields:
    statement = {"vulnerability": {"name": CVE}, "products": list(products), "status": status}
    justified = {"justification": "vulnerable_code_not_present"} if status == "not_affected" else {}
    return {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.org/vex/1",
        "author": "example.org",
        "timestamp": "2026-01-01T00:00:00Z",
        "version": 1,
        "statements": [statement | justified | more],
    }


def csaf(purl: str, *, status: str = "known_not_affected", platform: str | None = None) -> Fields:
    product = {"product_id": "P", "name": "it", "product_identification_helper": {"purl": purl}}
    branches = [{"category": "vendor", "name": "example", "branches": [{"name": "1", "product": product}]}]
    tree: Fields = {"branches": branches}
    id = "P"
    if platform is not None:
        helper = {"purl": platform} if platform.startswith("pkg:") else {"cpe": platform}
        tree["full_product_names"] = [{"product_id": "IMAGE", "name": "image", "product_identification_helper": helper}]
        tree["relationships"] = [
            {
                "category": "default_component_of",
                "product_reference": "P",
                "relates_to_product_reference": "IMAGE",
                "full_product_name": {"product_id": "P:IMAGE", "name": "it as part of the image"},
            }
        ]
        id = "P:IMAGE"
    flags = [{"label": "vulnerable_code_not_in_execute_path", "product_ids": [id]}]
    vulnerability = {"cve": CVE, "product_status": {status: [id]}, "flags": flags}
    tracking = {"current_release_date": "2026-01-01T00:00:00Z"}
    return {
        "document": {"category": "csaf_vex", "tracking": tracking},
        "product_tree": tree,
        "vulnerabilities": [vulnerability],
    }


def cyclonedx(ref: str, *, state: str = "not_affected", components: Sequence[Fields] = (), **affects: Any) -> Fields:
    analysis = {"state": state, "justification": "code_not_reachable", "detail": "it is not called"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"timestamp": "2026-01-01T00:00:00Z"},
        "components": list(components),
        "vulnerabilities": [{"id": CVE, "analysis": analysis, "affects": [{"ref": ref, **affects}]}],
    }


def statements(*documents: Fields) -> list[Statement]:
    return [each for document in documents for each in reading.parse(json.dumps(document).encode(), "vex.json")]


def applied(scan: ImageScan, *documents: Fields, **known: Any) -> Applied:
    return applying.apply([scan], statements(*documents), **known)


def suppressed(scan: ImageScan, *documents: Fields, **known: Any) -> str | None:
    (judged,) = applied(scan, *documents, **known).images
    (found,) = judged.findings
    return found.suppressed


ABOUT_DJANGO = image(finding(CVE, DJANGO, aliases=("GHSA-aaaa-bbbb-cccc",)))
ABOUT_OPENSSL = image(finding(CVE, OPENSSL))


@pytest.mark.parametrize(
    "document",
    [
        openvex("pkg:pypi/django@3.2"),
        openvex({"@id": "pkg:pypi/Django@3.2"}),
        openvex({"@id": "https://example.org/x", "identifiers": {"purl": "pkg:pypi/django@3.2"}}),
        csaf("pkg:pypi/django@3.2"),
        csaf("pkg:pypi/django@3.2", platform="cpe:/o:debian:debian_linux:12"),
        cyclonedx("pkg:pypi/django@3.2"),
        cyclonedx("d", components=[{"bom-ref": "d", "name": "django", "purl": "pkg:pypi/django@3.2"}]),
        cyclonedx("urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg%3Apypi%2Fdjango%403.2"),
        cyclonedx("pkg:pypi/django", versions=[{"version": "3.2", "status": "unaffected"}]),
    ],
)
def test_every_format_suppresses(document: Fields) -> None:
    reason = suppressed(ABOUT_DJANGO, document)
    assert reason is not None
    assert reason.startswith("not affected")
    assert "vex.json" in reason


@pytest.mark.parametrize(
    "document",
    [
        openvex("pkg:pypi/django@3.2", status="affected"),
        openvex("pkg:pypi/django@3.2", status="under_investigation"),
        csaf("pkg:pypi/django@3.2", status="known_affected"),
        cyclonedx("pkg:pypi/django@3.2", state="exploitable"),
        cyclonedx("pkg:pypi/django@3.2", state="in_triage"),
        openvex("pkg:pypi/django@3.1"),
        openvex("pkg:npm/django@3.2"),
        openvex("pkg:pypi/other/django@3.2"),
        openvex("pkg:pypi/django@3.2", vulnerability={"name": "CVE-2026-9999"}),
        csaf("pkg:pypi/django", platform="cpe:/o:debian:debian_linux:11"),
        csaf("pkg:pypi/django", platform="cpe:2.3:o:example:linux:12:*:*:*:*:*:*:*"),
        csaf("pkg:pypi/django", platform="Some appliance"),
        cyclonedx("pkg:pypi/django", versions=[{"range": "vers:pypi/<4"}]),
    ],
)
def test_what_says_something_else_suppresses_nothing(document: Fields) -> None:
    assert suppressed(ABOUT_DJANGO, document) is None


def test_another_name_of_the_vulnerability_will_do() -> None:
    said = openvex("pkg:pypi/django", vulnerability={"name": "GHSA-aaaa-bbbb-cccc"})
    assert suppressed(ABOUT_DJANGO, said) is not None
    said = openvex("pkg:pypi/django", vulnerability={"name": "EXAMPLE-1", "aliases": [CVE]})
    assert suppressed(ABOUT_DJANGO, said) is not None


@pytest.mark.parametrize(
    ("purl", "matches"),
    [
        ("pkg:deb/debian/openssl", True),
        ("pkg:deb/debian/openssl@3.0.11-1~deb12u1", True),
        ("pkg:deb/debian/openssl@3.0.11-1~deb12u1?arch=source", True),
        ("pkg:deb/debian/openssl@3.0.11-1~deb12u1?distro=debian-12", True),
        ("pkg:deb/debian/openssl@3.0.11-1~deb12u1?distro=debian-12.13", True),
        ("pkg:deb/debian/openssl?distro=bookworm", True),
        ("pkg:deb/debian/openssl?distro=debian-bookworm", True),
        ("pkg:deb/debian/openssl?os_name=debian&os_version=12", True),
        ("pkg:deb/debian/libssl3?arch=amd64", True),
        ("pkg:deb/debian/libssl3?arch=amd64&distro=debian-12", True),
        ("pkg:deb/debian/openssl?distro=debian-11", False),
        ("pkg:deb/debian/openssl?distro=trixie", False),
        ("pkg:deb/debian/openssl?distro=debian-trixie", False),
        ("pkg:deb/debian/openssl?distro=jammy", False),
        ("pkg:deb/debian/openssl?distro=ubuntu-12", False),
        ("pkg:deb/ubuntu/openssl", False),
        ("pkg:deb/debian/openssl@3.0.11-1", False),
        ("pkg:deb/debian/libssl3?arch=arm64", False),
        ("pkg:deb/debian/libssl3?repository_url=https://example.org", False),
    ],
)
def test_a_distributions_package_is_met_by_release_and_by_its_source(purl: str, matches: bool) -> None:
    assert (suppressed(ABOUT_OPENSSL, openvex(purl)) is not None) == matches
    nameless = replace(ABOUT_OPENSSL.catalogue, distribution=Distribution("debian", "12.13"))
    assert (suppressed(replace(ABOUT_OPENSSL, catalogue=nameless), openvex(purl)) is not None) == matches


@pytest.mark.parametrize(
    ("distro", "matches"), [("jammy", True), ("ubuntu-jammy", True), ("ubuntu-22.04", True), ("lunar", False)]
)
def test_ubuntus_names_are_those_of_releases(distro: str, matches: bool) -> None:
    said, package = (purls.parse(f"pkg:deb/ubuntu/openssl{more}") for more in (f"?distro={distro}", "@3"))
    assert (purls.difference(said, package, Distribution("ubuntu", "22.04")) == "") == matches


def test_a_statement_about_one_binary_says_nothing_of_the_others() -> None:
    other = replace(OPENSSL, name="openssl-tools", purl=OPENSSL.purl.replace("libssl3", "openssl-tools"))
    both = image(finding(CVE, OPENSSL, purls=(OPENSSL.purl, other.purl)), packages=[OPENSSL, other])
    first, second = openvex("pkg:deb/debian/libssl3"), openvex("pkg:deb/debian/openssl-tools")
    assert suppressed(both, first) is None
    assert suppressed(both, first, second) is not None
    assert suppressed(both, openvex("pkg:deb/debian/openssl")) is not None


def test_the_last_statement_counts() -> None:
    no = openvex("pkg:pypi/django")
    yes = openvex("pkg:pypi/django", status="affected", timestamp="2026-06-01T00:00:00Z")
    again = openvex("pkg:pypi/django", timestamp="2026-07-01T00:00:00Z")
    for documents in ((yes, no), (no, yes)):
        assert suppressed(ABOUT_DJANGO, *documents) is None
        assert suppressed(ABOUT_DJANGO, *documents, again) is not None
        assert suppressed(ABOUT_DJANGO, again, *documents) is not None


def test_an_image_is_met_by_digest_by_an_indexs_and_by_name() -> None:
    part = [{"@id": "pkg:pypi/django@3.2"}]
    own = f"pkg:oci/web@{ABOUT_DJANGO.digest.replace(':', '%3A')}"
    outer = "pkg:oci/web@sha256%3A" + "7" * 64
    for known in ({}, {"repository": "shop/web"}):
        assert suppressed(ABOUT_DJANGO, openvex({"@id": own, "subcomponents": part}), **known) is not None
        assert suppressed(ABOUT_DJANGO, openvex(own), **known) is not None
        assert suppressed(ABOUT_DJANGO, openvex(outer), **known) is None
    assert suppressed(ABOUT_DJANGO, openvex(outer), roots=["sha256:" + "7" * 64]) is not None
    assert suppressed(ABOUT_DJANGO, openvex("pkg:oci/web"), repository="shop/web") is not None
    assert suppressed(ABOUT_DJANGO, openvex("pkg:oci/web"), repository="shop/db") is None
    for more, is_it in (
        ("repository_url=ghcr.io/shop/web", True),
        ("repository_url=registry.example.org/shop&arch=amd64", True),
        ("repository_url=ghcr.io/other/web", False),
        ("arch=arm64", False),
    ):
        said = openvex(f"pkg:oci/web?{more}")
        assert (suppressed(ABOUT_DJANGO, said, repository="shop/web") is not None) == is_it, more
    assert suppressed(ABOUT_DJANGO, openvex("pkg:oci/web")) is None, "a name is nothing to go by in a folder"
    assert suppressed(ABOUT_DJANGO, openvex({"@id": own, "subcomponents": ["pkg:pypi/flask"]})) is None
    assert suppressed(ABOUT_DJANGO, csaf("pkg:pypi/django", platform=own)) is not None


@pytest.mark.parametrize(
    ("document", "reason", "nearest"),
    [
        (openvex("pkg:pypi/django@3.1"), "the version is 3.2", "pkg:pypi/django@3.2"),
        (openvex("pkg:pypi/djano@3.2"), "there is no such package", "pkg:pypi/django@3.2"),
        (openvex("pkg:deb/debian/openssl?distro=debian-11"), "the distribution is debian-12", "openssl 3.0.11"),
        (openvex("pkg:pypi/django", vulnerability={"name": "CVE-1"}), "CVE-1 is not found in it", "pkg:pypi/django"),
        (openvex("https://example.org/web"), "named by no package URL", ""),
        (openvex("pkg:oci/db"), "about another image", ""),
        (openvex({"@id": "pkg:oci/db", "subcomponents": ["pkg:pypi/django"]}), "about another image", ""),
        (openvex(), "names no product", ""),
    ],
)
def test_what_meets_nothing_is_told_with_the_nearest(document: Fields, reason: str, nearest: str) -> None:
    (unmatched,) = applied(ABOUT_DJANGO, document).unmatched
    assert reason in unmatched.reason
    assert nearest in unmatched.nearest
    assert unmatched.statement.where == "vex.json: statements[0]"


def test_what_meets_something_is_not_told_as_unmatched() -> None:
    assert applied(ABOUT_DJANGO, openvex("pkg:pypi/django")).unmatched == []
    assert applied(ABOUT_DJANGO, openvex("pkg:pypi/django", status="affected")).unmatched == []


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "none of OpenVEX, CSAF"),
        (json.dumps(openvex("pkg:pypi/django", status="fine")).encode(), r"statements\[0\].status: 'fine' is none of"),
        (json.dumps(openvex("pkg:pypi/django", vulnerability={})).encode(), "names no vulnerability"),
        (json.dumps(openvex("pkg:pypi")).encode(), "no package URL"),
        (json.dumps(openvex("x") | {"statements": {}}).encode(), "statements: want a list"),
        (json.dumps(cyclonedx("x", state="fine")).encode(), r"analysis.state: 'fine' is none of"),
    ],
)
def test_a_document_that_is_none_is_refused_by_name(raw: bytes, why: str) -> None:
    with pytest.raises(RequestInvalid, match=f"^vex.json: .*{why}"):
        reading.parse(raw, "vex.json")


def test_somebodys_findings_without_an_analysis_state_nothing() -> None:
    document = cyclonedx("pkg:pypi/django")
    del document["vulnerabilities"][0]["analysis"]
    assert statements(document) == []


@pytest.mark.parametrize(
    ("id", "one", "other", "same"),
    [
        ("debian", "12", "12.13", True),
        ("alpine", "3.18.9", "3.18.2", True),
        ("alpine", "3.18.9", "3.19.0", False),
        ("ubuntu", "22.04", "22.10", False),
        ("almalinux", "9.4", "9", True),
    ],
)
def test_releases_are_told_apart_as_each_distribution_does(id: str, one: str, other: str, same: bool) -> None:
    assert (purls.release(id, one) == purls.release(id, other)) == same
    package = purls.parse(f"pkg:apk/{id}/x@1?distro={id}-{one}")
    said = purls.parse(f"pkg:apk/{id}/x?distro={id}-{other}")
    assert (purls.difference(said, package, Distribution(id, one)) == "") == same
    assert purls.difference(said, package, DEBIAN if id != "debian" else None)


_BASES = (openvex("pkg:pypi/django"), csaf("pkg:pypi/django", platform="pkg:oci/x"), cyclonedx("pkg:pypi/django"))


@given(base=st.sampled_from(_BASES), data=st.data())
def test_a_document_with_anything_anywhere_is_read_or_refused(base: Fields, data: st.DataObject) -> None:
    document = changed(base, data)
    try:
        found = reading.parse(json.dumps(document).encode(), "vex.json")
    except RequestInvalid:
        return
    applying.apply([ABOUT_DJANGO], found)
