"""Libraries that a wheel has brought along out of another distribution: the wheel answers for them."""

import json
from datetime import date

import pytest

from tests.kit.layers import Tree, catalogue
from tests.scanning.trees import DEBIAN, dpkg, python
from wharfinger.scanning.advisories.known import NOTHING
from wharfinger.scanning.matching import match

FOLDER = "usr/lib/python3/dist-packages/psycopg_binary-3.3.9.dist-info"
KEYUTILS = "pkg:rpm/centos/keyutils-libs@1.5.8-3.el7"  # as auditwheel writes it into psycopg-binary 3.3.9
OPENSSL = "pkg:deb/debian/openssl@3.0.1-1"


def bill(*purls: str) -> bytes:
    return json.dumps({"bomFormat": "CycloneDX", "components": [{"purl": purl} for purl in purls]}).encode()


BASE: Tree = {"etc/os-release": DEBIAN, "var/lib/dpkg/status": dpkg(bash="5.2")}
WHEEL: Tree = {**python("psycopg_binary", "3.3.9"), f"{FOLDER}/sboms/auditwheel.cdx.json": bill(KEYUTILS, OPENSSL)}


def test_the_wheel_answers_for_what_is_of_another_distribution_and_it_is_shown() -> None:
    packages = {each.name: each for each in catalogue(BASE, WHEEL).packages}
    assert packages["keyutils-libs"].purl == KEYUTILS
    assert packages["keyutils-libs"].covered_by == "pkg:pypi/psycopg-binary@3.3.9"
    assert packages["openssl"].covered_by is None, "Debian's advisories are about it"


def test_who_answers_for_it_is_judged_so_it_is_not_counted_twice() -> None:
    found = match(catalogue(BASE, WHEEL), NOTHING, today=date(2026, 1, 1)).not_assessed
    assert sorted((each.ecosystem, each.packages) for each in found) == [("Debian:12", 2), ("PyPI", 1)]


@pytest.mark.parametrize(
    "path", ["opt/app/bom.json", "usr/lib/python3/dist-packages/gone-1.dist-info/sboms/a.cdx.json"]
)
def test_without_a_wheel_nobody_answers_and_it_is_not_assessed(path: str) -> None:
    image = catalogue(BASE, {path: bill(KEYUTILS)})
    (package,) = (each for each in image.packages if each.name == "keyutils-libs")
    assert package.covered_by is None
    assert ("rpm", 1) in [
        (each.ecosystem, each.packages) for each in match(image, NOTHING, today=date(2026, 1, 1)).not_assessed
    ]


def test_a_wheel_that_is_taken_away_takes_along_what_it_brought() -> None:
    image = catalogue(BASE, WHEEL, {"usr/lib/python3/dist-packages/.wh.psycopg_binary-3.3.9.dist-info": b""})
    assert [each.name for each in image.packages] == ["bash"]
