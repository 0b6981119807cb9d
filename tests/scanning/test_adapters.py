"""Other scanners are asked by Harbor's protocol about what is pushed, and what they say stands beside what we say."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.api.caller import Caller, ask
from tests.conftest import Registry
from tests.kit.advisories import osv, up_to
from tests.kit.client import Client
from tests.kit.parts.adapter import CYCLONEDX, GENERIC, HARBOR, RAW, Adapter, adapter, basic
from tests.scanning import trees
from tests.scanning.test_on_push import WEB, Scanner, push
from wharfinger.access.fetch import Fetch
from wharfinger.jobs.queue import Queue
from wharfinger.meta import jobs, scanners
from wharfinger.scanning.adapters.asking import FIRST_DELAY, TRIES_AT_MOST, WAIT_AT_MOST, Asking
from wharfinger.spec.digest import Digest

OPENSSL = osv("DSA-1", "Debian:12", "openssl", *up_to("3.0.2-1"), aliases=["CVE-2022-1"])
SAME = {
    "id": "CVE-2022-1",
    "package": "openssl",
    "version": "3.0.1-1",
    "fix_version": "3.0.2-1",
    "severity": "Critical",
    "preferred_cvss": {"score_v3": 9.8, "vector_v3": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},
}
OTHER = {"id": "CVE-2024-9", "package": "Flask", "version": "0.12", "severity": "Medium", "links": []}


@dataclass
class Asked:
    """A registry with an adapter beside it, step by step."""

    registry: Registry
    adapter: Adapter
    asking: Asking = field(init=False)
    api: Caller = field(init=False)

    def __post_init__(self) -> None:
        services = self.registry.services
        self.asking = Asking(
            services.db, services.authenticator, self.registry.clock, services.scanners.vault, Fetch(seconds=5)
        )
        self.api = Caller(self.registry.client)

    async def register(self, name: str = "trivy", **fields: Any) -> Any:
        known = {each["name"] for each in (await self.api("GET", "/service-accounts"))["service_accounts"]}
        if "puller" not in known:
            await self.api("POST", "/service-accounts", {"name": "puller", "owner": "a-administrator"}, status=201)
            grant = {"principal": "puller", "role": "reader", "pattern": "shop/**"}
            await self.api("POST", "/grants", grant, status=201)
        wanted = {"name": name, "url": self.adapter.url, "account": "puller", "private": True}
        return await self.api("POST", "/scanners", wanted | {"registry": "http://registry.test"} | fields, status=201)

    async def step(self) -> bool:
        """Do the next job that is due, in a process of its own as far as anything is kept in one."""
        services = self.registry.services
        return await Queue(services.db, {scanners.KIND: self.asking.step}, self.registry.clock).once()

    async def steps(self, seconds: float = 10.0, digest: str = WEB.digest) -> int:
        """Do what there is until there is nothing more to do, waiting whenever it has to; how often."""
        count = 0
        while await self.registry.services.db.read(jobs.waiting_for, scanners.KIND, [f"{digest} trivy"]):
            count += await self.step()
            self.registry.clock.advance(seconds=seconds)
            assert count < 50, "it does not end"
        return count

    async def said(self) -> dict[str, Any]:
        """What is told of the one scanner."""
        (image,) = (await self.api("GET", "/verdicts/shop/web/1"))["images"]
        (said,) = image["scanners"]
        return dict(said)

    async def listed(self) -> dict[str, Any]:
        (found,) = (await self.api("GET", "/scanners"))["scanners"]
        return dict(found)


@pytest.fixture
def running() -> Iterator[Adapter]:
    with adapter() as found:
        yield found


@pytest.fixture
def asked(registry: Registry, running: Adapter) -> Asked:
    return Asked(registry, running)


@pytest.fixture
def scanner(registry: Registry, tmp_path: Path) -> Scanner:
    return Scanner(registry, tmp_path)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
async def test_what_two_have_found_is_one_finding_with_two_sources(
    asked: Asked, scanner: Scanner, version: str
) -> None:
    asked.adapter.version = version
    asked.adapter.vulnerabilities = [SAME, OTHER]
    await asked.register()
    scanner.advise(OPENSSL)
    await push(scanner)
    await scanner.work()
    assert await asked.steps() == 3  # asked, not ready, reported
    (image,) = await scanner.of()
    flask, openssl = image["verdict"]["report"]["findings"]
    assert (flask["id"], flask["package"], flask["scanners"]) == ("CVE-2024-9", "Flask", ["trivy"])
    assert (flask["purl"], flask["state"], flask["severity"]) == ("pkg:pypi/flask@0.12", "affected", "medium")
    assert (openssl["id"], openssl["scanners"], openssl["fixed"]) == ("CVE-2022-1", ["wharfinger", "trivy"], "3.0.2-1")
    vector = SAME["preferred_cvss"]["vector_v3"]  # type: ignore[index]
    assert {"source": "trivy", "severity": "critical", "vector": vector} in openssl["ratings"]
    assert openssl["severity"] == "critical"  # ours was unknown
    assert image["verdict"]["counts"] | {"critical": 1, "medium": 1} == image["verdict"]["counts"]
    said = await asked.said()
    assert (said["name"], said["version"], said["vulnerabilities"]) == ("Trivy", "0.55.2", 2)


async def test_what_a_request_says_and_what_a_report_is_asked_as(asked: Asked, scanner: Scanner) -> None:
    await asked.register(sbom=True)
    await push(scanner)
    await asked.steps()
    (request,) = asked.adapter.requests
    assert request["artifact"] == {
        "repository": "shop/web",
        "digest": WEB.digest,
        "mime_type": "application/vnd.oci.image.manifest.v1+json",
    }
    assert request["registry"]["url"] == "http://registry.test"
    assert request["enabled_capabilities"] == [
        {"type": "vulnerability", "produces_mime_types": [GENERIC]},
        {
            "type": "sbom",
            "produces_mime_types": ["application/vnd.security.sbom.report+json; version=1.0"],
            "parameters": {"sbom_media_types": [CYCLONEDX]},
        },
    ]
    bills = (await asked.api("GET", "/scanner-boms/shop/web/1?scanner=trivy"))["bills"]
    assert bills[WEB.digest]["bomFormat"] == "CycloneDX"


@pytest.mark.parametrize("bearer", [False, True])
async def test_the_credential_pulls_from_that_repository_and_does_nothing_else(
    asked: Asked, scanner: Scanner, *, bearer: bool
) -> None:
    asked.adapter.bearer = bearer
    await asked.register()
    await push(scanner)
    await asked.step()
    await scanner.registry.client.push_image("shop/other", WEB, "1")
    shown = {"Authorization": asked.adapter.requests[0]["registry"]["authorization"]}
    assert shown["Authorization"].startswith("Bearer " if bearer else "Basic ")
    anyone = Client(app=scanner.registry.app)
    scanner.registry.opened.append(anyone)

    async def status(method: str, path: str) -> int:
        return (await anyone.request(method, path, headers=shown)).status_code

    assert await status("GET", f"/v2/shop/web/manifests/{WEB.digest}") == 200
    assert await status("GET", f"/v2/shop/other/manifests/{WEB.digest}") == 401
    assert await status("DELETE", f"/v2/shop/web/manifests/{WEB.digest}") == 401
    assert await status("POST", "/v2/shop/web/blobs/uploads/") == 401
    assert await status("GET", "/api/v1/repositories") == 401
    scopes = "scope=repository:shop/web:pull,push&scope=repository:shop/other:pull&offline_token=true"
    got = await anyone.request("GET", f"/token?{scopes}", headers=shown)
    if bearer:
        assert got.status_code == 401
    else:
        assert got.status_code == 200
        assert "refresh_token" not in got.json()
        token = {"Authorization": f"Bearer {got.json()['token']}"}
        for path, wanted in (("shop/web", 200), ("shop/other", 401)):
            answer = await anyone.request("GET", f"/v2/{path}/manifests/{WEB.digest}", headers=token)
            assert answer.status_code == wanted
        again = {"Authorization": basic("puller", got.json()["token"])}
        assert (await anyone.request("GET", f"/token?{scopes}", headers=again)).status_code == 401
        stolen = {"Authorization": basic("a-administrator", got.json()["token"])}
        assert (await anyone.request("GET", f"/token?{scopes}", headers=stolen)).status_code == 401
    scanner.registry.clock.advance(seconds=1801)
    assert await status("GET", f"/v2/shop/web/manifests/{WEB.digest}") == 401


async def test_what_its_account_may_not_pull_it_is_not_asked_about(asked: Asked, scanner: Scanner) -> None:
    await asked.register()
    await scanner.registry.client.push_image("private/web", WEB, "1")
    await asked.step()
    assert asked.adapter.requests == []
    (image,) = (await asked.api("GET", "/verdicts/private/web/1"))["images"]
    assert image["scanners"][0]["problem"] == "the account puller may not pull from private/web"


async def test_an_adapter_that_is_away_is_asked_less_and_less_and_its_last_report_stays(
    asked: Asked, scanner: Scanner
) -> None:
    asked.adapter.vulnerabilities = [SAME]
    await asked.register()
    await push(scanner)
    await asked.steps()
    assert (await asked.said())["vulnerabilities"] == 1
    asked.adapter.credential = "Bearer changed"  # it answers, and not to us: as good as away
    await asked.api("POST", "/verdicts/shop/web/1", {}, status=202)
    before, clock = len(asked.adapter.asked), asked.registry.clock
    assert await asked.step()
    assert not await asked.step()
    assert "credential" in (await asked.listed())["problem"]
    clock.advance(seconds=FIRST_DELAY + 1)
    assert await asked.step()
    clock.advance(seconds=FIRST_DELAY + 1)
    assert not await asked.step(), "the second time it is longer"
    assert len(asked.adapter.asked) == before + 2
    assert (await asked.said())["vulnerabilities"] == 1
    asked.adapter.credential = ""
    clock.advance(seconds=3600)
    await asked.steps()
    assert (await asked.listed())["problem"] == ""


async def test_who_was_killed_between_two_steps_asks_for_no_second_scan(asked: Asked, scanner: Scanner) -> None:
    asked.adapter.polls = 3
    await asked.register()
    await push(scanner)
    assert await asked.step()
    services = asked.registry.services
    asked.asking = Asking(services.db, services.authenticator, asked.registry.clock, services.scanners.vault)
    await asked.steps()
    assert len(asked.adapter.requests) == 1
    assert (await asked.said())["reported_at"] is not None


async def test_who_was_killed_within_a_step_is_followed_by_another(asked: Asked, scanner: Scanner) -> None:
    await asked.register()
    await push(scanner)
    db, clock = asked.registry.services.db, asked.registry.clock
    assert await db.write(jobs.claim, (scanners.KIND,), "who dies", clock(), clock() + 60) is not None
    assert not await asked.step()
    clock.advance(seconds=61)
    await asked.steps()
    assert (await asked.said())["reported_at"] is not None


async def test_it_waits_as_long_as_it_is_told_and_not_for_ever(asked: Asked, scanner: Scanner) -> None:
    asked.adapter.polls = 10**6
    await asked.register()
    await push(scanner)
    await asked.step()
    asked.registry.clock.advance(seconds=6)
    assert await asked.step()
    asked.registry.clock.advance(seconds=6)
    assert not await asked.step(), "it has said seven seconds"
    asked.registry.clock.advance(seconds=WAIT_AT_MOST)
    assert await asked.step()
    assert "no report came within 30 minutes" in (await asked.said())["problem"]


@pytest.mark.parametrize("how", ["fails", "forgets"])
async def test_a_scan_that_fails_is_asked_for_anew_some_times(asked: Asked, scanner: Scanner, how: str) -> None:
    setattr(asked.adapter, how, "running trivy wrapper: no database" if how == "fails" else True)
    await asked.register()
    await push(scanner)
    await asked.steps(seconds=600)
    assert len(asked.adapter.requests) == TRIES_AT_MOST
    assert ("no database" if how == "fails" else "knows nothing") in (await asked.said())["problem"]
    asked.adapter.fails, asked.adapter.forgets = "", False
    await scanner.work()
    assert await asked.asking.again() == 0
    asked.registry.clock.advance(days=1)
    assert await asked.asking.again() == 1
    assert await asked.asking.again() == 0, "it waits already"
    await asked.steps()
    assert (await asked.said())["problem"] == ""


async def test_what_it_refuses_is_told_and_not_asked_again(asked: Asked, scanner: Scanner) -> None:
    asked.adapter.refuses = (422, "invalid registry_url\x1b[31m")
    await asked.register()
    await push(scanner)
    assert await asked.steps() == 1
    problem = (await asked.said())["problem"]
    assert problem.endswith("refuses to scan it (422: invalid registry_url[31m)")


async def test_a_scanner_that_comes_later_is_asked_about_what_is_there(asked: Asked, scanner: Scanner) -> None:
    await push(scanner)
    await scanner.work()
    await asked.register()
    assert await asked.asking.again() == 1
    await asked.steps()
    assert (await asked.listed())["reported"] == 1
    await asked.api("DELETE", "/scanners/trivy", status=204)
    assert (await scanner.of())[0]["scanners"] == []
    assert await asked.asking.again() == 0


async def test_reports_go_with_the_image(asked: Asked, scanner: Scanner) -> None:
    await asked.register()
    await push(scanner)
    await asked.steps()
    assert await asked.asking.sweep() == 0
    await asked.api("DELETE", f"/manifests/shop/web/{WEB.digest}", status=204)
    await asked.api("POST", "/purge", {"digest": WEB.digest, "because": "a test"})
    assert await asked.asking.sweep() == 1


async def test_registering_says_what_is_wrong(asked: Asked) -> None:
    await asked.register("fine", auth="bearer", secret="let me in")
    listed = await asked.listed()
    assert "let me in" not in str(listed)
    assert listed["scanner"] == "Trivy"
    trail = str((await asked.api("GET", "/audit?action=scanner.add"))["records"])
    assert "fine" in trail
    assert "let me in" not in trail

    async def refusal(status: int = 400, **fields: Any) -> str:
        wanted = {"name": "x", "url": asked.adapter.url, "account": "puller", "private": True, "registry": "https://r"}
        return await asked.api.refusal("POST", "/scanners", wanted | fields, status=status)

    assert "there already" in await refusal(409, name="fine")
    assert "want https" in await refusal(private=False)
    assert "set public_url" in await refusal(registry=None)
    assert "NAME:PASSWORD" in await refusal(auth="basic", secret="no colon")
    assert "both how and what" in await refusal(auth="bearer")
    assert "an hour at least" in await refusal(every=1.0)
    assert "invalid name" in await refusal(name="wharfinger")
    assert await refusal(404, account="nobody")
    asked.adapter.produces = (RAW,)
    assert "makes no report" in await refusal()
    asked.adapter.produces, asked.adapter.credential = (HARBOR,), basic("wharf", "pässword")
    assert "credential (401)" in await refusal(502)
    await asked.register("proven", auth="basic", secret="wharf:pässword")


async def test_an_address_that_nothing_is_sent_to_is_refused_whatever_is_allowed(asked: Asked) -> None:
    await asked.register()
    wanted = {
        "name": "x",
        "url": "https://169.254.169.254",
        "account": "puller",
        "private": True,
        "registry": "http://r",
    }
    assert "nothing is asked of it" in await asked.api.refusal("POST", "/scanners", wanted, status=400)


async def test_only_administrators_let_scanners_in(asked: Asked) -> None:
    maintainer = asked.registry.as_("maintainer")
    assert (await ask(maintainer, "POST", "/scanners", {})).status_code in {403, 422}
    assert (await ask(maintainer, "GET", "/scanners")).status_code == 403
    assert (await ask(asked.registry.as_("auditor"), "GET", "/scanners")).status_code == 200


async def test_a_chart_is_nobodys_to_scan(asked: Asked, scanner: Scanner) -> None:
    await asked.register()
    index = trees.image([trees.python("flask", "0.12")])
    await push(scanner, index)
    found = await asked.registry.services.db.read(jobs.waiting)
    assert {each.kind: each.count for each in found} == {"scan": 1, scanners.KIND: 1}
    row = await asked.registry.services.db.read(scanners.report, "trivy", Digest(WEB.digest))
    assert row is None
