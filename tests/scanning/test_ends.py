"""The ends of distributions are those that others have written down, in the excerpt and in the package."""

import csv
from datetime import date
from pathlib import Path

import pytest

from wharfinger.scanning.ecosystems import VENDORS, known_end
from wharfinger.scanning.ends import ENDS
from wharfinger.scanning.packages import Distribution

EXCERPT = Path(__file__).parents[1] / "data" / "scanning" / "ends.csv"
INSTALLED = Path("/usr/share/distro-info")


def test_they_are_those_of_the_excerpt_and_no_others() -> None:
    with EXCERPT.open() as opened:
        assert {(row["product"], row["release"]): row["ends"] for row in csv.DictReader(opened)} == dict(ENDS)


def test_they_are_found_by_what_os_release_says() -> None:
    assert {product for product, _ in ENDS} <= set(VENDORS)
    for (product, release), ends in ENDS.items():
        assert known_end(Distribution(product, release)) == date.fromisoformat(ends)
    assert known_end(Distribution("alpine", "3.20.3")) == date(2026, 4, 1)
    assert known_end(Distribution("almalinux", "8.10")) == date(2029, 5, 31)
    assert known_end(Distribution("debian", "sid")) is None


@pytest.mark.parametrize(("name", "column"), [("debian", "eol-lts"), ("ubuntu", "eol")])
def test_they_are_those_of_the_package_of_the_distributions(name: str, column: str) -> None:
    if not (INSTALLED / f"{name}.csv").exists():
        pytest.skip("the package distro-info-data is not installed")
    with (INSTALLED / f"{name}.csv").open() as opened:
        told = {row["version"].split(" ")[0]: row[column] for row in csv.DictReader(opened) if row.get(column)}
    ours = {release: ends for (product, release), ends in ENDS.items() if product == name}
    assert {release: told[release] for release in ours if release in told} == {
        release: ends for release, ends in ours.items() if release in told
    }
    assert len(ours.keys() & told.keys()) >= 7
