"""Pulls governed by gates, over HTTP and on both databases: refused, warned of, allowed, and from when on."""

import asyncio
import os
from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.images import image, index
from tests.scanning import trees
from tests.scanning.gates import CLEAN, WEB, Guarded, openssl
from wharfinger.meta import audit
from wharfinger.meta.audit import Filter
from wharfinger.scanning.verdicts import Verdicts
from wharfinger.spec.digest import Digest

CRITICAL = "- {name: no-critical, repositories: shop/**, block: {severity: critical}, unscanned: allow}\n"


class Killed(Exception):
    """What happens between two lines."""


@pytest.fixture
def guarded(registry: Registry, tmp_path: Path) -> Iterator[Guarded]:
    made = Guarded(registry, tmp_path)
    yield made
    made.verdicts.close()


async def test_a_pull_is_refused_and_told_the_finding_and_the_ways_out(guarded: Guarded) -> None:
    guarded.advise(openssl())
    await guarded.apply(CRITICAL)
    await guarded.push()
    await guarded.push(CLEAN, "clean")
    for reference in ("1", WEB.digest):
        status, told = await guarded.pull(reference)
        assert status == 403
        assert told == (
            "refused by the gate rule no-critical: CVE-2022-1 (critical) in openssl 3.0.1-1, fixed in 3.0.2-1. "
            f"Update openssl to 3.0.2-1 and push again; see wharf verdict shop/web@{WEB.digest}; ask for an exception; "
            f"for now: wharf breakglass shop/web@{WEB.digest} --because ... --for 4h"
        )
    assert await guarded.pull("clean") == (200, "")
    assert (await guarded.registry.client.head_manifest("shop/web", "1")).status_code == 200
    known = {"If-None-Match": f'"{WEB.digest}"'}
    assert (await guarded.registry.client.get_manifest("shop/web", "1", headers=known)).status_code == 403
    await guarded.push(repository="other/web")
    assert await guarded.pull(repository="other/web") == (200, "")


async def test_what_is_unscanned_is_where_the_rules_place_it(guarded: Guarded) -> None:
    await guarded.push(work=False)
    chart = image(artifact_type="application/vnd.example.chart")
    await guarded.registry.client.push_image("shop/web", chart, "chart")
    both = index([WEB])
    await guarded.registry.client.push_image("shop/web", both, "both")
    for placed, status in (("block", 403), ("warn", 200), ("allow", 200)):
        rule = f"- {{name: r, repositories: '**', block: {{severity: critical}}, unscanned: {placed}}}\n"
        await guarded.apply(rule, work=False)
        found, told = await guarded.pull()
        assert found == status
        assert ("was not scanned" in told) is (placed != "allow")
        assert await guarded.pull("chart") == (200, "")  # it has no file system, and is never scanned
        assert await guarded.pull("both") == (200, "")  # each of its images is decided about by itself
    await guarded.apply("- {name: r, repositories: '**', block: {severity: critical}}\n", work=False)
    assert (await guarded.pull())[0] == 403  # nobody has placed it, and the rule may block
    await guarded.apply("- {name: r, repositories: '**', warn: {severity: critical}}\n", work=False)
    assert (await guarded.pull())[1].startswith('299 - "warned of by the gates (no rule places this): nothing is known')


async def test_age_and_grace_need_no_new_row(guarded: Guarded) -> None:
    now = guarded.registry.clock()
    day = datetime.fromtimestamp(now, UTC).date()
    published = datetime.combine(day, time(), UTC)
    guarded.advise(openssl(published=published.isoformat().replace("+00:00", "Z")))
    await guarded.apply(
        "- {name: old, repositories: '**', block: {severity: critical, older_than: 2d}, grace: 5d, "
        "warn: {severity: low}}\n"
    )
    await guarded.push()
    row = await guarded.row()
    assert row is not None
    assert (row.warns_from, row.blocks_from) == (0.0, published.timestamp() + 5 * 86400)
    guarded.registry.clock.now = published.timestamp() + 5 * 86400 - 1
    assert (await guarded.pull())[1] == (
        '299 - "warned of by the gate rule old: CVE-2022-1 (critical) in openssl 3.0.1-1, fixed in 3.0.2-1"'
    )
    guarded.registry.clock.advance(1)
    assert (await guarded.pull())[0] == 403
    assert await guarded.row() == row


