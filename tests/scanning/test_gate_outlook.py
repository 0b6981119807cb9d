"""What the gates would answer to a pull, told beside the verdict: the same as what the pull is told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.images import image, index
from tests.scanning.gates import CLEAN, WEB, Guarded, openssl
from wharfinger.scanning.admission.rules import Condition, Joined, Known, Outcome, Rule, Stale
from wharfinger.scanning.admission.weighing import Against, weigh
from wharfinger.scanning.findings import Severity
from wharfinger.select import parsing

RULES = (
    "- {name: no-critical, repositories: shop/**, block: {severity: critical}, warn: {severity: low}}\n"
    "- {name: placed, repositories: '**', unscanned: warn}\n"
)


@pytest.fixture
def guarded(registry: Registry, tmp_path: Path) -> Iterator[Guarded]:
    made = Guarded(registry, tmp_path)
    yield made
    made.verdicts.close()


async def seen(guarded: Guarded, reference: str = "1", repository: str = "shop/web") -> list[dict[str, Any]]:
    """As somebody who may do nothing but pull."""
    answer = await Caller(guarded.registry.as_("reader"))("GET", f"/verdicts/{repository}/{reference}")
    return [each["gate"] for each in answer["images"]]


async def test_the_gates_answer_stands_beside_the_verdict(guarded: Guarded) -> None:
    guarded.advise(openssl("critical", id="CVE-2022-1"), openssl("medium", id="CVE-2022-2"))
    await guarded.push()
    assert await seen(guarded) == [None]
    await guarded.apply(RULES)
    (gate,) = await seen(guarded)
    assert (gate["outcome"], gate["rule"], gate["rules"]) == ("block", "no-critical", ["no-critical", "placed"])
    assert gate["reason"] in (await guarded.pull())[1]
    assert gate["settled"]
    assert [(each["id"], each["outcome"], each["rule"]) for each in gate["against"]] == [
        ("CVE-2022-1", "block", "no-critical"),
        ("CVE-2022-2", "warn", "no-critical"),
    ]
    other = gate["policy"]
    await guarded.apply("- {name: no-critical, repositories: shop/**, block: {severity: high}}\n", work=False)
    (gate,) = await seen(guarded)
    assert gate["policy"] != other
    assert not gate["settled"]
    await guarded.work()
    assert (await seen(guarded))[0]["settled"]


async def test_what_was_never_judged_and_what_is_no_image_are_told_apart(guarded: Guarded) -> None:
    await guarded.apply(RULES)
    await guarded.push(work=False)
    chart = image(artifact_type="application/vnd.example.chart")
    await guarded.registry.client.push_image("shop/web", chart, "chart")
    await guarded.push(index([WEB, CLEAN]), "both", work=False)
    (gate,) = await seen(guarded)
    assert (gate["outcome"], gate["rule"], gate["settled"]) == ("warn", "placed", False)
    assert [each["kind"] for each in gate["against"]] == ["unscanned"]
    (gate,) = await seen(guarded, "chart")
    assert (gate["outcome"], gate["against"], gate["settled"]) == ("allow", [], True)
    assert len(await seen(guarded, "both")) == 2


async def test_who_lets_it_pass_all_the_same_is_told_and_changes_no_answer(guarded: Guarded) -> None:
    guarded.advise(openssl())
    await guarded.apply(RULES)
    await guarded.push()
    wanted = {"reference": WEB.digest, "because": "outage", "seconds": 3600.0}
    await Caller(guarded.registry.client)("POST", "/breakglass/shop/web", wanted, status=201)
    (gate,) = await seen(guarded)
    assert (gate["outcome"], gate["breakglass"]["because"]) == ("block", "outage")
    assert (await guarded.pull())[0] == 200


async def test_an_exception_is_seen_until_its_end(guarded: Guarded) -> None:
    guarded.advise(openssl())
    await guarded.apply(RULES)
    await guarded.push()
    clock = guarded.registry.clock
    wanted = {"vulnerability": "CVE-2022-1", "package": "openssl", "repositories": ["shop/**"], "reason": "no"}
    owner = Caller(guarded.registry.as_("publisher"))
    asked = await owner("POST", "/exceptions", wanted | {"expires_at": clock() + 3600}, status=201)
    await Caller(guarded.registry.client)("POST", f"/exceptions/{asked['id']}/approve", {"because": ""})
    (gate,) = await seen(guarded)
    assert (gate["outcome"], gate["against"]) == ("allow", [])
    clock.advance(3600)
    (gate,) = await seen(guarded)
    assert (gate["outcome"], [each["id"] for each in gate["against"]]) == ("block", ["CVE-2022-1"])


def test_everything_against_an_image_is_weighed_worst_first() -> None:
    def finding(id: str, severity: Severity, published: float | None = None) -> Known:
        return Known(id, "openssl", "1", None, severity, known_exploited=False, published=published)

    everywhere = parsing.parse("**", "repositories", of="repository")
    strict = Rule(
        "strict", everywhere, block=(Condition(Severity.HIGH),), grace=100.0, stale=Stale(50.0, Outcome.BLOCK)
    )
    mild = Rule("mild", everywhere, warn=(Condition(Severity.HIGH),), partial=Outcome.WARN)
    rules = Joined("x", (strict, mild))
    found = [
        finding("CVE-1", Severity.CRITICAL),
        finding("CVE-2", Severity.HIGH, 950.0),
        finding("CVE-3", Severity.LOW),
    ]

    def said(status: str | None, age: float = 0.0) -> list[tuple[str, ...]]:
        return [(each.kind, each.outcome, each.rule, each.id) for each in weigh(rules, status, found, age, now=1000.0)]

    findings = [
        ("finding", "block", "strict", "CVE-1"),
        ("finding", "warn", "mild", "CVE-1"),
        ("finding", "warn", "mild", "CVE-2"),
        ("finding", "warn", "strict", "CVE-2"),  # in its time of grace
    ]
    assert said("complete") == findings
    assert said("partial") == [*findings, ("partial", "warn", "mild", "")]
    assert said("not-assessed")[-1] == findings[-1]
    assert ("not_assessed", "block", "", "") in said("not-assessed")  # nobody has placed it, and a rule blocks
    assert ("stale", "block", "strict", "") in said("complete", age=51.0)
    found.clear()
    assert said("nothing-to-scan", age=51.0) == [("stale", "block", "strict", "")]
    assert weigh(rules, None, [], 0.0, 1000.0) == [Against("unscanned", Outcome.BLOCK, "")]
