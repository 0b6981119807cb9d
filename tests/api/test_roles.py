"""Every route of the management API, asked by every role on ``**``, and by nobody.

A new route needs a row in ``TABLE``; a test says which lack one.
"""

import json
import re
from typing import NamedTuple

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import Connection

from tests.api.caller import ask
from tests.conftest import PASSWORD, ROLES, Registry
from tests.kit.client import Client, code_of, require
from tests.kit.clock import Clock
from tests.kit.images import image
from wharfinger.meta import accounts, exceptions, grants, holds, identities, in_use, repos, trusts
from wharfinger.meta.accounts import Account
from wharfinger.meta.grants import GrantRow, IssuerRow, SecretRow, TrustRow
from wharfinger.meta.identities import IdentityRow
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

IMAGE = image()
GONE = image(seed=1)
SCANNER = {"name": "trivy", "url": "http://plain.test", "account": "a-reader", "registry": "https://r.test"}
LOGIN = {"username": "a-reader", "password": PASSWORD}
GRANT = {"principal": "a-reader", "role": "publisher", "pattern": "shop/**"}
TOKEN = {"label": "x", "actions": ["pull"], "repositories": ["**"], "expires_at": Clock().now + 86400}
ANNA = {"account": "a-reader", "issuer": "https://x.test", "subject": "1"}
EXCEPTION = {
    "vulnerability": "CVE-2026-1000",
    "package": "openssl",
    "repositories": "shop/web",
    "reason": "x",
    "expires_at": Clock().now + 86400,
}
NOBODY = "nobody"
CALLERS = (NOBODY, *ROLES)
OF_A_WORKLOAD = {"POST /tokens": 403, "PUT /in-use/prod": 200}
"""Where it is answered otherwise than a person: tokens are for people; and here it is the first to report."""


class Row(NamedTuple):
    """A request, and what each caller is answered."""

    method: str
    path: str
    body: object
    statuses: dict[str, int]


def only(status: int, *roles: str) -> dict[str, int]:
    """``status`` for these, a refusal for all others."""
    return {caller: status if caller in roles else 401 if caller == NOBODY else 403 for caller in CALLERS}


def accounts_of_any_role(status: int) -> dict[str, int]:
    return only(status, *ROLES)


def administrators(status: int) -> dict[str, int]:
    return only(status, "administrator")


def overseers(status: int) -> dict[str, int]:
    return only(status, "auditor", "administrator")


CI = "https://ci.example.org"
CI_KEY = ECKey.generate_key("P-256")
JWKS = json.dumps({"keys": [CI_KEY.as_dict(private=False) | {"kid": "key-1"}]})

PUSHERS = only(200, "publisher", "maintainer", "administrator")