async def test_other_rules_make_the_rows_again_and_nothing_slips_through_meanwhile(guarded: Guarded) -> None:
    guarded.advise(openssl("medium"))
    await guarded.push()
    assert await guarded.row() is None  # nobody asks for rows while there are no rules
    await guarded.apply("- {name: a, repositories: shop/**, block: {severity: critical}, unscanned: warn}\n")
    first = await guarded.row()
    assert first is not None
    assert await guarded.pull() == (200, "")
    await guarded.apply("- {name: a, repositories: shop/**, block: {severity: medium}, unscanned: block}\n", work=False)
    status, told = await guarded.pull()
    assert status == 403
    assert "the rules have changed" in told  # the row allows it, but by other rules: it counts as unscanned
    await guarded.work()
    assert "CVE-2022-1 (medium)" in (await guarded.pull())[1]
    await guarded.apply("- {name: a, repositories: shop/**, block: {severity: high}, unscanned: allow}\n", work=False)
    assert "CVE-2022-1 (medium)" in (await guarded.pull())[1]  # until it is judged by these, it stays refused
    await guarded.work()
    assert await guarded.pull() == (200, "")
    before = await guarded.row()
    more = "- {name: b, repositories: other/**, block: {severity: low}}\n"
    await guarded.apply(
        "- {name: a, repositories: shop/**, block: {severity: high}, unscanned: allow}\n" + more, work=False
    )
    assert await guarded.pull() == (200, "")  # a rule that is not about the repository changes nothing in it
    await guarded.work()
    assert await guarded.row() == before
    await guarded.apply("- {name: b, repositories: other/**, block: {severity: low}}\n")
    assert await guarded.row() is None


async def test_other_advisories_change_the_row_with_the_verdict(guarded: Guarded) -> None:
    guarded.advise(openssl("medium"))
    await guarded.apply(CRITICAL)
    await guarded.push()
    await guarded.push(repository="shop/copy")
    assert await guarded.pull() == (200, "")
    guarded.advise(openssl("critical"))
    assert await guarded.verdicts.judge_again() == 1
    assert (await guarded.pull())[0] == 403
    assert (await guarded.pull(repository="shop/copy"))[0] == 403
    await guarded.push(repository="shop/third")  # known already: its row comes with the push
    assert (await guarded.pull(repository="shop/third"))[0] == 403


async def test_a_verdict_without_its_row_cannot_be(guarded: Guarded) -> None:
    guarded.advise(openssl("medium"))
    await guarded.apply(CRITICAL)
    await guarded.push()
    row, making = await guarded.row(), guarded.registry.services.gates.making

    def dies(tx: Connection, digests: Collection[Digest]) -> None:
        making.changed(tx, digests)
        raise Killed

    guarded.advise(openssl("critical"))
    dying = Verdicts(
        guarded.registry.services.db, guarded.registry.services.store, guarded.file, guarded.registry.clock, dies
    )
    guarded.registry.clock.advance(hours=1)  # somebody else may judge now
    with closing(dying), pytest.raises(Killed):
        await dying.judge_again()
    assert await guarded.row() == row
    known = await Caller(guarded.registry.client)("GET", "/verdicts/shop/web/1")
    assert known["images"][0]["verdict"]["counts"]["medium"] == 1  # both as they were
    guarded.registry.clock.advance(hours=1)
    assert await guarded.verdicts.judge_again() == 1
    assert (await guarded.pull())[0] == 403


async def test_verdicts_pushes_and_rules_that_change_at_once_agree_in_the_end(guarded: Guarded) -> None:
    guarded.advise(openssl("medium"))
    await guarded.apply(CRITICAL)
    await guarded.push()
    for severity, status in (("critical", 403), ("medium", 200), ("critical", 403)):
        guarded.advise(openssl(severity))
        rules = f"- {{name: {severity}, repositories: '**', block: {{severity: high}}, unscanned: allow}}\n"
        names = [f"shop/{severity}-{n}" for n in range(4)]
        await asyncio.gather(
            guarded.verdicts.judge_again(),
            guarded.apply(rules, work=False),
            *(guarded.push(repository=name, work=False) for name in names),
        )
        await guarded.work()
        for name in ("shop/web", *names):
            assert (await guarded.pull(repository=name))[0] == status, (name, severity)
            row = await guarded.row(repository=name)
            assert row is not None
            assert (row.blocks_from is not None) is (status == 403)


async def test_a_push_that_races_the_verdict_is_seen_by_it_or_sees_it(guarded: Guarded) -> None:
    """On PostgreSQL each reads before the other has committed, if nothing makes them wait."""
    guarded.advise(openssl())
    await guarded.apply(CRITICAL)
    await guarded.push(work=False)
    names = [f"shop/race-{n}" for n in range(6)]
    await asyncio.gather(guarded.work(), *(guarded.push(repository=name, work=False) for name in names))
    for name in names:
        assert (await guarded.pull(repository=name))[0] == 403


