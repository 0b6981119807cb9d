"""What distributions say in formats of their own: read at any depth, and laid beside what OSV says of the same."""

import copy
import json
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.kit.advisories import EXCERPT, osv, up_to
from tests.kit.layers import catalogue
from tests.scanning.trees import DEBIAN, dpkg
from wharfinger.scanning.advisories.building import bring_in
from wharfinger.scanning.advisories.database import Advisories
from wharfinger.scanning.advisories.native import formats
from wharfinger.scanning.advisories.opening import open_advisories, open_database
from wharfinger.scanning.advisories.records import Interval, Record, RecordInvalid
from wharfinger.scanning.findings import Finding, Severity
from wharfinger.scanning.matching import match
from wharfinger.scanning.packages import Catalogue, Distribution, Package

NATIVE = EXCERPT / "native"
TODAY = date(2026, 1, 1)


def raw(name: str) -> Any:
    return json.loads((NATIVE / name).read_text())


def records(document: Any) -> dict[str, Record]:
    """By the names of their vulnerabilities, as a file with this document says them."""
    found = formats.of(json.dumps(document).encode())
    assert found is not None
    return {each.advisory.id: each for each in found.records}


def said(record: Record) -> list[tuple[str, str, str | None, str, str | None]]:
    def one(each: Interval) -> tuple[str, str, str | None, str, str | None]:
        return each.ecosystem, each.name, each.fixed, each.state, each.stream

    return [one(each) for each in record.intervals]


def test_debians_tracker_says_what_is_fixed_what_never_was_there_and_what_is_meant_to_be_done() -> None:
    found = records(raw("debian-tracker.json"))
    assert said(found["DEBIAN-CVE-2022-0456"]) == [
        ("Debian:12", "chromium", "98.0.4758.80-1", "fixed", None),
        ("Debian:11", "chromium", "98.0.4758.80-1~deb11u1", "fixed", None),
        ("Debian:10", "chromium", None, "wont-fix", None),
    ]
    assert said(found["DEBIAN-CVE-2007-2383"]) == []
    assert said(found["DEBIAN-CVE-2022-0358"]) == []
    assert said(found["DEBIAN-CVE-2023-45853"]) == [("Debian:12", "zlib", None, "wont-fix", None)]
    assert said(found["DEBIAN-CVE-2026-54371"]) == [("Debian:13", "attr", None, "deferred", None)]
    (rating,) = found["DEBIAN-CVE-2013-1444"].advisory.ratings
    assert (rating.source, rating.severity, rating.kind) == ("Debian", Severity.LOW, "distribution")
    assert found["DEBIAN-CVE-2023-45853"].advisory.covers == ("CVE-2023-45853",)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"nodsa": "", "nodsa_reason": "postponed"}, "deferred"),
        ({"nodsa": "", "nodsa_reason": "ignored"}, "wont-fix"),
        ({"nodsa": None, "nodsa_reason": None, "urgency": None}, "affected"),
        ({"status": "undetermined"}, "under-investigation"),
        ({"urgency": "end-of-life**"}, "wont-fix"),
        ({"urgency": "unimportant"}, "affected"),
    ],
)
def test_the_states_that_debian_has_words_for(fields: dict[str, Any], state: str) -> None:
    release = {"status": "open", "urgency": "not yet assigned"} | fields
    (record,) = records({"a": {"CVE-2026-1000": {"releases": {"bookworm": release}}}}).values()
    assert said(record) == [("Debian:12", "a", None, state, None)]


def test_what_debian_resolved_without_a_version_is_told_and_not_guessed() -> None:
    release = {"status": "resolved", "fixed_version": "not one"}
    for fixed, problem in ((None, "without a version"), ("not one", "no version")):
        (record,) = records({"a": {"CVE-2026-1": {"releases": {}}, "CVE-2026-1000": {
            "releases": {"bookworm": release | {"fixed_version": fixed}}}}}).values()  # fmt: skip
        assert record.intervals == ()
        assert problem in record.problems[0]


