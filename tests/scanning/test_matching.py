"""What advisories say of a catalogue: real images against what others found, and every rule on a small one."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from packaging.version import InvalidVersion, Version

from tests.kit.advisories import Raw, advisories, excerpt, osv, up_to
from wharfinger.scanning.advisories.known import Known
from wharfinger.scanning.findings import Finding, Matched, NotAssessed, Severity
from wharfinger.scanning.matching import match
from wharfinger.scanning.packages import Catalogue, Distribution, Package, Source

TODAY = date(2026, 11, 24)
MAKERS = ("AlmaLinux", "Fedora Project")
BOOKWORM = Distribution("debian", "12", "bookworm")


def deb(name: str, version: str, source: str = "", source_version: str = "") -> Package:
    built_from = Source(source or name, source_version or version)
    return Package("deb", name, version, f"pkg:deb/debian/{name}@{version}", built_from)


def rpm(name: str, version: str, modularity: str = "") -> Package:
    detail = {"modularity": modularity} if modularity else {}
    return Package("rpm", name, version, f"pkg:rpm/almalinux/{name}@{version}", Source(name, version), detail=detail)


def plain(type: str, name: str, version: str, **detail: str) -> Package:
    return Package(type, name, version, f"pkg:{type}/{name}@{version}", detail=detail)


def judged(known: Known, *packages: Package, on: Distribution | None = BOOKWORM, **how: Any) -> Matched:
    return match(Catalogue(packages, on), known, **{"today": TODAY} | how)


def pairs(matched: Matched) -> set[tuple[str, str]]:
    return {(finding.package, finding.id) for finding in matched.findings}


@pytest.fixture
def only(tmp_path: Path) -> Any:
    """A set of the given records alone."""
    return lambda *records: advisories(tmp_path, some=records)


def found_ids(matched: Matched) -> list[str]:
    return [finding.id for finding in matched.findings]


def one(matched: Matched) -> Finding:
    (finding,) = matched.findings
    return finding


class TestRealImages:
    def test_debian_12_from_main_alone_lacks_what_the_security_suite_fixed(self, tmp_path: Path) -> None:
        data = excerpt("debian-12.json")
        packages = [deb(*row) for row in data["packages"]]
        found = judged(advisories(tmp_path, debian=data["records"]), *packages)
        assert pairs(found) == {(source, cve) for source, cve in data["expected"]}
        assert len(found.findings) == len(data["expected"]) == 74
        assert found.not_assessed == ()
        assert found.ecosystem == "Debian:12"
        purls = {package.purl for package in packages}
        assert all(set(finding.purls) <= purls and finding.purl in finding.purls for finding in found.findings)
        assert all(finding.state == "fixed" and finding.fixed for finding in found.findings)

    def test_a_go_program_has_what_govulncheck_finds_in_it(self, tmp_path: Path) -> None:
        data = excerpt("go-syft.json")
        platform = {"goos": data["goos"], "goarch": data["goarch"]}
        modules = [plain("golang", name, version, **platform) for name, version in data["modules"]]
        modules.append(plain("golang", "stdlib", data["go"], **platform))
        modules.append(plain("golang", *data["main"], main="true", **platform))
        found = judged(advisories(tmp_path, go=data["records"]), *modules, on=None)
        assert {id for finding in found.findings for id in finding.advisories} == set(data["expected"])
        assert len(data["expected"]) == 120
        assert found.not_assessed == ()

    def test_old_python_has_what_the_advisories_list_by_version(self, tmp_path: Path) -> None:
        data = excerpt("python-legacy.json")
        packages = [plain("pypi", re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in data["packages"]]
        found = judged(advisories(tmp_path, pypa=data["records"]), *packages, on=None)
        expected = {
            (package.name, record["id"])
            for package in packages
            for record in data["records"]
            if not record.get("withdrawn") and lists(record, package)
        }
        got = {(finding.package, id) for finding in found.findings for id in finding.advisories}
        assert got == expected
        assert len([pair for pair in got if pair[0] == "django"]) == 25

    def test_old_npm_packages_have_one_finding_for_each_vulnerability(self, tmp_path: Path) -> None:
        data = excerpt("npm-maven.json")
        packages = [plain("npm", name, version) for name, version in data["packages"]]
        log4j = plain("maven", "log4j:log4j", "1.2.17")
        found = judged(advisories(tmp_path, some=data["records"]), *packages, log4j, on=None)
        assert {(f.package, f.id) for f in found.findings if f.ecosystem == "npm"} == {
            ("handlebars", "x_NSWG-ECO-519"),
            ("lodash", "CVE-2020-28500"),
            ("lodash", "CVE-2020-8203"),
            ("lodash", "CVE-2021-23337"),
            ("lodash", "x_NSWG-ECO-516"),
            ("minimist", "CVE-2020-7598"),
            ("minimist", "CVE-2021-44906"),
            ("uri-js", "x_NSWG-ECO-100"),
        }
        assert any(finding.package == "log4j:log4j" for finding in found.findings)


def lists(record: Raw, package: Package) -> bool:
    """By exact membership in ``versions``, compared by a library that is not ours."""
    return any(
        re.sub(r"[-_.]+", "-", affected["package"]["name"]).lower() == package.name
        and any(equal(version, package.version) for version in affected.get("versions", ()))
        for affected in record["affected"]
    )


def equal(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


class TestNotAssessed:
    """Never the same as clean."""

    def test_an_empty_set_assesses_nothing(self, tmp_path: Path) -> None:
        found = judged(advisories(tmp_path), deb("apt", "2.6.1"), plain("npm", "lodash", "4.17.15"))
        assert found.findings == ()
        assert found.not_assessed == (
            NotAssessed("Debian:12", 1, "no advisories for this release are loaded"),
            NotAssessed("npm", 1, "no advisories for this ecosystem are loaded"),
        )

    def test_debian_12_is_not_assessed_by_what_is_known_of_debian_11(self, only: Any) -> None:
        known = only(osv("DSA-1-1", "Debian:11", "apt", *up_to("9"), upstream=["CVE-2026-0001"]))
        found = judged(known, deb("apt", "2.6.1"), deb("curl", "7.88"))
        assert found.findings == ()
        assert found.not_assessed == (NotAssessed("Debian:12", 2, "no advisories for this release are loaded"),)
        assert pairs(judged(known, deb("apt", "2.6.1"), on=Distribution("debian", "11"))) == {("apt", "CVE-2026-0001")}

    def test_a_distribution_that_nobody_knows_is_named(self, only: Any) -> None:
        known = only(osv("DSA-1-1", "Debian:12", "apt", *up_to("9")))
        (unknown,) = judged(known, deb("apt", "2.6.1"), on=Distribution("plan9", "4")).not_assessed
        assert (unknown.ecosystem, unknown.packages) == ("plan9:4", 1)

    def test_without_os_release_the_distribution_is_not_guessed(self, only: Any) -> None:
        known = only(osv("DSA-1-1", "Debian:12", "apt", *up_to("9")))
        found = judged(known, deb("apt", "2.6.1"), on=None)
        assert found.findings == ()
        assert [(each.ecosystem, each.packages) for each in found.not_assessed] == [("deb", 1)]

    def test_a_release_without_a_number_is_not_assessed(self, only: Any) -> None:
        known = only(osv("DSA-1-1", "Debian:12", "apt", *up_to("9")))
        (rolling,) = judged(known, deb("apt", "2.6.1"), on=Distribution("debian", "")).not_assessed
        assert rolling.ecosystem == "debian"

    def test_past_its_end_a_release_is_not_assessed_though_what_is_known_is_told(self, only: Any) -> None:
        known = only(osv("ALPINE-CVE-2019-0001", "Alpine:v3.10", "musl", *up_to("9"), upstream=["CVE-2019-0001"]))
        musl = Package("apk", "musl", "1.1.22-r3", "pkg:apk/alpine/musl@1.1.22-r3", Source("musl", "1.1.22-r3"))
        found = judged(known, musl, on=Distribution("alpine", "3.10.9"))
        assert pairs(found) == {("musl", "CVE-2019-0001")}
        assert found.end_of_life == date(2021, 5, 1)
        (ended,) = found.not_assessed
        assert (ended.ecosystem, ended.packages) == ("Alpine:v3.10", 1)
        assert "2021-05-01" in ended.reason
        still = judged(known, musl, on=Distribution("alpine", "3.10.9"), today=date(2021, 5, 1))
        assert still.not_assessed == ()

    def test_a_version_without_an_order_is_not_assessed(self, only: Any) -> None:
        known = only(osv("PYSEC-1", "PyPI", "pip", *up_to("9"), versions=["unknown"]))
        (odd,) = judged(known, plain("pypi", "pip", "2004d-x"), on=None).not_assessed
        assert (odd.ecosystem, odd.packages) == ("PyPI", 1)
        # And yet one that is listed as it stands is found.
        assert pairs(judged(known, plain("pypi", "pip", "unknown"), on=None)) == {("pip", "PYSEC-1")}

    def test_a_kind_of_package_without_advisories_is_named(self, only: Any) -> None:
        known = only(osv("PYSEC-1", "PyPI", "pip", *up_to("9")))
        (kind,) = judged(known, plain("conan", "zlib", "1"), on=None).not_assessed
        assert (kind.ecosystem, kind.packages) == ("conan", 1)


class TestNames:
    def test_aliases_are_folded_through_each_other(self, only: Any) -> None:
        known = only(
            osv("GHSA-aaaa-aaaa-aaaa", "npm", "tar", *up_to("5"), aliases=["CVE-2026-0002"]),
            osv("x_A-1", "npm", "tar", *up_to("6"), aliases=["GHSA-aaaa-aaaa-aaaa"]),
            osv("x_B-1", "npm", "tar", *up_to("4"), aliases=["x_A-1"]),
            osv("x_C-1", "npm", "tar", *up_to("4"), aliases=["CVE-2026-0003"]),
        )
        found = judged(known, plain("npm", "tar", "3.0.0"), on=None)
        first, second = found.findings
        assert (first.id, first.aliases) == ("CVE-2026-0002", ("GHSA-aaaa-aaaa-aaaa", "x_A-1", "x_B-1"))
        assert first.advisories == ("GHSA-aaaa-aaaa-aaaa", "x_A-1", "x_B-1")
        assert (second.id, second.advisories) == ("CVE-2026-0003", ("x_C-1",))
        # What no longer is affected by one of them is not fixed before the last says so.
        assert first.fixed == "6"

    def test_the_cve_is_known_also_from_an_advisory_that_is_about_other_versions(self, only: Any) -> None:
        known = only(
            osv("GHSA-aaaa-aaaa-aaaa", "npm", "tar", *up_to("5")),
            osv("x_A-1", "npm", "tar", *up_to("2"), aliases=["GHSA-aaaa-aaaa-aaaa", "CVE-2026-0002"]),
        )
        assert one(judged(known, plain("npm", "tar", "3.0.0"), on=None)).id == "CVE-2026-0002"

    def test_an_advisory_that_covers_several_gives_one_finding_for_each(self, only: Any) -> None:
        cves = ["CVE-2026-0001", "CVE-2026-0002"]
        known = only(
            osv("DSA-1-1", "Debian:12", "apt", *up_to("3"), upstream=cves),
            osv("DSA-2-1", "Debian:12", "apt", *up_to("4"), upstream=cves[1:]),
        )
        first, second = judged(known, deb("apt", "2.6.1")).findings
        assert (first.id, first.aliases, first.advisories, first.fixed) == (cves[0], (), ("DSA-1-1",), "3")
        assert (second.id, second.aliases, second.advisories) == (cves[1], (), ("DSA-1-1", "DSA-2-1"))
        assert second.fixed == "4"

    def test_of_almalinux_what_is_related_is_covered_but_only_cves(self, only: Any) -> None:
        known = only(
            osv("ALSA-2026:1", "AlmaLinux:9", "curl", *up_to("8"), related=["CVE-2026-0001", "RHSA-2026:1"]),
            osv("GO-1", "Go", "example.com/m", *up_to("2.0.0"), related=["CVE-2026-0009"]),
        )
        alma = judged(known, rpm("curl", "7.76-1.el9"), on=Distribution("almalinux", "9.4"))
        assert pairs(alma) == {("curl", "CVE-2026-0001")}
        assert pairs(judged(known, plain("golang", "example.com/m", "v1.0.0"), on=None)) == {("example.com/m", "GO-1")}

    def test_a_cve_may_have_few_digits(self, only: Any) -> None:
        known = only(osv("DSA-1", "Debian:12", "openssl", *up_to("2"), upstream=["CVE-2026-1"]))
        assert pairs(judged(known, deb("openssl", "1"))) == {("openssl", "CVE-2026-1")}

    def test_an_advisory_without_a_cve_is_found_under_its_own_id(self, only: Any) -> None:
        known = only(osv("ALBA-2026:1", "AlmaLinux:9", "curl", *up_to("8")))
        finding = one(judged(known, rpm("curl", "7.76-1.el9"), on=Distribution("almalinux", "9.4")))
        # A mended bug is told, and stops nobody.
        assert (finding.id, finding.severity) == ("ALBA-2026:1", Severity.NONE)

    def test_withdrawn_advisories_say_nothing(self, only: Any) -> None:
        known = only(
            osv("GO-1", "Go", "example.com/m", *up_to("2.0.0"), withdrawn="2024-01-01T00:00:00Z"),
            osv("GO-2", "Go", "example.com/n", *up_to("2.0.0")),
        )
        assert judged(known, plain("golang", "example.com/m", "v1.0.0"), on=None).findings == ()


class TestDistributions:
    def test_the_source_package_is_judged_at_its_own_version_once_for_all_its_binaries(self, only: Any) -> None:
        known = only(
            osv("DSA-1-1", "Debian:12", "krb5", *up_to("1.20.1-2+deb12u2"), upstream=["CVE-2026-0001"]),
            osv("DSA-2-1", "Debian:12", "libkrb5-3", *up_to("9"), upstream=["CVE-2026-0002"]),
        )
        old = deb("libkrb5-3", "1:9", "krb5", "1.20.1-2+deb12u1")
        found = judged(known, old, deb("libgssapi-krb5-2", "1:9", "krb5", "1.20.1-2+deb12u1"))
        finding = one(found)
        assert (finding.package, finding.version) == ("krb5", "1.20.1-2+deb12u1")
        assert finding.purls == ("pkg:deb/debian/libgssapi-krb5-2@1:9", "pkg:deb/debian/libkrb5-3@1:9")

    def test_what_a_package_covers_is_judged_with_it(self, only: Any) -> None:
        known = only(
            osv("PYSEC-1", "PyPI", "requests", *up_to("9")), osv("DSA-1-1", "Debian:12", "requests", *up_to("1"))
        )
        covered = Package("pypi", "requests", "2.0", "pkg:pypi/requests@2.0", covered_by="pkg:deb/debian/x@1")
        assert judged(known, covered).findings == ()
        assert pairs(judged(known, plain("pypi", "requests", "2.0"))) == {("requests", "PYSEC-1")}

    def test_alpine_says_with_version_0_that_a_package_never_was_affected(self, only: Any) -> None:
        known = only(
            osv("ALPINE-CVE-2026-1", "Alpine:v3.22", "musl", *up_to("0")),
            osv("ALPINE-CVE-2026-2", "Alpine:v3.22", "musl", *up_to("1.2.5-r1"), upstream=["CVE-2026-0002"]),
        )
        musl = Package("apk", "musl", "0_alpha", "pkg:apk/alpine/musl@0_alpha", Source("musl", "0_alpha"))
        assert pairs(judged(known, musl, on=Distribution("alpine", "3.22.1"))) == {("musl", "CVE-2026-0002")}

    @pytest.mark.parametrize(
        ("version", "label", "found"),
        [
            ("1:14.21.0-1.module_el8.7.0+1", "nodejs:14:8070:abc", False),
            ("1:16.10.0-1.module_el8.7.0+1", "nodejs:16:8070:abc", True),
            ("1:16.10.0-1.module_el8.7.0+1", "", True),  # a module's, which does not say of which stream, but it is 16
            ("1:14.21.0-1.module_el8.7.0+1", "", False),
            ("1:10.0.0-1.el8", "", False),
        ],
    )
    def test_a_fix_in_one_module_stream_says_nothing_of_another(
        self, only: Any, version: str, label: str, found: bool
    ) -> None:
        record = osv("ALSA-2026:1", "AlmaLinux:8", "nodejs", *up_to("1:16.20.2-1.module_el8.9.0+1"))
        known = only(record | {"summary": "Important: nodejs:16 security update", "related": ["CVE-2026-0001"]})
        matched = judged(known, rpm("nodejs", version, label), on=Distribution("almalinux", "8.9"))
        assert bool(matched.findings) is found

    def test_packages_of_somebody_else_are_not_the_distributions(self, only: Any) -> None:
        """A version of EPEL's says nothing about a fix of AlmaLinux's."""
        known = only(osv("ALSA-2026:1", "AlmaLinux:9", "htop", *up_to("9-1.el9"), related=["CVE-2026-0001"]))
        alma = Distribution("almalinux", "9.4")
        by = {maker: Package("rpm", "htop", "3-1.el9", "pkg:rpm/htop", detail={"vendor": maker}) for maker in MAKERS}
        assert judged(known, by["AlmaLinux"], on=alma).findings
        other = judged(known, by["Fedora Project"], on=alma)
        assert other.findings == ()
        assert other.not_assessed == (
            NotAssessed("rpm", 1, "they are by Fedora Project, of whom there are no advisories"),
        )

    def test_a_plain_fix_says_nothing_of_a_module(self, only: Any) -> None:
        known = only(osv("ALSA-2026:1", "AlmaLinux:8", "nodejs", *up_to("1:99-1.el8"), related=["CVE-2026-0001"]))
        modular = rpm("nodejs", "1:16.10.0-1.module_el8.7.0+1", "nodejs:16:1:a")
        assert judged(known, modular, on=Distribution("almalinux", "8.9")).findings == ()

    @pytest.mark.parametrize(
        ("status", "state"),
        [("end-of-life", "wont-fix"), ("postponed", "deferred"), ("undetermined", "under-investigation")],
    )
    def test_without_a_fix_it_says_what_the_distribution_means_to_do(self, only: Any, status: str, state: str) -> None:
        known = only(osv("DSA-1-1", "Debian:12", "apt", {"introduced": "0"}, ecosystem_specific={"status": status}))
        finding = one(judged(known, deb("apt", "2.6.1")))
        assert (finding.state, finding.fixed) == (state, None)

    def test_several_releases_of_ubuntu_are_one_ecosystem_each(self, only: Any) -> None:
        known = only(
            osv("UBUNTU-CVE-2026-0001", "Ubuntu:22.04:LTS", "curl", *up_to("8"), upstream=["CVE-2026-0001"]),
            osv("UBUNTU-CVE-2026-0002", "Ubuntu:20.04:LTS", "curl", *up_to("8"), upstream=["CVE-2026-0002"]),
        )
        found = judged(known, deb("curl", "7.81"), on=Distribution("ubuntu", "22.04"))
        assert pairs(found) == {("curl", "CVE-2026-0001")}
        assert found.ecosystem == "Ubuntu:22.04:LTS"

    def test_an_advisory_that_names_no_release_is_about_all_of_them(self, only: Any) -> None:
        of_all = osv("X-1", "Debian", "curl", *up_to("8"), aliases=["CVE-2026-0001"])
        of_this = osv("X-2", "Debian:12", "apt", *up_to("3"))
        assert pairs(judged(only(of_all, of_this), deb("curl", "7.88.1-10"))) == {("curl", "CVE-2026-0001")}

    def test_advisories_that_name_no_release_are_not_those_of_a_release(self, only: Any) -> None:
        known = only(osv("X-1", "Debian", "curl", *up_to("8")))
        (nobody,) = judged(known, deb("apt", "2.6.1")).not_assessed
        assert nobody.ecosystem == "Debian:12"

    def test_repositories_of_one_release_are_one_and_more_than_cves_may_be_upstream(self, only: Any) -> None:
        """As Red Hat publishes: the same package for each repository, and of support that is paid for apart."""
        fixed = up_to("1:22.23.2-2.module+el9.8.0+24958+80b2ac6e")
        record = osv("RHSA-2026:76750", "Red Hat:enterprise_linux:9::appstream", "nodejs", *fixed)
        record["affected"] += osv("", "Red Hat:enterprise_linux:9::baseos", "nodejs", *fixed)["affected"]
        record["affected"] += osv("", "Red Hat:rhel_eus:9.2::appstream", "nodejs", *up_to("1:99-1"))["affected"]
        record |= {
            "summary": "Important: nodejs:22 security update",
            "upstream": ["CVE-2026-19534", "GHSA-aaaa-bbbb-cccc", "CVE-2026-9496"],
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"}],
        }
        rhel = Distribution("rhel", "9.6")
        old = rpm("nodejs", "1:22.19.0-2.module+el9.6.0+1+a", "nodejs:22:9:a")
        found = judged(only(record), old, on=rhel)
        assert sorted(found_ids(found)) == ["CVE-2026-19534", "CVE-2026-9496"]
        # The vendor's word counts before the score beside it.
        assert {finding.severity for finding in found.findings} == {Severity.HIGH}
        assert {rating.severity for rating in found.findings[0].ratings} == {Severity.HIGH, Severity.MEDIUM}

    def test_an_update_of_two_streams_is_for_both(self, only: Any) -> None:
        record = osv("RLSA-2026:1", "Rocky Linux:8", "ipa", *up_to("4.9-1.module+el8.9.0+1"))
        record |= {"summary": "Moderate: idm:DL1 and idm:client security update", "upstream": ["CVE-2026-0001"]}
        known = only(record)
        for stream, found in (("idm:DL1", 1), ("idm:client", 1), ("other:1", 0)):
            ipa = rpm("ipa", "4.8-1.module+el8.8.0+1", f"{stream}:8:a")
            assert len(judged(known, ipa, on=Distribution("rocky", "8.9")).findings) == found

    def test_the_cve_in_an_id_is_the_cve(self, only: Any) -> None:
        known = only(osv("DEBIAN-CVE-2026-0001", "Debian:12", "apt", *up_to("9")))
        finding = one(judged(known, deb("apt", "2.6.1")))
        assert (finding.id, finding.advisories) == ("CVE-2026-0001", ("DEBIAN-CVE-2026-0001",))


class TestRanges:
    def test_blocks_about_the_same_package_are_one(self, only: Any) -> None:
        record = osv("GHSA-1", "npm", "minimist", *up_to("0.2.1"))
        record["affected"] += osv("", "npm", "minimist", {"introduced": "1.0.0"}, {"fixed": "1.2.3"})["affected"]
        known = only(record)
        assert one(judged(known, plain("npm", "minimist", "0.0.8"), on=None)).fixed == "0.2.1"
        assert one(judged(known, plain("npm", "minimist", "1.0.0"), on=None)).fixed == "1.2.3"
        assert judged(known, plain("npm", "minimist", "0.2.4"), on=None).findings == ()

    def test_a_range_may_include_its_last_version(self, only: Any) -> None:
        known = only(osv("x-1", "npm", "sails", {"introduced": "0"}, {"last_affected": "0.12.7"}))
        assert one(judged(known, plain("npm", "sails", "0.12.7"), on=None)).state == "affected"
        assert judged(known, plain("npm", "sails", "0.12.8-0"), on=None).findings == ()

    def test_what_is_listed_is_affected_whatever_the_ranges_say(self, only: Any) -> None:
        known = only(osv("PYSEC-1", "PyPI", "pip", *up_to("2"), versions=["1.0", "5.0"]))
        affected = [version for version in ("1.0", "1.5", "5.0", "5.0.0", "5.0.1") if self._is_hit(known, version)]
        assert affected == ["1.0", "1.5", "5.0", "5.0.0"]

    def test_ranges_of_commits_are_passed_over_and_a_bad_bound_costs_its_range_alone(self, only: Any) -> None:
        record = osv("PYSEC-1", "PyPI", "pip", {"introduced": "0"}, {"fixed": "2019-09-12x"}, versions=["3.0"])
        record["affected"][0]["ranges"] += [
            {"type": "GIT", "repo": "https://example.com", "events": [{"introduced": "0"}, {"fixed": "cb35df940a"}]},
            {"type": "ECOSYSTEM", "events": [{"introduced": "4.0"}, {"fixed": "4.1"}]},
        ]
        known = only(record)
        affected = [version for version in ("1.0", "3.0", "4.0", "4.1") if self._is_hit(known, version)]
        assert affected == ["3.0", "4.0"]

    @staticmethod
    def _is_hit(known: Known, version: str) -> bool:
        return bool(judged(known, plain("pypi", "pip", version), on=None).findings)


class TestGo:
    @pytest.mark.parametrize("version", ["(devel)", "v0.0.0-20240101000000-abcdefabcdef"])
    def test_a_program_that_does_not_know_its_version_is_not_matched_as_itself(self, only: Any, version: str) -> None:
        known = only(osv("GO-1", "Go", "example.com/cmd", *up_to("9.0.0")))
        found = judged(known, plain("golang", "example.com/cmd", version, main="true"), on=None)
        assert (found.findings, found.not_assessed) == ((), ())
        assert judged(known, plain("golang", "example.com/cmd", "v1.2.3", main="true"), on=None).findings

    @pytest.mark.parametrize(
        ("system", "machine", "found"),
        [("windows", "amd64", True), ("linux", "amd64", False), ("linux", "arm64", True), ("", "", True)],
    )
    def test_an_advisory_for_another_platform_says_nothing(
        self, only: Any, system: str, machine: str, found: bool
    ) -> None:
        imports = [
            {"path": "syscall", "goos": ["windows"]},
            {"path": "internal/cpu", "goos": ["linux"], "goarch": ["arm64", "riscv64"]},
        ]
        known = only(osv("GO-1", "Go", "stdlib", *up_to("1.22.0"), ecosystem_specific={"imports": imports}))
        stdlib = plain("golang", "stdlib", "go1.21.3", goos=system, goarch=machine)
        assert bool(judged(known, stdlib, on=None).findings) is found

    def test_a_package_without_a_restriction_lifts_that_of_the_others(self, only: Any) -> None:
        imports = [{"path": "syscall", "goos": ["windows"]}, {"path": "net/http"}]
        known = only(osv("GO-1", "Go", "stdlib", *up_to("1.22.0"), ecosystem_specific={"imports": imports}))
        assert judged(known, plain("golang", "stdlib", "go1.21.3", goos="linux", goarch="amd64"), on=None).findings

    def test_what_a_program_was_built_with_is_not_in_it(self, only: Any) -> None:
        known = only(osv("GO-1", "Go", "toolchain", *up_to("1.99.0")), osv("GO-2", "Go", "stdlib", *up_to("1.0.0")))
        assert judged(known, plain("golang", "toolchain", "go1.21.3"), on=None).findings == ()


class TestJars:
    def test_a_jar_known_by_its_file_name_alone_is_a_guess(self, only: Any) -> None:
        known = only(
            osv("GHSA-1", "Maven", "log4j:log4j", *up_to("2")), osv("GHSA-2", "Maven", "a:my-log4j", *up_to("2"))
        )
        guess = one(judged(known, plain("maven", "log4j", "1.2.17", confidence="low"), on=None))
        assert (guess.package, guess.confidence) == ("log4j:log4j", "low")
        assert one(judged(known, plain("maven", "log4j:log4j", "1.2.17"), on=None)).confidence == "high"


def test_the_same_catalogue_in_any_order_gives_the_same_answer(tmp_path: Path) -> None:
    data = excerpt("debian-12.json")
    known = advisories(tmp_path, debian=data["records"])
    packages = [deb(*row) for row in data["packages"]]
    assert judged(known, *packages) == judged(known, *reversed(packages))
