"""What scanners of others find counts for lifecycle rules, too: by whose word, as soon as a report comes or goes."""

from tests.lifecycle.kit import in_force, note, outcomes, plan, policy, read
from tests.scanning.gates import WEB, Guarded
from tests.scanning.test_adapters import Asked
from tests.scanning.test_adapters_in_gates import FOUND, asked, guarded, running
from wharfinger.meta import jobs
from wharfinger.scanning.admission import making

__all__ = ["asked", "guarded", "running"]

BY_ALL = "severity: critical"
BY_OURS = "severity: critical, scanners: wharfinger"
BY_THEIRS = "fixable_severity: critical, scanners: [clair, trivy]"


async def doomed(asked: Asked, *conditions: str) -> list[bool]:
    """Whether the image goes by each of these."""
    found = []
    for each in conditions:
        await in_force(asked.registry, policy(f"delete: {{{each}}}"))
        _, parts, _ = read(await plan(asked.registry))
        found.append(outcomes(parts["shop/web"])[WEB.digest] == "delete")
    return found


async def test_a_report_that_comes_changes_and_goes_changes_what_may_stay(guarded: Guarded, asked: Asked) -> None:
    assert await doomed(asked, BY_ALL, BY_THEIRS, "severity: medium") == [False, False, True]
    await asked.steps(digest=WEB.digest)
    assert await doomed(asked, BY_ALL, BY_OURS, BY_THEIRS) == [True, False, True]
    assert await doomed(asked, "severity: medium, scanners: wharfinger", "severity: low, scanners: clair") == [
        True,
        False,
    ]
    asked.adapter.vulnerabilities = [FOUND | {"severity": "Low", "fix_version": None}]
    asked.registry.clock.advance(days=2)
    assert await asked.asking.again() == 1
    await asked.steps(digest=WEB.digest)
    assert await doomed(asked, BY_ALL, "severity: low, scanners: trivy", "fixable_severity: low, scanners: trivy") == [
        False,
        True,
        False,
    ]
    await asked.api("DELETE", "/scanners/trivy", status=204)
    assert await doomed(asked, "severity: low, scanners: trivy", "severity: medium") == [False, True]


async def test_reports_that_an_older_version_kept_are_rated_once_for_all(guarded: Guarded, asked: Asked) -> None:
    await asked.steps(digest=WEB.digest)
    await note(asked.registry, "UPDATE scanner_reports SET found = NULL, fixable = NULL")
    assert await doomed(asked, BY_ALL) == [False]
    db, clock = asked.registry.services.db, asked.registry.clock
    await db.write(jobs.enqueue, making.KIND, making.REPORTED, {}, clock())
    await guarded.work()
    assert await doomed(asked, BY_ALL, BY_THEIRS) == [True, True]
