"""`wharf find`: which images have a package or a vulnerability, in the order of versions that its ecosystem has."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api.caller import Caller
from tests.api.test_policies import somebody
from tests.conftest import Registry
from tests.kit import images as kit
from tests.kit.advisories import osv, up_to
from tests.kit.images import Image
from tests.scanning import trees
from tests.scanning.test_on_push import Scanner
from tests.scanning.test_vex import openvex
from wharfinger.cli.find import _rows
from wharfinger.errors import RequestInvalid
from wharfinger.scanning.answers import questions
from wharfinger.scanning.answers.questions import AboutPackage, AboutVulnerability


@pytest.mark.parametrize(
    ("text", "type", "name", "fits", "fits_not"),
    [
        ("pkg:npm/lodash@<4.17.21", "npm", "lodash", ["4.17.3", "4.17.21-rc.1"], ["4.17.21", "10.0.0"]),
        ("pkg:npm/@babel/core", "npm", "@babel/core", ["1.0.0"], []),
        ("pkg:npm/%40babel/core@>=7.0.0,<8.0.0", "npm", "@babel/core", ["7.9.0"], ["8.0.0", "6.9.9"]),
        ("pkg:pypi/Typing_Extensions@4.0", "pypi", "typing-extensions", ["4.0", "4.0.0"], ["4.0.post1"]),
        ("pkg:maven/org.example/log4j-core@<2.17.1", "maven", "org.example:log4j-core", ["2.9.0"], ["2.17.1"]),
        ("pkg:golang/golang.org/x/net@!=v0.1.0", "golang", "golang.org/x/net", ["v0.2.0"], ["v0.1.0"]),
        ("pkg:deb/debian/openssl@<=1:1.0~rc1", "deb", "openssl", ["1:1.0~beta", "3.0"], ["1:1.0"]),
        ("pkg:rpm/almalinux/bash@>4.4", "rpm", "bash", ["10.0-1"], ["4.3-9"]),
    ],
)
def test_a_package_is_meant_in_the_order_of_its_ecosystem(
    text: str, type: str, name: str, fits: list[str], fits_not: list[str]
) -> None:
    asked = questions.parse(text)
    assert isinstance(asked, AboutPackage)
    assert (asked.type, asked.name) == (type, name)
    assert [asked.fits(each) for each in fits] == [True] * len(fits)
    assert [asked.fits(each) for each in fits_not] == [False] * len(fits_not)


def test_what_cannot_be_compared_is_neither_meant_nor_not() -> None:
    asked = questions.parse("pkg:pypi/flask@<1.0")
    assert isinstance(asked, AboutPackage)
    assert asked.fits("not a version") is None


def test_a_distribution_and_its_release_may_be_said() -> None:
    asked = questions.parse("pkg:deb/openssl?distro=debian-12")
    assert isinstance(asked, AboutPackage)
    assert (asked.distribution, asked.release) == ("debian", "12")
    assert questions.parse("cve-2026-1") == AboutVulnerability(frozenset({"cve-2026-1", "CVE-2026-1"}))
    asked_for = questions.parse("ghsa-AbCd-1")
    assert isinstance(asked_for, AboutVulnerability)
    assert "GHSA-abcd-1" in asked_for.names


@pytest.mark.parametrize(
    "text",
    [
        *("pkg:", "pkg:npm", "pkg:npm/", "pkg:npm//x", "pkg:conda/x", "pkg:npm/x@<", "pkg:npm/x@>=1.0.0,"),
        *("pkg:pypi/x@not a version", "pkg:npm/x?arch=amd64", "pkg:deb/x?arch=amd64", "two words", "", "x" * 501),
        "pkg:npm/x@" + ",".join(["1.0.0"] * 11),
    ],
)
def test_what_is_no_question_is_refused(text: str) -> None:
    with pytest.raises(RequestInvalid):
        questions.parse(text)


OPENSSL = osv("DSA-1-1", "Debian:12", "openssl", *up_to("3.0.2-1"), upstream=["CVE-2022-1000"])
OTHER = osv("DSA-2-1", "Debian:12", "openssl", *up_to("3.0.9-1"), upstream=["CVE-2022-2000"])
FLASK = osv("PYSEC-1", "PyPI", "flask", *up_to("1.0"), aliases=["CVE-2019-1000"])


def debian(**packages: str) -> dict[str, bytes]:
    return {"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(**packages)}


OLD = trees.image([debian(libssl3="openssl 3.0.1-1"), trees.python("flask", "0.12")])
NEW = trees.image([debian(libssl3="openssl 3.0.2-1"), trees.python("flask", "2.0")])
ARM = trees.image([debian(libssl3="openssl 3.0.1-1")], architecture="arm64")


@pytest.fixture
def scanner(registry: Registry, tmp_path: Path) -> Iterator[Scanner]:
    made = Scanner(registry, tmp_path)
    yield made
    made.verdicts.close()


@pytest.fixture
async def api(scanner: Scanner) -> Caller:
    """A registry whose images are known."""
    scanner.advise(OPENSSL, OTHER, FLASK)
    for repository, image, tag in (
        ("shop/web", OLD, "1.4"),
        ("shop/web", NEW, "1.5"),
        ("team/app", OLD, "stable"),
        ("team/app", kit.index([OLD, ARM]), "all"),
    ):
        await scanner.registry.client.push_image(repository, image, tag)
    await scanner.work()
    return Caller(scanner.registry.client)


async def found(api: Caller, what: str, more: str = "") -> dict[str, Any]:
    from urllib.parse import quote

    answer: dict[str, Any] = await api("GET", f"/find?q={quote(what, safe='')}{more}")
    return answer


def where(answer: dict[str, Any]) -> dict[str, list[tuple[str, list[str]]]]:
    return {each["digest"]: [(at["repository"], at["tags"]) for at in each["places"]] for each in answer["images"]}


async def test_images_with_a_vulnerability_are_found_wherever_they_are(api: Caller, scanner: Scanner) -> None:
    answer = await found(api, "cve-2022-1000")
    assert where(answer) == {
        OLD.digest: [("shop/web", ["1.4"]), ("team/app", ["all", "stable"])],
        ARM.digest: [("team/app", ["all"])],
    }
    assert answer["searched"] == {"images": 3, "unscanned": 0, "partial": 0, "not_assessed": 0, "uncomparable": []}
    (image,) = (each for each in answer["images"] if each["digest"] == OLD.digest)
    (package,) = image["found"]
    assert package["layers"] == [OLD.fields["layers"][0]["digest"]]
    assert (package["package"], package["version"]) == ("libssl3", "3.0.1-1")
    (said,) = package["vulnerabilities"]  # and not what was not asked for
    since = said.pop("known_since")
    assert said == {"id": "CVE-2022-1000", "severity": "unknown", "fixed": "3.0.2-1", "state": "fixed", "kev": False}
    assert datetime.fromisoformat(since).timestamp() == scanner.registry.clock()
    assert where(await found(api, "dsa-1-1")) == where(answer), "by any of its names"
    assert where(await found(api, "CVE-2022-2000")).keys() == {OLD.digest, NEW.digest, ARM.digest}
    assert (await found(api, "CVE-1999-1"))["images"] == []


@pytest.mark.parametrize(
    ("what", "images"),
    [
        ("pkg:deb/debian/openssl@<3.0.2-1", [OLD, ARM]),
        ("pkg:deb/debian/libssl3@3.0.2-1", [NEW]),
        ("pkg:deb/openssl?distro=debian-12", [OLD, NEW, ARM]),
        ("pkg:deb/openssl?distro=debian-11", []),
        ("pkg:deb/ubuntu/openssl", []),
        ("pkg:pypi/Flask@<1.0", [OLD]),
        ("pkg:pypi/flask", [OLD, NEW]),
        ("pkg:npm/flask", []),
    ],
)
async def test_images_with_a_package_are_found_by_versions(api: Caller, what: str, images: list[Image]) -> None:
    assert where(await found(api, what)).keys() == {each.digest for each in images}


async def test_of_a_package_all_that_is_known_is_told(api: Caller) -> None:
    answer = await found(api, "pkg:deb/debian/openssl@3.0.1-1")
    for image in answer["images"]:
        (package,) = image["found"]
        assert [each["id"] for each in package["vulnerabilities"]] == ["CVE-2022-1000", "CVE-2022-2000"]


async def test_what_was_judged_by_other_advisories_since_is_found_by_the_verdict(api: Caller, scanner: Scanner) -> None:
    scanner.advise(FLASK)
    assert where(await found(api, "CVE-2022-1000")), "until the verdicts are by the new ones"
    await scanner.verdicts.judge_again()
    assert where(await found(api, "CVE-2022-1000")) == {}
    assert (await found(api, "CVE-2022-1000"))["searched"]["not_assessed"] == 3


async def test_pages_go_on_where_the_last_ended(api: Caller) -> None:
    seen: list[str] = []
    last: str | None = ""
    while last is not None:
        page = await found(api, "CVE-2022-2000", f"&n=1&last={last}")
        assert (page["searched"] is None) == bool(seen)
        seen += [each["digest"] for each in page["images"]]
        last = page["next"]
    assert seen == sorted([OLD.digest, NEW.digest, ARM.digest])


async def test_one_finds_only_where_one_may_pull(api: Caller, scanner: Scanner) -> None:
    shop = await somebody(scanner.registry, "a-shopper", "reader", "shop/**")
    answer = await found(shop, "CVE-2022-1000")
    assert where(answer) == {OLD.digest: [("shop/web", ["1.4"])]}
    assert answer["searched"]["images"] == 2
    nobody = await somebody(scanner.registry, "a-nobody", "reader", "other/**")
    answer = await found(nobody, "CVE-2022-1000")
    assert (answer["images"], answer["searched"]["images"]) == ([], 0)


async def test_repositories_may_be_selected(api: Caller) -> None:
    answer = await found(api, "CVE-2022-1000", "&repository=team/**")
    assert {at for places in where(answer).values() for at, _ in places} == {"team/app"}
    assert answer["searched"]["images"] == 2
    await api.refusal("GET", "/find?q=CVE-2022-1000&repository=%5B", status=400)
    await api.refusal("GET", "/find?q=CVE-2022-1000&last=x", status=400)
    await api.refusal("GET", "/find?q=pkg:npm", status=400)


async def test_what_runs_is_found_also_below_an_index(api: Caller) -> None:
    running = {"interval": 3600, "images": [{"repository": "team/app", "reference": "all", "places": ["prod/app"]}]}
    assert where(await found(api, "CVE-2022-1000", "&in_use=true")) == {}
    await api("PUT", "/in-use/prod", running)
    answer = await found(api, "CVE-2022-1000", "&in_use=true")
    assert where(answer) == {
        OLD.digest: [("team/app", ["all", "stable"])],
        ARM.digest: [("team/app", ["all"])],
    }
    uses = [at["in_use"] for each in answer["images"] for at in each["places"]]
    assert uses == [[{"reporter": "prod", "places": ["prod/app"]}]] * 2
    assert answer["searched"]["images"] == 2


async def test_what_could_not_be_searched_is_counted(api: Caller, scanner: Scanner) -> None:
    client = scanner.registry.client
    broken = kit.image(layers=[b"this is no layer"], config=b'{"os": "linux", "architecture": "amd64"}')
    await client.push_image("shop/web", broken, "broken")
    await scanner.work()
    odd = trees.image([debian(), trees.python("flask", "no-version-at-all!")])
    await client.push_image("shop/web", odd, "odd")
    await scanner.work()
    await client.push_image("shop/web", trees.image([debian(zlib1g="1")]), "unscanned")
    chart = kit.image(config=b"{}", artifact_type="application/vnd.example.chart")
    await client.push_image("shop/web", chart, "chart")
    answer = await found(api, "pkg:pypi/flask@<1.0")
    searched = answer["searched"]
    assert (searched["images"], searched["unscanned"], searched["partial"]) == (5, 1, 1)
    assert searched["uncomparable"] == ["no-version-at-all!"]
    assert where(answer).keys() == {OLD.digest}


async def test_what_is_deleted_is_found_no_more(api: Caller) -> None:
    await api("DELETE", f"/manifests/shop/web/{OLD.digest}", status=204)
    assert where(await found(api, "pkg:pypi/flask@<1.0")) == {OLD.digest: [("team/app", ["all", "stable"])]}
    assert json.dumps(await found(api, "CVE-2019-1000")).count("shop/web") == 0


async def test_what_is_excused_is_found_and_told_by_what_and_where(api: Caller, scanner: Scanner) -> None:
    end = scanner.registry.clock() + 86400
    asking = {
        "vulnerability": "CVE-2022-1000",
        "package": "openssl",
        "repositories": "shop/*",
        "reason": "no TLS is spoken",
        "expires_at": end,
    }
    made = await Caller(scanner.registry.as_("publisher"))("POST", "/exceptions", asking, status=201)
    await api("POST", f"/exceptions/{made['id']}/approve", {"because": "agreed"})
    document = openvex("pkg:deb/debian/libssl3")
    document["statements"][0]["vulnerability"] = {"name": "DSA-1-1"}
    sent = {"name": "v.json", "document": json.dumps(document), "repositories": "team/*"}
    await api("POST", "/vex", sent, status=201)
    answer = await found(api, "cve-2022-1000")
    assert where(answer).keys() == {OLD.digest, ARM.digest}
    (image,) = (each for each in answer["images"] if each["digest"] == OLD.digest)
    shop, team = (place["excused"] for place in image["places"])
    said, stated = shop + team
    assert (said["id"], said["purl"]) == ("CVE-2022-1000", image["found"][0]["purl"])
    assert said["why"].startswith(f"exception {made['id']} until ")
    assert "no TLS is spoken (requested by a-publisher, approved by a-administrator)" in said["why"]
    assert stated["why"].startswith("not affected: vulnerable code not present (v.json: statements[0], VEX document 1")
    rows = list(_rows(image))
    assert rows[0][-1] == f"in shop/web: {said['why']}; in team/app: {stated['why']}"
    others = (await found(api, "CVE-2022-2000"))["images"]
    assert not any(place["excused"] for each in others for place in each["places"])
    scanner.registry.clock.advance(days=1)
    (image,) = (each for each in (await found(api, "cve-2022-1000"))["images"] if each["digest"] == OLD.digest)
    assert image["places"][0]["excused"] == []