def test_alpines_secdb_says_which_version_has_mended_what_and_0_that_it_never_was() -> None:
    found = records(raw("alpine-secdb.json"))
    assert said(found["ALPINE-CVE-2016-0634"]) == [("Alpine:v3.15", "bash", "4.4.12-r1", "fixed", None)]
    assert said(found["ALPINE-CVE-2021-42373"]) == []
    assert len(found) == 7
    changed = raw("alpine-secdb.json")
    changed["packages"][0]["pkg"]["secfixes"] = {"1-r0": ["CVE-2019-5481 CVE-2019-5482", "XSA-386 (+ more)", ""]}
    several = records(changed)
    assert {"ALPINE-CVE-2019-5481", "ALPINE-CVE-2019-5482", "ALPINE-XSA-386"} < set(several)
    assert several["ALPINE-XSA-386"].advisory.aliases == ("XSA-386",)


def test_red_hats_vex_says_what_of_enterprise_linux_will_not_be_fixed_and_in_which_stream() -> None:
    (record,) = records(raw("redhat-CVE-2022-38752.json")).values()
    assert said(record) == [("Red Hat:enterprise_linux:7", "snakeyaml", None, "wont-fix", None)]
    assert [each.severity for each in record.advisory.ratings] == [Severity.MEDIUM]
    (modular,) = records(raw("redhat-CVE-2024-24786.json")).values()
    assert said(modular) == [("Red Hat:enterprise_linux:8", "go-toolset", None, "affected", "go-toolset:rhel8")]


@pytest.mark.parametrize(
    ("status", "details", "state"),
    [
        ("known_affected", "Fix deferred", "deferred"),
        ("known_affected", "Affected", "affected"),
        ("under_investigation", "", "under-investigation"),
        ("known_affected", "Under investigation", "under-investigation"),
    ],
)
def test_the_states_that_red_hat_has_words_for(status: str, details: str, state: str) -> None:
    document = raw("redhat-CVE-2022-38752.json")
    product = "red_hat_enterprise_linux_7:snakeyaml"
    document["vulnerabilities"] = [
        {
            "cve": "CVE-2022-38752",
            "product_status": {status: [product]},
            "remediations": [{"category": "none_available", "details": details, "product_ids": [product]}]
            * bool(details),
        }
    ]
    (record,) = records(document).values()
    assert [each.state for each in record.intervals] == [state]


@pytest.mark.parametrize(
    "document",
    [
        {"distroversion": "edge", "reponame": "main", "packages": []},
        {"distroversion": "v3.1", "reponame": "main", "packages": 5},
        {"a": {"CVE-2026-1000": {"releases": "none"}}},
        {
            "document": {"category": "csaf_vex", "publisher": {"namespace": "https://www.redhat.com"}},
            "vulnerabilities": 1,
        },
    ],
)
def test_what_is_broken_is_refused_in_words(document: Any) -> None:
    with pytest.raises(RecordInvalid):
        records(document)


def test_what_is_of_none_of_them_is_not_taken_for_one() -> None:
    foreign = copy.deepcopy(raw("redhat-CVE-2022-38752.json"))
    foreign["document"]["publisher"]["namespace"] = "https://example.org/redhat.com"
    others: tuple[Any, ...] = (foreign, {"a": {"b": {}}}, {"distroversion": "v3.1"}, [], 5)
    for document in others:
        assert formats.of(json.dumps(document).encode()) is None


def test_they_are_found_at_any_depth_counted_and_not_read_again(tmp_path: Path) -> None:
    for name in ("v3.15", "v3.16"):
        document = raw("alpine-secdb.json") | {"distroversion": name}
        (tmp_path / "all" / "secdb" / name).mkdir(parents=True)
        (tmp_path / "all" / "secdb" / name / "main.json").write_text(json.dumps(document))
    (tmp_path / "all" / "debian.json").write_text((NATIVE / "debian-tracker.json").read_text())
    (tmp_path / "all" / "debian-broken.json").write_text('{"a": {"CVE-2026-1000": {"releases": 1}}}')
    database = tmp_path / "known.db"
    first = bring_in(tmp_path / "all", database)
    assert {each.name: each.records for each in first.sources} == {
        "all/Debian tracker": 6,
        "secdb/Alpine v3.15 main": 7,
        "secdb/Alpine v3.16 main": 7,
    }
    assert first.malformed_count == 1
    again = bring_in(tmp_path / "all", database)
    assert not again.is_changed
    assert again.sha256 == first.sha256
    with closing(open_database(database)) as known:
        assert {"Alpine:v3.15", "Alpine:v3.16", "Debian:12"} <= known.ecosystems


