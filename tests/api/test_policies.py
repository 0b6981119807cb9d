"""Policies and oversight through the management API: who may ask what, and what is answered."""

import pytest

from tests.api.caller import Caller, ask
from tests.conftest import PASSWORD, Registry
from tests.kit.client import Client, code_of, require
from wharfinger.meta import accounts, grants
from wharfinger.meta.accounts import Account
from wharfinger.meta.grants import GrantRow

POLICY = "version: 1\naccess:\n  groups: {shop: [a-reader]}\n"
ASKED = {"policy": POLICY}
EXPLAIN = "/access/explain?who=a-reader&action=push&where=shop/web:1.0"

# method, path, body, and the status for: nobody, a reader, a publisher, a maintainer, an auditor, an administrator
TABLE = [
    ("GET", "/policy", None, 401, 403, 403, 403, 200, 200),
    ("POST", "/policy/plan", ASKED, 401, 403, 403, 403, 200, 200),
    ("POST", "/policy/apply", ASKED, 401, 403, 403, 403, 403, 200),
    ("GET", EXPLAIN, None, 401, 200, 403, 403, 200, 200),
    ("GET", "/access/matrix", None, 401, 403, 403, 403, 200, 200),
    ("GET", "/access/review", None, 401, 403, 403, 403, 200, 200),
]
CALLERS = (None, "reader", "publisher", "maintainer", "auditor", "administrator")


@pytest.mark.parametrize(("method", "path", "body", "statuses"), [(*row[:3], row[3:]) for row in TABLE])
async def test_a_role_may_do_exactly_what_the_table_says(
    registry: Registry, method: str, path: str, body: object, statuses: tuple[int, ...]
) -> None:
    async with Client(app=registry.app) as nobody:
        for role, status in zip(CALLERS, statuses, strict=True):
            answer = await ask(registry.as_(role) if role else nobody, method, path, body)
            assert answer.status_code == status, (role, answer.text)
            if status in {401, 403}:
                assert code_of(answer) == {401: "UNAUTHORIZED", 403: "DENIED"}[status]


async def somebody(registry: Registry, name: str, role: str, where: str) -> Caller:
    """A further account, with one grant."""
    from tests.conftest import hashed_password

    account = Account(name, hashed_password(), disabled=False, generation=1, created_at=0)
    await registry.services.db.write(accounts.add, account)
    grant = GrantRow(0, name, role, where, (), (), None, deny=False, created_at=0, created_by="tests")
    await registry.services.db.write(grants.add_grant, grant)
    await registry.services.db.write(accounts.begin_change)
    registry.services.authenticator.directory.forget()
    registry.opened.append(Client(app=registry.app, account=(name, PASSWORD)))
    return Caller(registry.opened[-1])


async def test_a_policy_is_planned_applied_and_exported(api: Caller) -> None:
    plan = await api("POST", "/policy/plan", ASKED)
    assert [(change["kind"], change["text"]) for change in plan["changes"]] == [
        ("add", "group shop"),
        ("add", "a-reader in group shop"),
    ]
    await api("POST", "/policy/apply", ASKED | {"hash": plan["hash"]})
    assert "shop:" in (await api("GET", "/policy"))["policy"]
    assert (await api("POST", "/policy/plan", ASKED))["changes"] == []


async def test_a_plan_that_is_out_of_date_is_refused(api: Caller) -> None:
    plan = await api("POST", "/policy/plan", ASKED)
    await api("POST", "/groups", {"name": "others"}, status=201)
    said = await api.refusal("POST", "/policy/apply", ASKED | {"hash": plan["hash"]}, status=412)
    assert "access has changed" in said


async def test_every_problem_is_in_the_answer(api: Caller) -> None:
    wrong = {"policy": "version: 2\nacces: 1\n"}
    answer = await api("POST", "/policy/plan", wrong, status=400)
    assert len(answer["errors"][0]["detail"]["problems"]) == 2


async def test_a_policy_may_be_longer_than_other_bodies_and_has_its_limit(api: Caller, registry: Registry) -> None:
    await api("POST", "/policy/plan", {"policy": POLICY + "#" * 900_000})
    await api("POST", "/policy/plan", {"policy": POLICY + "#" * 1_100_000}, status=400)
    require(await ask(registry.client, "POST", "/policy/plan", {"policy": "#" * 2_100_000}), 413)


