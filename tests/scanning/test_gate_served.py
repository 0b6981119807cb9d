"""`wharf gate` as a pipeline uses it that has just pushed: judged by the registry, with its exceptions and its gate."""

import base64
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.server import Result, Server, Wharf
from tests.kit.advisories import for_server, osv, up_to, write_zip
from tests.kit.images import index
from tests.kit.parts.process import free_port
from tests.kit.parts.wharf import wharf as serving
from tests.remote.registries import Asked, Registry, Reply, running
from tests.scanning import trees
from tests.scanning.made import finding, image
from tests.scanning.test_gate_joining import answered, gate
from tests.scanning.test_vex import openvex
from wharfinger.cli.client import Client
from wharfinger.scanning import report

PASSWORD = "correct horse battery"
CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
MEDIUM = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"}]
RECORDS = [
    osv("DSA-1", "Debian:12", "openssl", *up_to("3.0.2-1"), upstream=["CVE-2026-1000"], severity=CRITICAL),
    osv("DSA-2", "Debian:12", "zlib", *up_to("1.3"), upstream=["CVE-2026-2000"], severity=MEDIUM),
]
POLICY = """
version: 1
gates:
- {name: production, repositories: shop/**, block: {severity: critical}, warn: {severity: medium}, unscanned: allow}
"""