async def test_a_refusal_is_in_the_trail_and_among_the_metrics(guarded: Guarded) -> None:
    guarded.advise(openssl())
    await guarded.apply(CRITICAL)
    await guarded.push()
    await guarded.pull()
    await guarded.registry.services.trail.flush(everything=True)
    (record,) = await guarded.registry.services.db.read(audit.page, Filter(action="pull", outcome="denied"), None, 10)
    assert record.rule == "the gate rule no-critical: CVE-2022-1 (critical) in openssl 3.0.1-1, fixed in 3.0.2-1"
    assert record.repository == "shop/web"
    metrics = (await guarded.registry.client.request("GET", "/metrics")).text
    assert 'wharf_gate_pulls_total{outcome="refused",reason="finding"} 1.0' in metrics


async def test_an_exception_lets_pass_and_its_end_refuses_again_by_itself(guarded: Guarded) -> None:
    guarded.advise(openssl())
    await guarded.apply(CRITICAL)
    await guarded.push()
    clock, owner = guarded.registry.clock, Caller(guarded.registry.as_("publisher"))
    wanted = {
        "vulnerability": "CVE-2022-1",
        "package": "openssl",
        "repositories": ["shop/**"],
        "reason": "not reachable",
    }
    asked = await owner("POST", "/exceptions", wanted | {"expires_at": clock() + 3600}, status=201)
    assert (await guarded.pull())[0] == 403  # it was asked for, and nobody has approved it
    await Caller(guarded.registry.client)("POST", f"/exceptions/{asked['id']}/approve", {"because": ""})
    assert await guarded.pull() == (200, "")
    row = await guarded.row()
    assert row is not None
    assert row.blocks_from == clock() + 3600
    clock.advance(3600)
    assert (await guarded.pull())[0] == 403
    assert await guarded.row() == row


async def test_an_exception_for_an_index_is_for_its_images_as_long_as_it_is_there(guarded: Guarded) -> None:
    guarded.advise(openssl())
    await guarded.apply(CRITICAL)
    await guarded.push()
    both, client = index([WEB, CLEAN]), guarded.registry.client
    wanted = {
        "vulnerability": "CVE-2022-1",
        "package": "openssl",
        "repositories": ["shop/**"],
        "digest": both.digest,
        "reason": "not reachable",
        "expires_at": guarded.registry.clock() + 3600,
    }
    asked = await Caller(guarded.registry.as_("publisher"))("POST", "/exceptions", wanted, status=201)
    await Caller(client)("POST", f"/exceptions/{asked['id']}/approve", {"because": ""})
    assert (await guarded.pull())[0] == 403
    await client.push_image("shop/web", both, "both")
    assert await guarded.pull() == (200, "")
    require(await client.delete_manifest("shop/web", both.digest), 202)
    assert (await guarded.pull())[0] == 403
    await Caller(client)("POST", "/trash/restore/shop/web", {"reference": both.digest})
    assert await guarded.pull() == (200, "")


async def test_break_glass_is_for_a_while_and_recorded(guarded: Guarded) -> None:
    guarded.advise(openssl())
    await guarded.apply(CRITICAL)
    await guarded.push()
    api = Caller(guarded.registry.client)
    wanted = {"reference": WEB.digest, "because": "outage"}
    await api.refusal("POST", "/breakglass/shop/web", wanted | {"seconds": 8 * 86400.0}, status=400)
    made = await api("POST", "/breakglass/shop/web", wanted | {"seconds": 4 * 3600.0}, status=201)
    status, told = await guarded.pull()
    assert status == 200
    assert told.startswith(
        f'299 - "pulled by break-glass {made["id"]}; otherwise this pull is refused by the gate rule'
    )
    assert [each["because"] for each in (await api("GET", "/breakglass"))["breakglass"]] == ["outage"]
    guarded.registry.clock.advance(hours=4)
    assert (await guarded.pull())[0] == 403
    assert (await api("GET", "/breakglass"))["breakglass"] == []
    await guarded.registry.services.trail.flush(everything=True)
    read = guarded.registry.services.db.read
    assert [each.account for each in await read(audit.page, Filter(action="breakglass.add"), None, 9)] == [
        "a-administrator"
    ]
    pulled = await read(audit.page, Filter(action="pull", outcome="done"), None, 9)
    assert [each.rule for each in pulled if each.rule.startswith(f"break-glass {made['id']}, though refused")]
    made = await api("POST", "/breakglass/shop/web", wanted | {"seconds": 60.0}, status=201)
    await api("DELETE", f"/breakglass/{made['id']}", status=204)
    assert (await guarded.pull())[0] == 403


