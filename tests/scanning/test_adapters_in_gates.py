"""What scanners of others find counts at gates: by whose word, and as soon as a report comes, changes or goes."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import jsonschema
import pytest
from sqlalchemy import Connection, text

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.parts.adapter import Adapter, adapter
from tests.scanning.gates import WEB, Guarded, openssl
from tests.scanning.test_adapters import Asked
from wharfinger.access.fetch import Fetch
from wharfinger.cli import policy_sections
from wharfinger.errors import RequestInvalid
from wharfinger.meta import jobs
from wharfinger.scanning.adapters.asking import Asking
from wharfinger.scanning.admission import making, parsing

BLOCK = "- {name: no-critical, repositories: shop/**, block: {severity: critical}, unscanned: allow}\n"
OURS = "- {name: ours, repositories: shop/**, block: {severity: critical}, unscanned: allow, scanners: wharfinger}\n"
THEIRS = "- {name: t, repositories: shop/**, block: {severity: medium}, unscanned: allow, scanners: [trivy, clair]}\n"
FOUND = {"id": "CVE-2024-9", "package": "openssl", "version": "3.0.1-1", "severity": "Critical", "fix_version": "3.0.3"}


@pytest.fixture
def running() -> Iterator[Adapter]:
    with adapter() as found:
        yield found


@pytest.fixture
async def asked(registry: Registry, running: Adapter) -> Asked:
    made = Asked(registry, running)
    services = registry.services
    changed = services.gates.making.changed
    made.asking = Asking(
        services.db, services.authenticator, registry.clock, services.scanners.vault, Fetch(seconds=5), changed
    )
    return made


@pytest.fixture
async def guarded(registry: Registry, asked: Asked, tmp_path: Path) -> AsyncIterator[Guarded]:
    """An image that is clean by our own word."""
    made = Guarded(registry, tmp_path)
    asked.adapter.vulnerabilities = [FOUND]
    await asked.register()
    made.advise(openssl("medium"))
    await made.push()
    yield made
    made.verdicts.close()


async def test_a_report_that_comes_changes_and_goes_changes_what_may_be_pulled(guarded: Guarded, asked: Asked) -> None:
    await guarded.apply(BLOCK)
    assert await guarded.pull() == (200, "")
    await asked.steps(digest=WEB.digest)
    status, told = await guarded.pull()
    assert status == 403
    assert "CVE-2024-9 (critical) in openssl 3.0.1-1, found by trivy, fixed in 3.0.3" in told
    asked.adapter.vulnerabilities = [FOUND | {"severity": "Low"}]
    asked.registry.clock.advance(days=2)
    assert await asked.asking.again() == 1
    await asked.steps(digest=WEB.digest)
    assert await guarded.pull() == (200, "")
    asked.adapter.vulnerabilities = [FOUND]
    asked.registry.clock.advance(days=2)
    await asked.asking.again()
    await asked.steps(digest=WEB.digest)
    assert (await guarded.pull())[0] == 403
    await asked.api("DELETE", "/scanners/trivy", status=204)
    await guarded.work()
    assert await guarded.pull() == (200, "")


async def test_a_rule_may_say_whose_findings_count(guarded: Guarded, asked: Asked) -> None:
    await asked.steps(digest=WEB.digest)
    await guarded.apply(OURS)
    assert await guarded.pull() == (200, "")
    await guarded.apply(THEIRS)
    assert "the gate rule t: CVE-2024-9" in (await guarded.pull())[1]  # and ours of the same severity is not looked at
    found = await asked.api("POST", "/policy/plan", {"policy": f"version: 1\ngates:\n{THEIRS}", "prune": False})
    assert found["changes"] == []
    typo = OURS.replace("wharfinger", "wharfingr")
    planned = await asked.api("POST", "/policy/plan", {"policy": f"version: 1\ngates:\n{typo}", "prune": True})
    assert "there is no scanner wharfingr" in str(planned)


async def test_an_exception_is_for_what_others_find_too(guarded: Guarded, asked: Asked) -> None:
    await guarded.apply(BLOCK)
    await asked.steps(digest=WEB.digest)
    assert (await guarded.pull())[0] == 403
    asking = {
        "vulnerability": "CVE-2024-9",
        "package": "openssl",
        "repositories": "shop/*",
        "reason": "it is not called",
        "expires_at": guarded.registry.clock() + 86400,
    }
    made = await Caller(guarded.registry.as_("publisher"))("POST", "/exceptions", asking, status=201)
    await asked.api("POST", f"/exceptions/{made['id']}/approve", {"because": "agreed"})
    assert await guarded.pull() == (200, "")
    guarded.registry.clock.advance(days=1)
    assert (await guarded.pull())[0] == 403  # at its second, with no new row


async def test_reports_from_before_the_upgrade_count_after_it(guarded: Guarded, asked: Asked) -> None:
    await guarded.apply(BLOCK)
    await asked.steps(digest=WEB.digest)
    before = await guarded.row()
    await guarded.registry.services.db.write(_as_it_was)
    assert (await guarded.pull())[0] == 200
    await guarded.registry.services.db.write(jobs.enqueue, making.KIND, making.REPORTED, {}, guarded.registry.clock())
    await guarded.work()
    assert await guarded.row() == before


def _as_it_was(tx: Connection) -> None:
    tx.execute(text("UPDATE gate_rows SET blocks_from = NULL, blocks_why = ''"))


def test_schema_and_reader_agree_on_scanners() -> None:
    schema = jsonschema.Draft202012Validator(policy_sections.schema())
    for value, right in (("trivy", True), (["wharfinger", "trivy"], True), ([], False), ("A b", False), ([1], False)):
        rule = {"name": "r", "repositories": "**", "block": {"severity": "low"}, "scanners": value}
        assert schema.is_valid({"version": 1, "gates": [rule]}) is right
        if right:
            parsing.rule(rule)
        else:
            with pytest.raises(RequestInvalid, match="scanner"):
                parsing.rule(rule)