def with_(**packages: str) -> Any:
    return trees.image([{"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(**packages)}])


BAD, FAIR, GOOD = with_(openssl="3.0.1-1"), with_(zlib="1.2"), with_(openssl="3.0.2-1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A registry with advisories and a gate."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, password=PASSWORD, environment=for_server(folder, RECORDS)) as host:
        server = Server(f"http://{host}", PASSWORD, folder / "wharf")
        with api(server) as client:
            client.post("/policy/apply", {"policy": POLICY, "prune": True})
        yield server


def api(server: Server, name: str = "admin", password: str = PASSWORD) -> Client:
    return Client(server.url, account=(name, password))


@pytest.fixture
def wharf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    """The command of somebody who is logged in nowhere, and has no advisories."""
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    return Wharf(tmp_path, monkeypatch, capsys)


@pytest.fixture
def admin(wharf: Wharf, server: Server) -> Wharf:
    wharf.done("login", server.url, "--username", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    return wharf


def docker_login(host: str, name: str, secret: str) -> None:
    """As `docker login` leaves it."""
    folder = Path(os.environ["DOCKER_CONFIG"])
    folder.mkdir(exist_ok=True)
    auth = base64.b64encode(f"{name}:{secret}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def settled(wharf: Wharf, target: str, *words: str) -> Result:
    """The gate's answer, waited for as long as a slow machine may take."""
    return wharf("gate", target, "--wait", "120s", *words)


def test_the_exit_status_is_the_gates_answer_to_a_pull(admin: Wharf, server: Server) -> None:
    for tag, pushed, status in (("bad", BAD, 1), ("fair", FAIR, 0), ("good", GOOD, 0)):
        server.push("shop/web", pushed, tag)
        result = settled(admin, f"shop/web:{tag}")
        assert result.status == status, result
        assert f"judged by the registry {server.url.removeprefix('http://')}, " in result.err
        assert "its rules there are production" in result.err
    bad, fair = admin("gate", "shop/web:bad"), admin("gate", "shop/web:fair")
    assert [row[:3] for row in bad.rows] == [["fails", "critical", "CVE-2026-1000"]]
    assert "fails by the gate rule production: 1 finding" in bad.err
    assert [[*row[:3], row[5]] for row in fair.rows] == [
        ["passes", "medium", "CVE-2026-2000", "warned of by the gate rule production"]
    ]
    assert "1 warning by the gate" in fair.err
    server.push("shop/both", index([GOOD, with_(openssl="3.0.1-1", zlib="1.2")]), "1")
    assert settled(admin, "shop/both:1").status == 1


def test_what_is_asked_for_counts_beside_the_gate(admin: Wharf, server: Server) -> None:
    server.push("shop/web", FAIR, "fair")
    assert settled(admin, "shop/web:fair", "--fail-on", "high").status == 0
    fields = admin("gate", "shop/web:fair", "--fail-on", "medium", "--output", "json")
    assert (fields.status, fields.json["refused_by"]) == (1, ["terms"])
    server.push("other/web", FAIR, "fair")
    assert settled(admin, "other/web:fair", "--fail-on", "high").status == 0
    assert "no gate rule covers other/web" in admin.refused("gate", "other/web:fair", status=2)
    (judged,) = fields.json["judgements"]
    since = datetime.fromisoformat(judged["known_since"])
    assert f"; known to the registry since {since.date()}" in judged["reason"]


def test_a_pipelines_account_needs_nothing_but_what_docker_login_left(wharf: Wharf, server: Server) -> None:
    host = server.url.removeprefix("http://")
    target = f"{host}/shop/web:bad"
    server.push("shop/web", BAD, "bad")
    with api(server) as client:
        client.post("/service-accounts", {"name": "ci", "owner": "admin"})
        secret = client.post("/service-accounts/ci/secrets", {"label": "ci", "expires_at": None})["secret"]
        assert "nobody is logged in" in wharf.refused("gate", target, "--server", host, status=2)
        docker_login(host, "ci", secret)
        assert "no access to that repository" in wharf.refused("gate", target, "--server", host, status=2)
        client.post("/grants", {"principal": "ci", "role": "publisher", "pattern": "shop/**"})
    result = settled(wharf, target, "--server", host)
    assert (result.status, "by the gate rule production" in result.err) == (1, True), result
    assert "none is not known in shop/web" in wharf.refused("gate", f"{host}/shop/web:none", "--server", host, status=2)
    docker_login(host, "ci", "wrong")
    assert f"{server.url} does not let ci in: " in wharf.refused("gate", target, "--server", host, status=2)


def test_what_the_registry_excepts_passes_and_is_told_as_an_exception(admin: Wharf, server: Server) -> None:
    both = with_(openssl="3.0.1-1", zlib="1.1")
    server.push("shop/excused", both, "1")
    wanted = {"vulnerability": "CVE-2026-1000", "package": "openssl", "repositories": ["shop/excused"]}
    with api(server) as client:
        client.post("/users", {"name": "anna", "password": PASSWORD})
        client.post("/grants", {"principal": "anna", "role": "publisher", "pattern": "shop/**"})
        with api(server, "anna") as owner:
            ends = {"reason": "not reachable", "expires_at": time.time() + 86400}
            number = owner.post("/exceptions", wanted | ends)["id"]
        assert settled(admin, "shop/excused:1").status == 1
        client.post(f"/exceptions/{number}/approve", {"because": ""})
        statement = openvex("pkg:deb/debian/zlib")
        statement["statements"][0]["vulnerability"] = {"name": "CVE-2026-2000"}
        document = {"name": "vex.json", "document": json.dumps(statement), "repositories": "shop/excused"}
        client.post("/vex", document)
    result = settled(admin, "shop/excused:1", "--fail-on", "medium", "--output", "json")
    assert result.status == 0, result
    told = {each["id"]: (each["rule"], each["suppressed_by"]) for each in result.json["judgements"]}
    assert told == {"CVE-2026-1000": ("suppressed", "exception"), "CVE-2026-2000": ("suppressed", "VEX")}
    report = admin("gate", "shop/excused:1", "--output", "gitlab").json
    origins = {each["identifiers"][0]["value"]: each["flags"][0]["origin"] for each in report["vulnerabilities"]}
    assert origins == {"CVE-2026-1000": "Exception", "CVE-2026-2000": "VEX"}


def test_verdict_says_which_policy_and_what_it_answers(admin: Wharf, server: Server) -> None:
    server.push("shop/web", BAD, "bad")
    settled(admin, "shop/web:bad")
    lines = admin.done("verdict", "shop/web:bad").out.splitlines()
    assert "  policy: the gate rules production" in lines
    assert any(line.startswith("  a pull is refused by the gate rule production: CVE-2026-1000") for line in lines)
    server.push("other/web", FAIR, "fair")
    assert "  policy: no gate rule covers the repository" in admin.done("verdict", "other/web:fair").out.splitlines()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--advisories", "known"), "where --advisories would count for nothing: say --local"),
        (("--vex", "vex.json"), "where --vex would count for nothing: say --local"),
        (("--exceptions", "e.json", "--repository", "shop/web"), "--exceptions and --repository would count"),
        (("--local", "--server", "registry.example.org"), "say one of them"),
        (("--local",), "say --fail-on"),
        (("--local", "--fail-on", "high", "--wait", "1s"), "--wait is for the verdict of a registry"),
        (("--kev", "--partial", "pass"), "--kev and --partial without --fail-on would count for nothing"),
        (("--wait", "soon"), "--wait 'soon'"),
        (("--wait", "2h"), "1h is the most"),
        (("--server", "http://registry.example.org"), "is not encrypted"),
        (("--server", "registry.example.org"), "names no image of registry.example.org"),
    ],
)
def test_options_that_would_count_for_nothing_are_refused(
    admin: Wharf, server: Server, words: tuple[str, ...], said: str
) -> None:
    target = f"{server.url.removeprefix('http://')}/shop/web:bad"
    assert said in admin.refused("gate", target, *words, status=2)


def test_what_is_scanned_here_asks_the_registry_for_no_verdict(admin: Wharf, server: Server) -> None:
    server.push("shop/web", FAIR, "fair")
    write_zip(Path("known.zip"), RECORDS)
    words = ("--local", "--advisories", "known.zip", "--fail-on", "high", "--output", "json")
    host = server.url.removeprefix("http://")
    result = admin("gate", f"{host}/shop/web:fair", *words, "--plain-http", host)
    assert result.status == 0, result
    assert (result.json["judged"]["where"], result.json["judged"]["gate"]) == ("local", None)


# --- a registry that does as the test says


def waits(times: int, scan: Any, gate: dict[str, Any] | None) -> Any:
    """How a registry answers that has something to say only after so many questions."""
    asked = iter(range(10_000))

    def answer(_: Asked) -> Reply:
        state = "waiting" if next(asked) < times else "judged"
        (known,) = answered(scan, gate, state)
        verdict = None
        if known.verdict is not None:
            names = ("judged_at", "advisories", "sources", "cataloguer", "isolation", "report")
            verdict = {name: getattr(known.verdict, name) for name in names} | {"unmatched": []}
        fields = {"images": [{"digest": known.digest, "state": state, "verdict": verdict, "gate": gate}]}
        return 200, {"Content-Type": "application/json"}, json.dumps(fields).encode()

    return answer


@pytest.fixture
def registry(wharf: Wharf) -> Iterator[Registry]:
    with running() as made:
        docker_login(made.host, "ci", "secret")
        yield made


def ask(wharf: Wharf, registry: Registry, *words: str) -> Result:
    return wharf("gate", f"{registry.host}/shop/web:1", "--server", registry.host, *words)


def test_a_verdict_is_waited_for(wharf: Wharf, registry: Registry) -> None:
    registry.answer = waits(2, image(), gate())
    result = ask(wharf, registry)
    assert (result.status, len(registry.asked)) == (0, 3), result
    assert {each.path for each in registry.asked} == {"/api/v1/verdicts/shop/web/1"}
    registry.answer = waits(1, image(finding("CVE-2026-1")), None)
    assert ask(wharf, registry, "--fail-on", "critical").status == 1


@pytest.mark.parametrize("words", [(), ("--fail-on", "critical", "--partial", "pass", "--not-assessed", "pass")])
def test_what_does_not_come_in_time_is_no_pass(wharf: Wharf, registry: Registry, words: tuple[str, ...]) -> None:
    registry.answer = waits(10_000, image(), gate())
    for limit in ("0s", "1s"):
        result = ask(wharf, registry, "--wait", limit, *words)
        assert result.status == 2, result
        assert "cannot be decided: 1 doubt" in result.err
        assert f"the registry has not judged it within {limit}" in result.err


def test_rules_that_have_changed_are_waited_for(wharf: Wharf, registry: Registry) -> None:
    before, after = waits(0, image(), gate(settled=False)), waits(0, image(), gate())

    def answer(asked: Asked) -> Reply:
        reply: Reply = before(asked) if len(registry.asked) == 1 else after(asked)
        return reply

    registry.answer = answer
    assert ask(wharf, registry).status == 0
    assert len(registry.asked) == 2
    registry.answer = waits(0, image(), gate(settled=False))
    assert ask(wharf, registry, "--wait", "0s").status == 2


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((200, {"Content-Type": "application/json"}, b'{"images": []}'), "has none of the images"),
        ((200, {"Content-Type": "application/json"}, b'{"images": [{"digest": "x"}]}'), "in another way"),
        ((200, {"Content-Type": "text/html"}, b"<html>"), "is not a Wharfinger registry"),
        ((403, {"Content-Type": "application/json"}, b'{"errors": [{"message": "you may not"}]}'), "you may not"),
        ((401, {"Content-Type": "application/json"}, b'{"errors": [{"message": "no"}]}'), "does not let ci in: no"),
        ((500, {}, b""), "is not a Wharfinger registry"),
    ],
)
def test_an_answer_that_is_none_is_no_pass(wharf: Wharf, registry: Registry, reply: Reply, said: str) -> None:
    registry.answer = lambda _: reply
    assert said in wharf.refused(
        "gate", f"{registry.host}/shop/web:1", "--server", registry.host, "--fail-on", "critical", status=2
    )


def test_a_registry_that_is_not_there_is_no_pass(wharf: Wharf) -> None:
    host = f"127.0.0.1:{free_port()}"
    docker_login(host, "ci", "secret")
    said = wharf.refused("gate", f"{host}/shop/web:1", "--server", host, "--fail-on", "critical", status=2)
    assert f"cannot connect to http://{host}" in said


def test_one_platform_of_several_is_judged_alone(wharf: Wharf, registry: Registry) -> None:
    bad, good = image(finding("CVE-2026-1")), image(platform="linux/arm64")
    images = []
    for scan in (bad, good):
        verdict = {"judged_at": 1.0, "advisories": "5" * 64, "sources": {}, "cataloguer": "x", "isolation": "x"}
        verdict |= {"unmatched": [], "report": report.image(scan)}
        images.append({"digest": scan.digest, "state": "judged", "verdict": verdict, "gate": None})
    raw = json.dumps({"images": images}).encode()
    registry.answer = lambda _: (200, {"Content-Type": "application/json"}, raw)
    assert ask(wharf, registry, "--fail-on", "critical").status == 1
    assert ask(wharf, registry, "--fail-on", "critical", "--platform", "linux/arm64").status == 0
    said = ask(wharf, registry, "--fail-on", "critical", "--platform", "linux/s390x")
    assert (said.status, "there are: linux/amd64, linux/arm64" in said.err) == (2, True)
