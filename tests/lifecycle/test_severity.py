"""Rules on what scanning has found: by the last verdict on each image, also when a plan is applied."""

from typing import Any

import pytest

from tests.kit import images as kit
from tests.kit.advisories import osv, up_to
from tests.lifecycle.kit import apply, in_force, outcomes, plan, policy, present, read, refused
from tests.scanning import trees
from tests.scanning.test_on_push import BASE, Scanner, scanner
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import gathering, images, reading, units, writing
from wharfinger.lifecycle.evaluate import evaluate
from wharfinger.lifecycle.images import Found
from wharfinger.meta.lifecycle_facts import Facts

__all__ = ["scanner"]

HIGH: dict[str, Any] = {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}]}
OPENSSL = osv("DSA-1", "Debian:12", "openssl", *up_to("3.0.2-1"), aliases=["CVE-2022-1"], **HIGH)
NOT_MENDED = osv("DSA-2", "Debian:12", "curl", {"introduced": "0"}, aliases=["CVE-2022-2"], **HIGH)
MENDED = trees.image([{**BASE, "var/lib/dpkg/status": trees.dpkg(openssl="3.0.2-1")}])
WORSE = trees.image([BASE])
CURL = trees.image([{**BASE, "var/lib/dpkg/status": trees.dpkg(curl="7.0-1")}])
ARM = trees.image([{**BASE, "var/lib/dpkg/status": trees.dpkg(openssl="3.0.2-1")}], architecture="arm64")


async def test_what_is_known_to_be_bad_goes_and_what_was_not_scanned_stays(scanner: Scanner) -> None:
    registry = scanner.registry
    scanner.advise(OPENSSL, NOT_MENDED)
    both = kit.index([WORSE, ARM])
    for image, tag in ((MENDED, "good"), (CURL, "curl"), (both, "both")):
        await registry.client.push_image("shop/web", image, tag)
    await in_force(registry, policy("delete: {severity: high}"))
    _, parts, _ = read(await plan(registry))
    assert set(outcomes(parts["shop/web"]).values()) == {"keep"}, "nothing was scanned yet"
    await scanner.work()
    await registry.client.push_image("shop/web", trees.image([BASE, trees.python("flask", "1")]), "unscanned")
    _, parts, _ = read(await plan(registry))
    found = outcomes(parts["shop/web"])
    gone = {digest for digest, verdict in found.items() if verdict == "delete"}
    assert gone == {CURL.digest, both.digest, WORSE.digest, ARM.digest}, "an index is as bad as its worst image"
    (why,) = {each["reason"] for each in parts["shop/web"]["delete"] if "belongs" not in each["reason"]}
    assert "has a vulnerability that is high or worse" in why
    await in_force(registry, policy("delete: {fixable_severity: high}"))
    _, parts, _ = read(await plan(registry))
    assert outcomes(parts["shop/web"])[CURL.digest] == "keep", "no version without it is known"


async def test_an_image_whose_verdict_is_better_by_now_stays_though_a_plan_lists_it(scanner: Scanner) -> None:
    registry = scanner.registry
    scanner.advise(OPENSSL)
    await registry.client.push_image("shop/web", WORSE, "1")
    await scanner.work()
    await in_force(registry, policy("delete: {severity: high}"))
    planned = await plan(registry)
    scanner.advise(NOT_MENDED)
    await scanner.verdicts.judge_again()
    assert f"{WORSE.digest}: it would stay by now" in await refused(registry, planned)
    scanner.advise(OPENSSL)
    await scanner.verdicts.judge_again()
    await apply(registry, planned)
    assert await present(registry, "shop/web", WORSE) == [False]


def test_an_index_is_known_once_all_of_its_images_are() -> None:
    def facts(first: str | None, second: str | None) -> Facts:
        found = [
            ("digest", ("a", "b", "index", "outer")),
            ("pushed", (1,) * 4),
            *((name, (None,) * 4) for name in ("untagged", "subject")),
            ("severity", (first, second, None, None)),
            ("fixable_severity", (first, None, None, None)),
        ]
        return Facts(dict(found), children=(("index", "index", "outer"), ("a", "b", "index")))

    def of(first: str | None, second: str | None) -> list[tuple[Found | None, Found | None]]:
        found = gathering.images("shop/web", facts(first, second), None)
        return [(each.severity, each.fixable_severity) for each in found[2:]]

    assert of("low", "critical") == [("critical", None)] * 2
    assert of("none", "none") == [("none", None)] * 2
    assert of("critical", None) == [(None, None)] * 2
    assert of(None, None) == [(None, None)] * 2
    trivy = {"wharfinger": "low", "trivy": "high"}
    assert of("medium", "wharfinger=low,trivy=high") == [({"wharfinger": "medium", "trivy": "high"}, None)] * 2
    assert of("trivy=high,wharfinger=low", "trivy=none")[0] == (trivy, None)
    assert of("trivy=high", None) == [(None, None)] * 2


def holds(condition: str, found: object) -> bool:
    """Whether a rule with this condition deletes an image of which that was found."""
    (verdict,) = evaluate(
        reading.parse(policy(f"delete: {{{condition}}}")),
        images.parse([{"id": "a", "tags": [], "pushed": "2026-01-01T00:00:00Z", "severity": found}]),
        units.moment("2026-02-01T00:00:00Z"),
    )
    return verdict.verdict == "delete"


def test_whose_findings_count() -> None:
    both = {"wharfinger": "low", "trivy": "high"}
    assert holds("severity: high", both)
    assert holds("severity: high, scanners: [clair, trivy]", both)
    assert not holds("severity: high, scanners: wharfinger", both)
    assert not holds("severity: low, scanners: clair", both)
    assert holds("severity: high, scanners: wharfinger", "high")
    assert not holds("severity: high, scanners: trivy", "high")
    for wrong in ({}, {"trivy": "bad"}, {"Trivy!": "high"}, 7):
        with pytest.raises(RequestInvalid):
            holds("severity: high", wrong)


def test_it_is_written_as_it_was_read_and_said_of_severities_alone() -> None:
    (read,) = reading.parse(policy("delete: {severity: high, fixable_severity: low, scanners: [trivy, clair]}"))
    assert reading.parse(writing.text([read])) == (read,)
    assert str(read.rules[0].group).count("as clair, trivy found") == 2
    for wrong in ("scanners: trivy", "severity: high, scanners: []", "severity: high, scanners: 'A b'"):
        with pytest.raises(RequestInvalid, match="scanner"):
            reading.parse(policy(f"delete: {{{wrong}}}"))