async def test_what_runs_when_it_begins_to_be_refused_may_restart(guarded: Guarded) -> None:
    guarded.advise(openssl("medium"))
    await guarded.apply(CRITICAL)
    await guarded.push()
    await guarded.use("1")
    guarded.registry.clock.advance(hours=2)
    guarded.advise(openssl("critical"))
    await guarded.verdicts.judge_again()
    status, told = await guarded.pull()
    assert status == 200
    assert "pulled because it was in use already; otherwise this pull is refused by the gate rule no-critical" in told
    (listed,) = (await Caller(guarded.registry.client)("GET", "/gates"))["refused"]
    assert (listed["digest"], listed["grandfathered"], listed["finding"]) == (WEB.digest, True, "CVE-2022-1")
    await guarded.push(repository="shop/copy")
    assert (await guarded.pull(repository="shop/copy"))[0] == 403  # nobody runs it from there
    guarded.registry.clock.advance(days=6)
    await guarded.sweep()
    await guarded.use()
    guarded.registry.clock.advance(days=6)
    await guarded.sweep()
    assert (await guarded.pull())[0] == 200  # it was scaled down some days ago, and may come back
    guarded.registry.clock.advance(days=2)
    await guarded.sweep()
    assert (await guarded.pull())[0] == 403


async def test_a_report_does_not_let_in_what_was_never_allowed(guarded: Guarded) -> None:
    guarded.advise(openssl())
    await guarded.apply(CRITICAL)
    await guarded.push(work=False)
    await guarded.use("1")
    await guarded.work()
    assert (await guarded.pull())[0] == 403


async def test_a_grace_that_ends_lets_what_runs_go_on(guarded: Guarded) -> None:
    now = guarded.registry.clock()
    day = datetime.fromtimestamp(now, UTC).date()
    published = datetime.combine(day, time(), UTC)
    guarded.advise(openssl(published=published.isoformat().replace("+00:00", "Z")))
    await guarded.apply("- {name: r, repositories: '**', block: {severity: critical}, grace: 3d}\n")
    await guarded.push()
    await guarded.push(repository="shop/idle")
    await guarded.use("1")
    guarded.registry.clock.now = published.timestamp() + 3 * 86400
    assert (await guarded.pull())[0] == 200  # the sweep has not come by yet
    assert await guarded.sweep() == 2
    assert (await guarded.pull())[0] == 200
    assert (await guarded.pull(repository="shop/idle"))[0] == 403
    await Caller(guarded.registry.client)(
        "PUT", "/in-use/late", {"interval": 60, "images": [{"repository": "shop/idle", "reference": "1"}]}
    )
    assert (await guarded.pull(repository="shop/idle"))[0] == 403  # too late


async def test_old_advisories_are_where_the_rules_place_them(guarded: Guarded) -> None:
    guarded.advise(openssl("medium"))
    await guarded.apply("- {name: fresh, repositories: '**', stale: {after: 7d, then: block}, unscanned: allow}\n")
    await guarded.push()
    assert "the advisories are too old" in (await guarded.pull())[1]  # as far as anybody knows, there are none
    os.utime(guarded.file, (guarded.registry.clock(), guarded.registry.clock()))
    await guarded.sweep()
    guarded.registry.clock.advance(days=1)
    assert await guarded.pull() == (200, "")
    guarded.registry.clock.advance(days=6, seconds=1)
    status, told = await guarded.pull()
    assert (status, "wharf advisories update" in told) == (403, True)


async def test_a_plan_says_what_would_be_refused(guarded: Guarded) -> None:
    guarded.advise(openssl())
    await guarded.push()
    await guarded.push(CLEAN, "clean")
    await guarded.push(trees.image([{"etc/os-release": b"ID=none\n"}]), "unscanned", work=False)
    await guarded.use("1")
    await guarded.pull()
    await guarded.registry.services.keeping.last_pulls.flush()

    async def effect(rule: str) -> str:
        text = f"version: 1\ngates:\n- {{name: r, repositories: shop/**, {rule}}}\n"
        plan = await Caller(guarded.registry.client)("POST", "/policy/plan", {"policy": text})
        (change,) = plan["changes"]
        return str(change["effect"])

    web = f"shop/web@{WEB.digest[:19]}"
    refused = f"of 3 images in its repositories, 1 would be refused ({web}), of which 1 in use and 1 pulled in the last"
    assert (await effect("block: {severity: critical}, unscanned: warn")).startswith(refused)
    assert "2 would be refused" in await effect("block: {severity: critical}, unscanned: block")
    assert await effect("warn: {severity: critical}") == "of 3 images in its repositories, none is decided otherwise"
    await guarded.apply(CRITICAL)
    text = "version: 1\ngates: []\n"
    plan = await Caller(guarded.registry.client)("POST", "/policy/plan", {"policy": text, "prune": True})
    assert plan["changes"][0]["effect"] == "of 3 images in its repositories, 1 would be refused no more"
