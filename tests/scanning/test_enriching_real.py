"""What publishers themselves give out beside advisories: excerpts of real files, as they are published.

Where each comes from, and what was left out of it, is in ``tests/data/README.md``.
"""

import gzip
import shutil
from datetime import date
from pathlib import Path

import pytest

from tests.kit.advisories import EXCERPT, osv, up_to, write_zip
from tests.scanning.test_matching import judged, plain
from wharfinger.scanning.advisories.database import Advisories
from wharfinger.scanning.advisories.opening import open_advisories
from wharfinger.scanning.findings import Severity

PUBLISHED = EXCERPT / "enrichment"
CVES = ("CVE-2022-1576", "CVE-2023-34192", "CVE-2024-3393", "CVE-2024-3400")
RECORDS = [osv(f"X-{cve}", "PyPI", "firewall", *up_to("2"), aliases=[cve]) for cve in CVES]


@pytest.fixture
def known(tmp_path: Path) -> Advisories:
    folder = tmp_path / "all"
    folder.mkdir()
    shutil.copy(PUBLISHED / "known_exploited_vulnerabilities.json", folder)
    for name in ("epss_scores-2026-09-29.csv", "nvdcve-2.0-excerpt.json"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((PUBLISHED / name).read_bytes()))
    write_zip(folder / "some.zip", RECORDS)
    return open_advisories(folder, cache=tmp_path / "cache")


def test_each_is_known_for_what_it_is(known: Advisories) -> None:
    found = {name.rpartition("/")[2]: what for name, what in known.enrichments.items()}
    assert found == {
        "known_exploited_vulnerabilities.json": ("kev", 3),
        "epss_scores-2026-09-29.csv.gz": ("epss", 5),
        "nvdcve-2.0-excerpt.json.gz": ("nvd", 5),
    }


def test_what_is_exploited_is_so_since_the_day_that_cisa_says(known: Advisories) -> None:
    assert known.exploited(["CVE-2023-34192"]) == date(2025, 2, 25)
    assert known.exploited(["CVE-2017-3066"]) == date(2025, 2, 24)
    assert known.exploited(["CVE-2022-1576"]) is None


def test_likelihoods_are_those_of_the_table_and_not_its_percentiles(known: Advisories) -> None:
    assert known.likelihood(["CVE-1999-0016"]) == pytest.approx(0.95739)
    assert known.likelihood(["CVE-1999-0255"]) == pytest.approx(0.03)


def test_nvd_rates_by_every_version_of_cvss_and_itself_before_others(known: Advisories) -> None:
    def rated(cve: str) -> list[tuple[str, str, str | None]]:
        return [(each.kind, each.severity.value, each.vector) for each in known.ratings([cve])]

    assert rated("CVE-2022-1576") == [
        ("cvss2", "medium", "AV:N/AC:M/Au:N/C:N/I:P/A:N"),
        ("cvss3", "medium", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:N/I:H/A:N"),
    ]
    assert [row[:2] for row in rated("CVE-2024-3400")] == [("cvss3", "critical")]
    third, fourth = rated("CVE-2024-3393")
    assert third[:2] == ("cvss3", "high")
    assert fourth[:2] == ("cvss4", "high")
    assert str(fourth[2]).startswith("CVSS:4.0/AV:N/AC:L/AT:N/")


def test_findings_say_all_of_it(known: Advisories) -> None:
    found = {each.id: each for each in judged(known, plain("pypi", "firewall", "1.0"), on=None).findings}
    assert {id: each.severity for id, each in found.items()} == {
        "CVE-2022-1576": Severity.MEDIUM,
        "CVE-2023-34192": Severity.UNKNOWN,
        "CVE-2024-3393": Severity.HIGH,
        "CVE-2024-3400": Severity.CRITICAL,
    }
    assert {id for id, each in found.items() if each.kev} == {"CVE-2023-34192"}