GLASS = {"reference": "1.4", "seconds": 60.0, "because": "x"}
TABLE = [
    Row("POST", "/login", LOGIN, dict.fromkeys(CALLERS, 200)),
    Row("DELETE", "/login", None, accounts_of_any_role(400)),  # whoever has an account may, but not with a password
    Row("GET", "/whoami", None, accounts_of_any_role(200)),
    Row("GET", "/users", None, administrators(200)),
    Row("POST", "/users", {"name": "new"}, administrators(201)),
    Row("PATCH", "/users/a-reader", {"disabled": False}, administrators(200)),
    Row("DELETE", "/users/a-reader", None, administrators(204)),
    Row("GET", "/repositories", None, accounts_of_any_role(200)),
    Row("GET", "/tags/shop/web", None, accounts_of_any_role(200)),
    Row("DELETE", "/tags/shop/web/1.4", None, only(204, "publisher", "maintainer", "administrator")),
    Row("GET", "/manifests/shop/web/1.4", None, accounts_of_any_role(200)),
    Row("DELETE", f"/manifests/shop/web/{IMAGE.digest}", None, only(204, "maintainer", "administrator")),
    Row("POST", "/tags/shop/web", {"digest": IMAGE.digest, "names": ["new"]}, PUSHERS),
    Row("GET", "/history/shop/web", None, accounts_of_any_role(200)),
    Row("GET", "/immutable/shop/web/1.4", None, accounts_of_any_role(200)),
    Row("POST", "/rollback/shop/web/1.4", {"to": IMAGE.digest}, PUSHERS),
    Row("GET", "/verdicts/shop/web/1.4", None, accounts_of_any_role(200)),
    Row("POST", "/verdicts/shop/web/1.4", {}, only(202, "maintainer", "administrator")),
    Row("GET", "/exceptions", None, accounts_of_any_role(200)),  # which: see tests/scanning/test_exceptions.py
    Row("POST", "/exceptions", EXCEPTION, only(201, "publisher", "maintainer", "administrator")),
    Row("GET", "/exceptions/1", None, accounts_of_any_role(200)),
    # The first who may decides; who asked for it is somebody else.
    Row("POST", "/exceptions/1/approve", {}, administrators(200)),
    Row("POST", "/exceptions/1/refuse", {"because": "x"}, administrators(200)),
    Row("POST", "/exceptions/1/withdraw", {}, administrators(200)),
    Row("GET", "/sboms/shop/web/1.4", None, accounts_of_any_role(404)),  # it was never scanned
    Row("GET", "/vex", None, accounts_of_any_role(200)),
    Row("POST", "/vex", {"name": "x", "document": "{}", "repositories": "shop/web"}, administrators(400)),  # it is none
    Row("DELETE", "/vex/1", None, accounts_of_any_role(404)),
    Row("GET", "/scanner-boms/shop/web/1.4?scanner=trivy", None, accounts_of_any_role(200)),
    Row("GET", "/scanners", None, overseers(200)),
    Row("POST", "/scanners", SCANNER, only(400, "administrator")),  # it is not https
    Row("DELETE", "/scanners/trivy", None, only(404, "administrator")),
    Row("POST", "/lifecycle/plan", {}, accounts_of_any_role(200)),  # of what they may pull
    Row("POST", "/lifecycle/apply", {}, accounts_of_any_role(400)),  # with a plan, only who may delete what is in it
    Row("GET", "/lifecycle/runs", None, accounts_of_any_role(200)),  # their own
    Row("GET", "/lifecycle/runs/1", None, accounts_of_any_role(404)),
    Row("POST", "/lifecycle/runs/1/undo", None, accounts_of_any_role(404)),
    Row("GET", "/explain/shop/web/1.4", None, accounts_of_any_role(200)),
    Row("POST", "/lifecycle/replay", {"days": 90}, overseers(200)),
    Row("GET", "/trash", None, accounts_of_any_role(200)),  # of what they may delete
    Row("GET", "/doomed", None, accounts_of_any_role(200)),  # of what they may pull
    Row("POST", "/trash/restore/shop/web", {"reference": GONE.digest}, only(200, "maintainer", "administrator")),
    Row("POST", "/trash/empty/shop/web", {"digests": None}, only(200, "maintainer", "administrator")),
    Row("POST", "/purge", {"digest": GONE.digest, "because": "x"}, administrators(200)),
    Row("GET", "/holds", None, accounts_of_any_role(200)),
    Row("POST", "/holds/shop/web", {"reference": "1.4", "because": "x"}, only(201, "maintainer", "administrator")),
    # The first who may takes it away.
    Row("DELETE", "/holds/1", None, only(204, "maintainer") | {"auditor": 404, "administrator": 404}),
    Row("GET", "/gates", None, accounts_of_any_role(200)),  # of what they may pull
    Row("GET", "/breakglass", None, accounts_of_any_role(200)),
    Row("POST", "/breakglass/shop/web", GLASS, only(201, "administrator")),
    Row("DELETE", "/breakglass/1", None, accounts_of_any_role(404)),  # there is none
    Row("GET", "/in-use", None, accounts_of_any_role(200)),
    # Any role; but a name belongs to whoever was the first to report under it.
    Row("PUT", "/in-use/prod", {"interval": 60, "images": []}, only(200, "reader")),
    Row("DELETE", "/in-use/edge", None, administrators(204)),
    Row("GET", "/grants", None, accounts_of_any_role(200)),  # which: see tests/access/test_attacks.py
    Row("POST", "/grants", GRANT, administrators(201)),
    Row("DELETE", "/grants/1", None, administrators(204)),
    Row("GET", "/roles", None, accounts_of_any_role(200)),
    Row("PUT", "/roles/own", {"actions": ["pull"]}, administrators(200)),
    Row("DELETE", "/roles/own", None, administrators(204)),
    Row("GET", "/groups", None, administrators(200)),
    Row("POST", "/groups", {"name": "new"}, administrators(201)),
    Row("DELETE", "/groups/shop/devs", None, administrators(204)),
    Row("PUT", "/members/a-reader/shop/devs", None, administrators(204)),
    Row("DELETE", "/members/a-auditor/shop/devs", None, administrators(204)),
    # Whose it is counts too: see tests/access/test_secrets.py. Here all belongs to the administrator.
    Row("GET", "/service-accounts", None, accounts_of_any_role(200)),
    Row("POST", "/service-accounts", {"name": "new", "owner": "a-reader"}, administrators(201)),
    Row("PATCH", "/service-accounts/ci", {"disabled": False}, administrators(200)),
    Row("DELETE", "/service-accounts/ci", None, administrators(204)),
    Row("GET", "/service-accounts/ci/secrets", None, only(200, "auditor", "administrator")),
    Row("POST", "/service-accounts/ci/secrets", {"label": "x", "expires_at": None}, administrators(201)),
    Row("GET", "/tokens", None, accounts_of_any_role(200)),
    Row("POST", "/tokens", TOKEN, accounts_of_any_role(201)),
    Row("DELETE", "/secrets/5ec2e7", None, administrators(204)),
    Row("GET", "/identities", None, administrators(200)),
    Row("POST", "/identities", ANNA | {"subject": "2"}, administrators(201)),
    Row("POST", "/identities/remove", ANNA, administrators(204)),
    Row("POST", "/device", {"client": "tests"}, dict.fromkeys(CALLERS, 200)),
    Row("POST", "/device/token", {"device_code": "x"}, dict.fromkeys(CALLERS, 400)),
    Row("GET", "/policy", None, overseers(200)),
    Row("POST", "/policy/plan", {"policy": "version: 1\naccess: {}\n"}, overseers(200)),
    Row("POST", "/policy/apply", {"policy": "version: 1\naccess: {}\n"}, administrators(200)),
    Row(
        "GET",
        "/access/explain?who=a-reader&action=pull&where=shop/web",
        None,
        only(200, "reader", "auditor", "administrator"),  # everybody about themselves
    ),
    Row("GET", "/access/matrix", None, overseers(200)),
    Row("GET", "/access/review", None, overseers(200)),
    Row("GET", "/issuers", None, accounts_of_any_role(200)),
    Row("POST", "/issuers", {"url": "https://new.example.org", "audience": "ours", "jwks": JWKS}, administrators(201)),
    Row("DELETE", f"/issuers?url={CI}", None, administrators(200)),
    Row("GET", "/trusts", None, accounts_of_any_role(200)),
    Row("POST", "/trusts", {"account": "ci", "issuer": CI, "claims": {"sub": "2"}}, administrators(201)),
    Row("POST", "/trusts/test", {"account": "ci", "token": "x"}, administrators(400)),  # which is no token
    # Whose rules others may have is nobody's business: to them there is none.
    Row("DELETE", "/trusts/7", None, dict.fromkeys(CALLERS, 404) | {NOBODY: 401, "administrator": 204}),
    Row("GET", "/audit", None, overseers(200)),
    Row("GET", "/audit/status", None, overseers(200)),
    Row("GET", "/audit/chain", None, overseers(200)),
    Row("GET", "/audit/heads", None, overseers(200)),
    Row("GET", "/find?q=CVE-2026-1", None, accounts_of_any_role(200)),
    Row("GET", "/usage", None, accounts_of_any_role(200)),
    Row("GET", "/usage/store", None, overseers(200)),
    Row("GET", "/usage/days/shop/web", None, accounts_of_any_role(200)),
    Row("GET", "/usage/without/shop/web/1.4", None, accounts_of_any_role(200)),
    Row("GET", "/collection", None, administrators(200)),
    Row("GET", "/collection/candidates", None, administrators(200)),
    Row("POST", "/collection/runs", {}, administrators(200)),
]