async def test_who_has_audit_on_a_pattern_may_explain_there_and_learns_nothing_of_elsewhere(registry: Registry) -> None:
    auditor = await somebody(registry, "shop-auditor", "auditor", "shop/**")
    await somebody(registry, "ci-other", "publisher", "other/**")
    await auditor("GET", "/access/explain?who=ci-other&action=push&where=other/web", status=403)
    answer = await auditor("GET", "/access/explain?who=ci-other&action=push&where=shop/web")
    assert (answer["allowed"], answer["near"]) == (False, [])
    assert answer["commands"] == ["wharf grant add ci-other publisher shop/web"]
    administrator = Caller(registry.client)
    answer = await administrator("GET", "/access/explain?who=ci-other&action=push&where=shop/web")
    assert [near["aspect"] for near in answer["near"]] == ["pattern"]


async def test_whoever_asks_about_themselves_is_not_told_of_groups(registry: Registry, api: Caller) -> None:
    await api("POST", "/groups", {"name": "pushers"}, status=201)
    await api("POST", "/grants", {"principal": "group:pushers", "role": "publisher", "pattern": "**"}, status=201)
    reader = Caller(registry.as_("reader"))
    assert "pushers" not in str(await reader("GET", EXPLAIN))
    assert "pushers" in str(await api("GET", EXPLAIN))


async def test_an_explanation_is_of_an_address_and_a_time(api: Caller) -> None:
    body = {"principal": "a-reader", "role": "publisher", "pattern": "lan/*", "networks": ["10.0.0.0/8"]}
    await api("POST", "/grants", body | {"until": 4_000_000_000.0}, status=201)
    ask_ = "/access/explain?who=a-reader&action=push&where=lan/x"
    assert (await api("GET", f"{ask_}&address=10.0.0.1"))["allowed"]
    assert not (await api("GET", ask_))["allowed"]
    assert not (await api("GET", f"{ask_}&address=10.0.0.1&at=4000000001"))["allowed"]


@pytest.mark.parametrize(
    "query",
    [
        "who=a-reader&action=fly&where=a",
        "who=UP&action=pull&where=a",
        "who=a-reader&action=pull&where=A",
        "who=a-reader",
        "who=a-reader&action=pull&where=a&address=nowhere",
    ],
)
async def test_what_cannot_be_asked_is_refused(api: Caller, query: str) -> None:
    await api("GET", f"/access/explain?{query}", status=400)
    await api("GET", "/access/matrix?repo=/**", status=400)
    await api("GET", "/access/review?days=0", status=400)


async def test_nobody_is_said_to_have_no_permissions_who_is_not_there(api: Caller) -> None:
    for who in ("nosuch", "group:nosuch", "UP"):
        await api("GET", f"/access/matrix?who={who}", status=404)
    await api("GET", "/access/explain?who=group:nosuch&action=pull&where=a", status=404)
    assert (await api("GET", "/access/matrix?who=anonymous"))["rows"] == []


EVERYBODY = ["a-administrator", "a-auditor", "a-maintainer", "a-publisher", "a-reader", "anonymous"]


async def test_the_matrix_has_everybody(api: Caller) -> None:
    await api("POST", "/grants", {"principal": "anonymous", "role": "reader", "pattern": "open/*"}, status=201)
    page = await api("GET", "/access/matrix")
    assert ([row["account"] for row in page["rows"]], page["next"]) == (EVERYBODY, None)
    assert [row["account"] for row in (await api("GET", "/access/matrix?last=a-publisher"))["rows"]] == EVERYBODY[-2:]
    (row,) = (await api("GET", "/access/matrix?repo=open/x&who=anonymous"))["rows"]
    assert (row["where"], row["actions"], row["via"]) == ("open/x", ["pull"], "anonymous")


async def test_who_is_disabled_is_not_in_the_matrix(api: Caller) -> None:
    await api("PATCH", "/users/a-reader", {"disabled": True})
    assert (await api("GET", "/access/matrix?who=a-reader"))["rows"] == []
    answer = await api("GET", "/access/explain?who=a-reader&action=pull&where=a")
    assert (answer["allowed"], answer["commands"]) == (False, ["wharf users enable a-reader"])
