"""The audit trail through the management API: what its own changes leave there, and how it is asked."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from tests.api.caller import Caller, ask
from tests.conftest import PASSWORD, Registry
from tests.kit.client import Client, code_of, require
from tests.kit.images import image
from wharfinger.meta import audit, grants
from wharfinger.meta.audit import Entry, Filter
from wharfinger.meta.grants import GrantRow

IMAGE = image()


@pytest.fixture
def auditor(registry: Registry) -> Caller:
    return Caller(registry.as_("auditor"))


async def latest(registry: Registry, action: str) -> tuple[str, Any]:
    """Who did it last, and its detail."""
    await registry.services.trail.flush(everything=True)
    record = (await registry.services.db.read(audit.page, Filter(action=action), None, 1))[0]
    assert record.outcome == "done"
    assert record.address == "127.0.0.1"
    assert record.request
    return record.account, json.loads(record.detail)


ADMIN = "a-administrator"
ENABLED = {"kind": "person", "disabled": False, "owner": None}


async def test_changes_of_accounts_tell_before_and_after(registry: Registry, api: Caller) -> None:
    await api("POST", "/users", {"name": "ci"}, status=201)
    assert await latest(registry, "account.add") == (ADMIN, {"account": "ci", "after": ENABLED})
    await api("PATCH", "/users/ci", {"disabled": True})
    after = {"before": ENABLED, "after": ENABLED | {"disabled": True}, "password": False}
    assert await latest(registry, "account.change") == (ADMIN, {"account": "ci", **after})
    await api("PATCH", "/users/ci", {"password": "another horse battery"})
    who, detail = await latest(registry, "account.change")
    assert (who, detail["password"]) == (ADMIN, True)
    assert "horse" not in str(detail)
    made = await api("POST", "/grants", {"principal": "ci", "role": "reader", "pattern": "shop/**"}, status=201)
    await api("DELETE", "/users/ci", status=204)
    granted = [f"grant {made['id']}: ci reader on shop/**"]
    gone = {"account": "ci", "before": ENABLED | {"disabled": True}, "grants": granted}
    assert await latest(registry, "account.remove") == (ADMIN, gone)


async def test_a_service_account_is_called_so_by_whatever_way_it_is_changed(registry: Registry, api: Caller) -> None:
    service = ENABLED | {"kind": "service", "owner": ADMIN}
    for name in ("one", "two"):
        await api("POST", "/service-accounts", {"name": name, "owner": ADMIN}, status=201)
    await api("PATCH", "/users/one", {"disabled": True})
    after = {"before": service, "after": service | {"disabled": True}, "password": False}
    assert await latest(registry, "service-account.change") == (ADMIN, {"account": "one", **after})
    await api("DELETE", "/users/one", status=204)
    gone = {"account": "one", "before": service | {"disabled": True}, "grants": []}
    assert await latest(registry, "service-account.remove") == (ADMIN, gone)
    await api("PATCH", "/service-accounts/two", {"disabled": True})
    await api("DELETE", "/service-accounts/two", status=204)
    assert (await latest(registry, "service-account.change"))[1]["after"]["disabled"] is True
    assert (await latest(registry, "service-account.remove"))[1]["before"]["name"] == "two"


async def test_changes_of_groups_tell_who_was_in_them(registry: Registry, api: Caller) -> None:
    await api("POST", "/groups", {"name": "devs"}, status=201)
    assert await latest(registry, "group.add") == (ADMIN, {"group": "devs"})
    for _ in range(2):  # the second time changes nothing
        await api("PUT", "/members/a-reader/devs", status=204)
    member = {"group": "devs", "account": "a-reader"}
    assert await latest(registry, "member.add") == (ADMIN, member)
    assert len(await registry.services.db.read(audit.page, Filter(action="member.add"), None, 9)) == 1
    await api("DELETE", "/members/a-reader/devs", status=204)
    assert await latest(registry, "member.remove") == (ADMIN, member)
    await api("PUT", "/members/a-auditor/devs", status=204)
    made = await api("POST", "/grants", {"principal": "group:devs", "role": "reader", "pattern": "**"}, status=201)
    await api("DELETE", "/groups/devs", status=204)
    before = {"members": ["a-auditor"], "grants": [f"grant {made['id']}: group:devs reader on **"]}
    assert await latest(registry, "group.remove") == (ADMIN, {"group": "devs", "before": before})


async def test_grants_and_roles_tell_before_and_after(registry: Registry, api: Caller) -> None:
    made = await api("POST", "/grants", {"principal": "a-reader", "role": "publisher", "pattern": "shop/*"}, status=201)
    assert await latest(registry, "grant.add") == (ADMIN, {"after": made})
    await api("DELETE", f"/grants/{made['id']}", status=204)
    assert await latest(registry, "grant.remove") == (ADMIN, {"before": made})
    await api("PUT", "/roles/tagger", {"actions": ["tag"]})
    assert await latest(registry, "role.put") == (ADMIN, {"role": "tagger", "before": None, "after": ["tag"]})
    await api("PUT", "/roles/tagger", {"actions": ["tag", "pull"]})
    changed = {"role": "tagger", "before": ["tag"], "after": ["pull", "tag"]}
    assert await latest(registry, "role.put") == (ADMIN, changed)
    await api("DELETE", "/roles/tagger", status=204)
    assert await latest(registry, "role.remove") == (ADMIN, {"role": "tagger", "before": ["pull", "tag"]})


async def test_logging_in_and_out(registry: Registry) -> None:
    async with Client(app=registry.app) as client:
        answer = await ask(client, "POST", "/login", {"username": "a-reader", "password": PASSWORD})
        bearer = {"Authorization": f"Bearer {require(answer, 200).json()['token']}"}
        assert await latest(registry, "login") == ("a-reader", {"method": "password"})
        require(await ask(client, "DELETE", "/login", headers=bearer), 204)
    assert await latest(registry, "logout") == ("a-reader", {})


async def test_deletes_through_the_api_are_recorded_too(registry: Registry, api: Caller) -> None:
    await registry.client.push_image("shop/web", IMAGE, "1")
    await api("DELETE", "/tags/shop/web/1", status=204)
    assert (await latest(registry, "tag.delete"))[0] == ADMIN
    await api("DELETE", f"/manifests/shop/web/{IMAGE.digest}", status=204)
    assert (await latest(registry, "manifest.delete"))[0] == ADMIN


async def test_a_change_that_is_refused_leaves_a_denial_and_no_change(registry: Registry) -> None:
    reader = Caller(registry.as_("reader"))
    await reader("POST", "/users", {"name": "mallory"}, status=403)
    await reader("POST", "/grants", {"principal": "a-reader", "role": "administrator", "pattern": "**"}, status=403)
    await reader("DELETE", "/tags/shop/web/1", status=403)
    await registry.services.trail.flush(everything=True)
    found = await registry.services.db.read(audit.page, Filter(outcome="denied"), None, 10)
    told = [(record.account, json.loads(record.detail)["path"], record.repository) for record in reversed(found)]
    assert told == [
        ("a-reader", "/api/v1/users", None),
        ("a-reader", "/api/v1/grants", None),
        ("a-reader", "/api/v1/tags/shop/web/1", "shop/web"),
    ]
    assert await registry.services.db.read(audit.page, Filter(account="a-reader", outcome="done"), None, 10) == [
        *await registry.services.db.read(audit.page, Filter(account="a-reader", action="login"), None, 10)
    ]


# --- asking


async def fill(registry: Registry) -> None:
    """Twelve records over twelve minutes: of two accounts, three repositories, two outcomes."""
    now = registry.clock()
    entries = [
        Entry(
            now + 60 * number,
            "push" if number % 2 else "pull",
            "anna" if number % 3 else "bob",
            "denied" if number % 4 == 0 else "done",
            repository=f"shop/{number % 3}",
            digest=f"sha256:{number % 2}",
        )
        for number in range(12)
    ]
    await registry.services.db.write(audit.add_many, entries)


async def pages(api: Caller, query: str, n: int) -> list[Any]:
    found: list[Any] = []
    last: str | None = ""
    while last is not None:
        page = await api("GET", f"/audit?{query}&n={n}&last={last}")
        assert len(page["records"]) <= n
        found += page["records"]
        last = page["next"]
    return found


FILTERS: dict[str, Callable[[Any], bool]] = {
    "": lambda record: True,
    "account=anna": lambda record: record["account"] == "anna",
    "action=push": lambda record: record["action"] == "push",
    "repository=shop/1": lambda record: record["repository"] == "shop/1",
    "digest=sha256:1": lambda record: record["digest"] == "sha256:1",
    "outcome=denied": lambda record: record["outcome"] == "denied",
    "since=1800000120": lambda record: record["at"] >= 1800000120,
    "until=1800000120": lambda record: record["at"] < 1800000120,
    "account=anna&since=1800000060&until=1800000600&outcome=done": lambda record: (
        record["account"] == "anna" and 1800000060 <= record["at"] < 1800000600 and record["outcome"] == "done"
    ),
    "account=nobody": lambda record: False,
    "account=%00": lambda record: False,
}


@pytest.mark.parametrize("query", FILTERS)
async def test_filters_and_pages_find_what_they_should(registry: Registry, auditor: Caller, query: str) -> None:
    await fill(registry)
    everything = [r for r in await pages(auditor, "", 1000) if r["account"] in {"anna", "bob"}]
    assert len(everything) == 12
    assert [record["at"] for record in everything] == sorted((r["at"] for r in everything), reverse=True)
    expected = [record for record in everything if FILTERS[query](record)]
    for n in (1, 5, 1000):
        found = await pages(auditor, query, n)
        assert [record for record in found if record["account"] in {"anna", "bob"}] == expected


async def test_what_comes_meanwhile_does_not_disturb_the_pages(registry: Registry, auditor: Caller) -> None:
    await fill(registry)
    first = await auditor("GET", "/audit?n=3&account=anna")
    await fill(registry)
    second = await auditor("GET", f"/audit?n=3&account=anna&last={first['next']}")
    times = [record["at"] for record in first["records"] + second["records"]]
    assert times == sorted(set(times), reverse=True)


@pytest.mark.parametrize(
    "query",
    ["n=0", "n=1001", "last=x", "last=1", "last=1.0,x", "last=1e9,1", "last=nan,1", f"last=1,{'9' * 19}", "since=x",
     "until=-1", "since=nan", "since=inf", f"account={'x' * 513}", "repository=NO"],
)  # fmt: skip
async def test_a_malformed_question_is_refused(auditor: Caller, query: str) -> None:
    await auditor.refusal("GET", f"/audit?{query}", status=400)


async def test_who_may_ask(registry: Registry) -> None:
    for role, status in [("reader", 403), ("publisher", 403), ("maintainer", 403), ("auditor", 200)]:
        for path in ("/audit", "/audit?repository=shop/web", "/audit/status", "/audit/chain", "/audit/heads"):
            answer = await ask(registry.as_(role), "GET", path)
            assert answer.status_code == status, (role, path)
            if status == 403:
                assert code_of(answer) == "DENIED"


async def test_an_auditor_of_one_pattern_may_ask_about_that(registry: Registry) -> None:
    await fill(registry)
    row = GrantRow(0, "a-reader", "auditor", "shop/*", (), (), None, deny=False, created_at=0.0, created_by="tests")
    await registry.services.db.write(grants.add_grant, row)
    reader = Caller(registry.as_("reader"))
    found = await reader("GET", "/audit?repository=shop/1")
    assert {record["repository"] for record in found["records"]} == {"shop/1"}
    for path in ("/audit", "/audit?repository=other/1", "/audit/chain", "/audit/status", "/audit/heads"):
        await reader("GET", path, status=403)


@pytest.mark.parametrize("query", ["", "account=anna", "repository=shop/1", "digest=sha256:1", "since=1&until=2e9"])
async def test_a_page_is_read_in_the_order_of_an_index(registry: Registry, auditor: Caller, query: str) -> None:
    """So that it costs what it shows: nothing is sorted, and nothing before it is read."""
    engine = registry.services.db.engine
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by statistics, and with a dozen rows reads them all")
    plans: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _(connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "FROM audit_records" in statement and not statement.startswith("EXPLAIN"):
            raw = connection.connection.dbapi_connection
            plans.append(str(raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()))

    await pages(auditor, query, 2)
    assert plans
    for plan in plans:
        assert "USING INDEX" in plan, plan
        assert "TEMP B-TREE" not in plan, plan