@pytest.fixture
async def furnished(registry: Registry) -> Registry:
    """With what the requests are about."""
    await registry.client.push_image("shop/web", IMAGE, "1.4")
    await registry.client.push_image("shop/web", GONE)
    await registry.client.delete_manifest("shop/web", GONE.digest)
    await registry.services.db.write(_furnish)
    registry.services.authenticator.directory.forget()
    return registry


def _furnish(tx: Connection) -> None:
    accounts.begin_change(tx)
    repository = repos.require(tx, RepoName("shop/web"))
    holds.add(tx, repository, Digest("sha256:" + 64 * "0"), None, "tests", "tests", 0.0)
    in_use.replace(tx, "edge", "a-administrator", 60, [], 0.0)
    wanted = exceptions.Wanted("CVE-2026-1", "openssl", "shop/web", None, "x", "tests", "", Clock().now + 86400)
    exceptions.add(tx, wanted, "tests", 0.0)
    grants.put_role(tx, "own", ["push"])
    grants.add_group(tx, "shop/devs", 0.0)
    grants.add_member(tx, "shop/devs", "a-auditor")
    service = Account("ci", "", disabled=False, generation=1, created_at=0, kind="service", owner="a-administrator")
    accounts.add(tx, service)
    trusts.add_issuer(tx, IssuerRow(CI, "ours", JWKS, private=False, created_at=0))
    trusts.add_trust(tx, TrustRow(7, CI, "ci", {"sub": ["1"]}, 0, "tests"))
    identities.add(tx, IdentityRow(ANNA["issuer"], ANNA["subject"], ANNA["account"]))
    grants.add_secret(tx, SecretRow("5ec2e7", "ci", "secret", "", "0" * 64, None, None, 0, "tests", None, None))