def test_formats_that_are_not_read_are_counted_and_shown(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    foreign = copy.deepcopy(raw("redhat-CVE-2022-38752.json"))
    foreign["document"]["publisher"]["namespace"] = "https://www.suse.com/"
    for name, text in {
        "suse.json": json.dumps(foreign),
        "main.yaml": "distroversion: v3.11\nreponame: main\npackages:\n- pkg:\n    name: bash\n",
        "rhel-9.oval.xml": "<oval_definitions/>",
        "CVE-2021-44228": "Candidate: CVE-2021-44228\njammy_apache-log4j2: not-affected\n",
        "alpine.json": (NATIVE / "alpine-secdb.json").read_text(),
    }.items():
        (tmp_path / "all" / name).write_text(text)
    found = bring_in(tmp_path / "all", tmp_path / "known.db")
    assert {each.place.rpartition("/")[2] for each in found.other} == {
        "suse.json",
        "main.yaml",
        "rhel-9.oval.xml",
        "CVE-2021-44228",
    }
    assert (found.other_count, found.malformed_count, [each.records for each in found.sources]) == (4, 0, [7])


def findings(known: Advisories, image: Catalogue) -> list[Finding]:
    return list(match(image, known, today=TODAY).findings)


def test_beside_osv_it_is_one_finding_that_says_more_and_a_fix_goes_before_everything(tmp_path: Path) -> None:
    image = catalogue({"etc/os-release": DEBIAN, "var/lib/dpkg/status": dpkg(zlib1g="zlib 1:1.2.13")})
    open_ = osv("DEBIAN-CVE-2023-45853", "Debian:12", "zlib", {"introduced": "0"}, upstream=["CVE-2023-45853"])
    folder = tmp_path / "both"
    folder.mkdir()
    (folder / "osv.json").write_text(json.dumps(open_))
    (folder / "tracker.json").write_text((NATIVE / "debian-tracker.json").read_text())
    with closing(open_advisories(folder, cache=tmp_path / "cache")) as known:
        (found,) = findings(known, image)
    assert (found.id, found.state, found.fixed) == ("CVE-2023-45853", "wont-fix", None)
    fixed = osv("DSA-1", "Debian:12", "zlib", *up_to("1:1.2.14"), upstream=["CVE-2023-45853"])
    (folder / "fixed.json").write_text(json.dumps(fixed))
    with closing(open_advisories(folder, cache=tmp_path / "cache")) as known:
        (found,) = findings(known, image)
    assert (found.state, found.fixed) == ("fixed", "1:1.2.14")


@pytest.mark.parametrize(("modularity", "count"), [("go-toolset:rhel8:1:a", 1), ("go-toolset:other:1:a", 0), ("", 0)])
def test_what_is_open_in_one_module_stream_says_nothing_of_others(tmp_path: Path, modularity: str, count: int) -> None:
    folder = tmp_path / "vex"
    folder.mkdir()
    (folder / "a.json").write_text((NATIVE / "redhat-CVE-2024-24786.json").read_text())
    package = Package("rpm", "go-toolset", "1.20-1.el8", "pkg:rpm/rhel/go-toolset@1.20-1.el8", detail={
        "vendor": "Red Hat, Inc.", "modularity": modularity})  # fmt: skip
    with closing(open_advisories(folder, cache=tmp_path / "cache")) as known:
        assert len(findings(known, Catalogue((package,), Distribution("rhel", "8.9")))) == count
