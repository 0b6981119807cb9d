"""What an exception covers and what it does not, and that the two kinds of excuses are one function."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.scanning.made import DJANGO, LODASH, OPENSSL, finding, image
from tests.scanning.test_vex import openvex
from wharfinger.errors import RequestInvalid
from wharfinger.scanning import affected, excusing, report
from wharfinger.scanning.excuses import Excuse, Excuses, vulnerability
from wharfinger.scanning.packages import Package, Source
from wharfinger.scanning.vex import reading
from wharfinger.select import parsing

NOW = 1_800_000_000.0
GHSA = "GHSA-AAAA-BBBB-CCCC"
EXCUSE = Excuse(
    id=7,
    vulnerability="CVE-2026-1000",
    affected=affected.parse("openssl"),
    repositories=parsing.parse("shop/**", of="repository"),
    digest=None,
    reason="it is not reachable",
    requested_by="anna",
    approved_by="bert",
    until=NOW + 60,
)
SCAN = image(finding("CVE-2026-1000", OPENSSL, aliases=("GHSA-aaaa-bbbb-cccc",), advisories=("DSA-1",)))
REPORT = report.image(SCAN)


def words(excuse: Excuse, *, repository: str = "shop/web", now: float = NOW, roots: tuple[str, ...] = ()) -> str | None:
    """What is said of the one finding."""
    excuses = Excuses((excuse,), roots=frozenset(roots))
    (found,) = excusing.excused(REPORT["findings"], repository, SCAN.digest, excuses, now)
    said: str | None = found["suppressed"]
    return said


def test_what_is_suppressed_stays_and_says_who_why_and_until_when() -> None:
    assert words(EXCUSE) == (
        "exception 7 until 2027-01-15T08:01:00Z: it is not reachable (requested by anna, approved by bert)"
    )
    assert REPORT["findings"][0]["suppressed"] is None  # what was judged is not touched


def test_it_ends_at_its_second() -> None:
    assert words(EXCUSE, now=EXCUSE.until - 0.001) is not None
    assert words(EXCUSE, now=EXCUSE.until) is None


@pytest.mark.parametrize("name", ["CVE-2026-1000", GHSA])
def test_any_name_of_the_vulnerability_will_do(name: str) -> None:
    assert words(replace(EXCUSE, vulnerability=name)) is not None


@pytest.mark.parametrize("name", ["CVE-2026-1001", "DSA-1"])
def test_another_vulnerability_is_not_covered_nor_is_all_that_an_advisory_lists(name: str) -> None:
    assert words(replace(EXCUSE, vulnerability=name)) is None


def test_an_exception_by_the_cve_counts_where_it_was_found_by_another_name() -> None:
    found = report.image(image(finding(GHSA, DJANGO, aliases=("CVE-2026-1000",))))["findings"]
    about = Excuses((replace(EXCUSE, affected=affected.parse("*")),))
    assert excusing.excused(found, "shop/web", SCAN.digest, about, NOW)[0]["suppressed"] is not None


def test_it_counts_in_its_repositories_and_for_its_digest_alone() -> None:
    assert words(EXCUSE, repository="other/web") is None
    assert words(replace(EXCUSE, digest=SCAN.digest)) is not None
    assert words(replace(EXCUSE, digest="sha256:" + 64 * "0")) is None
    assert words(replace(EXCUSE, digest="sha256:" + 64 * "0"), roots=("sha256:" + 64 * "0",)) is not None


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("*", True),
        ("openssl", True),
        ("libssl3", False),
        ("openssl@3.0.11-1~deb12u1", True),
        ("openssl@3.0.11-1", False),
        ("openssl@<3.0.11-1", True),  # a tilde sorts before nothing
        ("openssl@>=3.0.9,<3.0.11-1", True),
        ("openssl@>=3.0.9,<3.0.10", False),
        ("openssl@>3.0.11-1~deb12u1", False),
        ("pkg:deb/debian/openssl", True),
        ("pkg:deb/debian/openssl@<=3.0.11-1~deb12u1", True),
        ("pkg:deb/openssl", True),
        ("pkg:deb/ubuntu/openssl", False),
        ("pkg:rpm/debian/openssl", False),
        ("pkg:deb/debian/openssl?distro=debian-11", False),
        ("pkg:deb/debian/openssl?distro=debian-12", True),
    ],
)
def test_packages_of_a_distribution_are_named_by_their_source(text: str, covered: bool) -> None:
    assert (words(replace(EXCUSE, affected=affected.parse(text))) is not None) == covered


@pytest.mark.parametrize(
    ("text", "package", "purl", "covered"),
    [
        ("@scope/name", "@scope/name", "pkg:npm/%40scope/name@1.2.3", True),
        ("@scope/name@<2", "@scope/name", "pkg:npm/%40scope/name@1.2.3", True),
        ("pkg:npm/%40scope/name@<1.2.3", "@scope/name", "pkg:npm/%40scope/name@1.2.3", False),
        ("pkg:maven/org.a/b@1.2.3", "org.a:b", "pkg:maven/org.a/b@1.2.3", True),
        ("pkg:golang/example.org/a/b@1.2.3", "example.org/a/b", "pkg:golang/example.org/a/b@1.2.3", True),
        ("pkg:golang/example.org/a/b@<1.2", "example.org/a/b", "pkg:golang/example.org/a/b@1.2.3", False),
        ("pkg:conda/x@1.2.3", "x", "pkg:conda/x@1.2.3", True),
        ("pkg:conda/x@<2", "x", "pkg:conda/x@1.2.3", False),  # whose order nobody knows
    ],
)
def test_packages_of_languages_are_named_as_their_ecosystem_does(
    text: str, package: str, purl: str, covered: bool
) -> None:
    assert affected.parse(text).covers({"package": package, "purl": purl, "version": "1.2.3"}) == covered


@pytest.mark.parametrize(
    "text", ["", " ", "a@", "a@<", "a@1,,2", "a@" + ",".join(["<1"] * 11), "x" * 501, "pkg:x", "a\nb"]
)
def test_what_names_no_package_is_refused(text: str) -> None:
    with pytest.raises(RequestInvalid):
        affected.parse(text)


@pytest.mark.parametrize("text", ["", "*", "openssl", "CVE", "CVE-", "2026-1", "CVE-2026-1\n2", "CVE-" + "1" * 90])
def test_what_names_no_vulnerability_is_refused(text: str) -> None:
    with pytest.raises(RequestInvalid, match="names no vulnerability"):
        vulnerability(text)
    assert vulnerability(" ghsa-aaaa-bbbb-cccc ") == GHSA


def stated(*documents: Any, scan: Any = SCAN, exceptions: tuple[Excuse, ...] = ()) -> list[dict[str, Any]]:
    statements = tuple(each for d in documents for each in reading.parse(json.dumps(d).encode(), "vex.json"))
    found = report.image(scan)
    told: list[dict[str, Any]] = excusing.excused_image(
        found, "shop/web", scan.digest, Excuses(exceptions, statements), NOW
    )["findings"]
    return told


def test_a_statement_counts_as_it_does_for_the_gate() -> None:
    (found,) = stated(openvex("pkg:deb/debian/openssl?distro=debian-12"))
    assert "not affected" in found["suppressed"]
    (found,) = stated(openvex("pkg:deb/debian/openssl?distro=debian-11"))
    assert found["suppressed"] is None
    (found,) = stated(openvex("pkg:deb/debian/openssl", status="under_investigation"))
    assert (found["suppressed"], found["state"]) == (None, "under-investigation")


def test_a_statement_about_one_binary_does_not_speak_for_the_others_of_its_source() -> None:
    purl = "pkg:deb/debian/openssl@3.0.11-1~deb12u1?arch=amd64&distro=debian-12"
    command = Package("deb", "openssl", "3.0.11-1~deb12u1", purl, Source("openssl", "3.0.11-1~deb12u1"))
    both = image(finding("CVE-2026-1000", command), packages=(OPENSSL, command, LODASH))
    about_one = openvex("pkg:deb/debian/openssl?arch=amd64")
    assert stated(about_one, scan=both)[0]["suppressed"] is None
    assert stated(about_one, openvex("pkg:deb/debian/libssl3?arch=amd64"), scan=both)[0]["suppressed"] is not None


def test_without_the_report_no_statement_counts() -> None:
    statements = tuple(reading.parse(json.dumps(openvex("pkg:deb/debian/openssl")).encode(), "vex.json"))
    (found,) = excusing.excused(REPORT["findings"], "shop/web", SCAN.digest, Excuses((), statements), NOW)
    assert found["suppressed"] is None


def test_an_exception_goes_before_a_statement() -> None:
    (found,) = stated(openvex("pkg:deb/debian/openssl"), exceptions=(EXCUSE,))
    assert found["suppressed"].startswith("exception 7")


def test_the_next_end_is_that_of_what_counts_there() -> None:
    later = replace(EXCUSE, until=NOW + 90)
    elsewhere = replace(EXCUSE, until=NOW + 5, repositories=parsing.parse("other/*", of="repository"))
    over = replace(EXCUSE, until=NOW)
    assert Excuses((later, elsewhere, EXCUSE, over)).next_end("shop/web", SCAN.digest, NOW) == NOW + 60
    assert Excuses((elsewhere, over)).next_end("shop/web", SCAN.digest, NOW) is None