def _workload(tx: Connection) -> None:
    generation = accounts.begin_change(tx)
    service = Account("pipeline", "", disabled=False, generation=generation, created_at=0, kind="service", owner=None)
    accounts.add(tx, service)
    trusts.add_trust(tx, TrustRow(generation, CI, "pipeline", {"sub": ["pipeline"]}, 0, "tests"))
    publishes = GrantRow(0, "pipeline", "publisher", "**", (), (), None, deny=False, created_at=0, created_by="tests")
    grants.add_grant(tx, publishes)


async def test_a_workload_may_what_a_person_of_the_same_role_may(furnished: Registry) -> None:
    await furnished.services.db.write(_workload)
    furnished.services.authenticator.directory.forget()
    now = int(furnished.clock())
    claims = {"iss": CI, "aud": "ours", "sub": "pipeline", "iat": now, "exp": now + 300}
    token = jwt.encode({"alg": "ES256", "kid": "key-1"}, claims, CI_KEY)
    async with Client(app=furnished.app, account=("pipeline", token)) as client:
        for row in TABLE:
            await furnished.client.push_image("shop/web", IMAGE, "1.4")  # if the one before took it away
            answer = await ask(client, row.method, row.path, row.body)
            status = OF_A_WORKLOAD.get(f"{row.method} {row.path}", row.statuses["publisher"])
            assert answer.status_code == status, (row, answer.text)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method} {row.path[:30]}")
async def test_a_role_may_do_exactly_what_the_table_says(furnished: Registry, row: Row) -> None:
    async with Client(app=furnished.app) as nobody:
        for caller in CALLERS:
            await furnished.client.push_image("shop/web", IMAGE, "1.4")
            await furnished.client.delete_manifest("shop/web", GONE.digest)  # if the one before brought it back
            client = nobody if caller == NOBODY else furnished.as_(caller)
            answer = await ask(client, row.method, row.path, row.body)
            status = row.statuses[caller]
            assert answer.status_code == status, (caller, answer.text)
            if status in {401, 403}:
                assert code_of(answer) == {401: "UNAUTHORIZED", 403: "DENIED"}[status]
                assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_the_table_has_every_route(registry: Registry) -> None:
    document = require(await ask(registry.client, "GET", "/openapi.json"), 200).json()
    routes = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    lacking = [route for route in routes if not any(_is(row, *route) for row in TABLE)]
    assert lacking == []
    beside = [row[:2] for row in TABLE if not any(_is(row, *route) for route in routes)]
    assert beside == []
    assert len(TABLE) == len(routes)


def _is(row: Row, method: str, path: str) -> bool:
    """Whether the row is one of the route; only repositories and names of groups have slashes."""
    with_slashes = re.sub(r"\{repository\}|(?<=groups/)\{name\}|(?<=\{account\}/)\{name\}", ".+", path)
    return (
        row.method == method
        and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", with_slashes), row.path.partition("?")[0]) is not None
    )


async def test_an_access_token_of_the_registry_is_not_for_the_management_api(furnished: Registry) -> None:
    answer = await furnished.client.request("GET", "/token", params={"scope": "repository:shop/web:pull,push,delete"})
    bearer = {"Authorization": f"Bearer {require(answer, 200).json()['token']}"}
    for row in (row for row in TABLE if row.statuses[NOBODY] == 401):
        answer = await furnished.client.request(row.method, f"/api/v1{row.path}", headers=bearer)
        assert answer.status_code == 401, row


async def test_the_refusal_says_what_is_missing(furnished: Registry) -> None:
    answer = await ask(furnished.as_("reader"), "DELETE", "/tags/shop/web/1.4")
    assert answer.json()["errors"][0]["message"] == "nothing lets a-reader tag in shop/web"
