"""VEX documents on the server: who may bring them, what they do to verdicts, and what met nothing."""

import json
from typing import Any

from sqlalchemy import Connection

from tests.api.caller import Caller
from tests.scanning.test_exceptions import approved, as_, caller, judge, scanner, suppressed, trail
from tests.scanning.test_on_push import WEB, Scanner
from tests.scanning.test_vex import openvex
from wharfinger.meta import vex
from wharfinger.scanning import documents
from wharfinger.scanning.documents import Brought, Documents
from wharfinger.spec.digest import Digest

__all__ = ["scanner"]  # a fixture
OPENSSL = "pkg:deb/debian/openssl?distro=debian-12"


def document(*products: str, **more: Any) -> dict[str, Any]:
    fields = openvex(*products, **more)
    fields["statements"][0]["vulnerability"] = {"name": "DSA-1", "aliases": ["CVE-2022-1"]}
    return fields


def wanted(fields: object, where: object = "shop/*") -> dict[str, Any]:
    return {"name": "openssl.json", "document": json.dumps(fields), "repositories": where}


async def test_a_document_suppresses_says_whose_it_is_and_can_be_removed(scanner: Scanner) -> None:
    await judge(scanner)
    sec = as_(scanner, "sec")
    made = await sec("POST", "/vex", wanted(document(OPENSSL)), status=201)
    assert (made["author"], made["statements"], made["imported_by"]) == ("example.org", 1, "a-sec")
    said = await suppressed(scanner)
    assert said["CVE-2019-1"] is None
    assert "not affected" in str(said["CVE-2022-1"])
    assert f"VEX document {made['id']} by example.org, imported by a-sec" in str(said["CVE-2022-1"])
    assert (await sec("GET", "/vex"))["documents"] == [made]
    await sec("DELETE", f"/vex/{made['id']}", status=204)
    assert (await suppressed(scanner))["CVE-2022-1"] is None
    assert (await sec("GET", "/vex"))["documents"] == []
    for action in ("vex.import", "vex.remove"):
        (record,) = await trail(scanner, action)
        assert (record["account"], record["sha256"]) == ("a-sec", made["sha256"])


async def test_it_counts_in_its_repositories_alone_and_after_an_exception(scanner: Scanner) -> None:
    await judge(scanner)
    await Caller(scanner.registry.client)("POST", "/vex", wanted(document(OPENSSL), ["other/*", "shop"]), status=201)
    assert (await suppressed(scanner))["CVE-2022-1"] is None
    await as_(scanner, "sec")("POST", "/vex", wanted(document(OPENSSL)), status=201)
    await approved(scanner)
    assert str((await suppressed(scanner))["CVE-2022-1"]).startswith("exception 1")


async def test_the_last_statement_counts_whichever_document_it_is_in(scanner: Scanner) -> None:
    await judge(scanner)
    sec = as_(scanner, "sec")
    newer = document(OPENSSL, status="under_investigation", timestamp="2026-02-01T00:00:00Z")
    await sec("POST", "/vex", wanted(newer), status=201)
    await sec("POST", "/vex", wanted(document(OPENSSL)), status=201)
    (image,) = await scanner.of()
    (found,) = [each for each in image["verdict"]["report"]["findings"] if each["id"] == "CVE-2022-1"]
    assert (found["suppressed"], found["state"]) == (None, "under-investigation")


async def test_what_met_nothing_is_told_with_the_nearest_package(scanner: Scanner) -> None:
    await judge(scanner)
    await as_(scanner, "sec")("POST", "/vex", wanted(document("pkg:deb/debian/opensll")), status=201)
    (image,) = await scanner.of()
    (unmatched,) = image["verdict"]["unmatched"]
    assert unmatched["reason"] == "there is no such package"
    assert "openssl" in unmatched["nearest"]
    assert "VEX document 1" in unmatched["statement"]


async def test_bringing_and_removing_need_the_right_to_approve_wherever_it_counts(scanner: Scanner) -> None:
    fields = document(OPENSSL)
    for who, where in (
        ("dev", "shop/*"),
        ("sec", "**"),
        ("sec", ["shop/web", "other/web"]),
        ("maintainer", "shop/web"),
    ):
        said = await as_(scanner, who).refusal("POST", "/vex", wanted(fields, where), status=403)
        assert "may not approve everywhere in" in said
    made = await as_(scanner, "sec")("POST", "/vex", wanted(fields), status=201)
    await as_(scanner, "dev").refusal("DELETE", f"/vex/{made['id']}", status=403)
    for who, id in (("other", made["id"]), ("sec", 999)):
        assert "no VEX document" in await as_(scanner, who).refusal("DELETE", f"/vex/{id}", status=404)
    assert (await as_(scanner, "other")("GET", "/vex"))["documents"] == []


async def test_what_is_no_document_is_refused(scanner: Scanner) -> None:
    sec = as_(scanner, "sec")
    empty = document(OPENSSL) | {"statements": []}
    for body, said in (
        (wanted(document(OPENSSL)) | {"document": "{"}, "not JSON"),
        (wanted({"spdxVersion": "SPDX-2.3"}), "none of OpenVEX"),
        (wanted(empty), "no statement"),
        (wanted(document(OPENSSL)) | {"name": " "}, "name"),
        (wanted(document(OPENSSL)) | {"name": "a\nb"}, "name"),
        (wanted(document(OPENSSL), {"not": []}), "repositories"),
    ):
        assert said in await sec.refusal("POST", "/vex", body, status=400)
    many = document(OPENSSL)
    many["statements"] *= documents.STATEMENTS_AT_MOST + 1
    assert "at most" in await sec.refusal("POST", "/vex", wanted(many), status=413)
    assert (await sec("GET", "/vex"))["documents"] == []


async def test_there_is_an_end_to_how_many_there_are(scanner: Scanner) -> None:
    def fill(tx: Connection) -> None:
        each = vex.Document(0, "x", "0", "", "shop/*", documents.STATEMENTS_IN_ALL - 1, "tests", 0.0)
        vex.add(tx, each, b"", [])

    await scanner.registry.services.db.write(fill)
    two = document(OPENSSL)
    two["statements"] *= 2
    assert "remove some first" in await as_(scanner, "sec").refusal("POST", "/vex", wanted(two), status=429)
    await as_(scanner, "sec")("POST", "/vex", wanted(document(OPENSSL)), status=201)


async def test_whoever_keeps_what_it_decided_is_told(scanner: Scanner) -> None:
    await judge(scanner)
    told = list[list[Digest]]()
    service = Documents(scanner.registry.services.db, scanner.registry.clock, changed=lambda _, d: told.append(list(d)))
    by = await caller(scanner, "a-administrator")
    raw = json.dumps(document(OPENSSL)).encode()
    made = await service.add(by, Brought("x.json", raw, "shop/*"))
    await service.add(by, Brought("x.json", raw, "other/*"))
    await service.remove(by, made.id)
    assert told == [[WEB.digest], [], [WEB.digest]]
