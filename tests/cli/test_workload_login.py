"""``wharf login`` in a pipeline: with the job's token, with a service account's secret, and handed on to docker."""

import asyncio
import base64
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.access.test_real_issuer import id_token, provider
from tests.cli.server import Server, Wharf
from tests.kit.images import image
from tests.kit.parts.github_actions import GithubActions, github_actions
from tests.kit.parts.issuer import AUDIENCE, Issuer, github, issuer

__all__ = ["provider"]
MATCH = ("repository_id=123", "ref=refs/heads/main")


@dataclass(frozen=True)
class Pipeline:
    """A CI system whose jobs may act as the service account ``account``, which publishes to ``account/**``."""

    issuer: Issuer
    actions: GithubActions
    account: str
    server: Server
    wharf: Wharf

    def token(self, **changed: Any) -> str:
        return self.issuer.sign(github(self.issuer.url, time.time()) | changed)

    def in_github(self) -> None:
        for name, value in self.actions.environment.items():
            self.wharf.monkeypatch.setenv(name, value)

    def log_in(self, *words: str, **how: Any) -> str:
        return self.wharf.done("login", self.server.url, *words, **how).out

    def refused(self, *words: str, **how: Any) -> str:
        said = self.wharf.refused("login", self.server.url, *words, **how)
        assert not self.wharf.login_file.exists()
        return said


@pytest.fixture
def ci_issuer() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


@pytest.fixture
def pipeline(admin: Wharf, server: Server, ci_issuer: Issuer) -> Iterator[Pipeline]:
    account = f"ci-{ci_issuer.url.rpartition(':')[2]}"
    admin.done("sa", "add", account, "--owner", "admin")
    admin.done("grant", "add", account, "publisher", f"{account}/**")
    admin.done("issuer", "add", ci_issuer.url, "--audience", AUDIENCE, "--allow-private")
    admin.done("trust", "add", account, ci_issuer.url, *MATCH)
    kept = admin.login_file.read_text()
    admin.login_file.unlink()
    for name in ("WHARF_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        admin.monkeypatch.delenv(name, raising=False)
    with github_actions(ci_issuer) as actions:
        yield Pipeline(ci_issuer, actions, account, server, admin)
    admin.login_file.write_text(kept)
    admin.done("issuer", "rm", ci_issuer.url)
    admin.done("sa", "rm", account)


def test_a_job_on_github_pushes_and_asks_by_its_own_token(pipeline: Pipeline) -> None:
    pipeline.in_github()
    built = image()
    pipeline.server.push(f"{pipeline.account}/app", built, "1.0")
    said = pipeline.log_in("--workload", "--audience", AUDIENCE)
    assert said == f"Logged in to {pipeline.server.url} as {pipeline.account}.\n"
    assert pipeline.actions.asked == [AUDIENCE]
    pipeline.wharf.done("tag", f"{pipeline.account}/app@{built.digest}", "next")
    assert "next" in pipeline.wharf.done("tags", f"{pipeline.account}/app").out
    asked = pipeline.wharf.refused("gate", f"{pipeline.account}/app:1.0", "--wait", "0s", status=2)
    assert asked.startswith("no gate rule covers ")  # which the registry tells who may read the image
    kept = json.loads(pipeline.wharf.login_file.read_text())
    assert kept["token"].startswith("wharf_l")
    assert pipeline.issuer.url not in pipeline.wharf.login_file.read_text()
    assert time.time() < kept["expires"] <= time.time() + 300
    assert pipeline.server.accepts(pipeline.account, kept["token"])


def test_the_audience_is_the_registrys_address_unless_it_is_said(pipeline: Pipeline) -> None:
    pipeline.in_github()
    assert "refused (audience)" in pipeline.refused("--workload")
    assert pipeline.actions.asked == [pipeline.server.url]


def test_a_login_that_has_ended_is_renewed_while_the_job_lasts(pipeline: Pipeline) -> None:
    pipeline.in_github()
    pipeline.log_in("--workload", "--audience", AUDIENCE)
    kept = pipeline.wharf.login_file.read_text()
    pipeline.wharf.done("logout")
    pipeline.wharf.login_file.write_text(kept)
    pipeline.wharf.done("grant", "list")
    assert pipeline.actions.asked == [AUDIENCE, AUDIENCE]
    again = json.loads(pipeline.wharf.login_file.read_text())
    assert (again["username"], again["audience"]) == (pipeline.account, AUDIENCE)
    assert again["token"] != json.loads(kept)["token"]


def test_a_login_that_has_ended_with_the_job_says_so(pipeline: Pipeline) -> None:
    pipeline.wharf.monkeypatch.setenv("WHARF_ID_TOKEN", pipeline.token())
    pipeline.log_in("--workload")
    kept = pipeline.wharf.login_file.read_text()
    pipeline.wharf.done("logout")
    pipeline.wharf.login_file.write_text(kept)
    pipeline.wharf.monkeypatch.setenv("WHARF_ID_TOKEN", pipeline.token(exp=int(time.time()) - 1))
    assert "refused (expired)" in pipeline.wharf.refused("grant", "list")
    pipeline.wharf.monkeypatch.delenv("WHARF_ID_TOKEN")
    assert "there is no token of a workload here" in pipeline.wharf.refused("grant", "list")


def test_a_token_of_the_environment_or_of_a_file(pipeline: Pipeline, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{pipeline.token()}\n")
    assert pipeline.log_in("--token-file", str(file), "--username", pipeline.account).endswith(f"{pipeline.account}.\n")
    pipeline.in_github()
    pipeline.wharf.monkeypatch.setenv("WHARF_ID_TOKEN", pipeline.token())
    assert pipeline.log_in("--workload").endswith(f"as {pipeline.account}.\n")
    assert pipeline.actions.asked == []
    pipeline.wharf.done("grant", "list")


def test_a_token_that_is_refused_keeps_nothing(pipeline: Pipeline) -> None:
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"exp": 1}, "refused (expired)"),
        ({"aud": "https://elsewhere.test"}, "refused (audience)"),
        ({"repository_id": "666"}, "refused (no-match)"),
        ({"iss": "https://elsewhere.test"}, "does not let you in"),
    ]
    for changed, said in refusals:
        pipeline.wharf.monkeypatch.setenv("WHARF_ID_TOKEN", pipeline.token(**changed))
        assert said in pipeline.refused("--workload", "--username", pipeline.account)


def test_no_token_is_looked_for_unless_asked(pipeline: Pipeline) -> None:
    pipeline.in_github()
    assert "not logged in" in pipeline.wharf.refused("repos")
    assert pipeline.actions.asked == []


def test_what_is_no_token_is_sent_nowhere(pipeline: Pipeline, tmp_path: Path) -> None:
    assert "there is no token of a workload here" in pipeline.refused("--workload")
    assert "leave --password-stdin out" in pipeline.refused("--workload", "--password-stdin", stdin="x")
    assert "cannot read" in pipeline.refused("--token-file", str(tmp_path / "none"))
    for content in (b"", b"secret", b"a.b.c" * 4000, "é.b.c".encode()):
        (tmp_path / "token").write_bytes(content)
        said = pipeline.refused("--token-file", str(tmp_path / "token"))
        assert "no token of a workload" in said or "not text in ASCII" in said


@pytest.mark.parametrize(
    "url",
    [
        "http://actions.example.org/token",
        "ftp://127.0.0.1/token",
        "https://user@actions.example.org/token",
        "file:///etc/passwd",
    ],
)
def test_what_it_is_asked_with_is_sent_encrypted_or_not_at_all(
    stranger: Wharf, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "what-the-runner-has")
    assert "is not https: nothing is sent there" in stranger.refused("login", "http://127.0.0.1:1", "--workload")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((302, {"Location": "/token?audience=elsewhere"}, b""), "gives no token: it answered 302"),
        ((403, {}, b"no"), "gives no token: it answered 403"),
        ((200, {}, b"<html>"), "is not JSON"),
        ((200, {}, b"[" * 50_000), "is not JSON"),
        ((200, {}, b'{"count": 1}'), "without a token"),
        ((200, {}, b" " * 70_000), "more than 65536 bytes"),
        ((200, {}, b'{"value": "x"}'), "no token of a workload"),
    ],
)
def test_an_answer_that_is_none_is_not_followed(
    stranger: Wharf,
    ci_issuer: Issuer,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, dict[str, str], bytes],
    said: str,
) -> None:
    with github_actions(ci_issuer) as actions:
        for name, value in actions.environment.items():
            monkeypatch.setenv(name, value)
        actions.answer = answer
        assert said in stranger.refused("login", "http://127.0.0.1:1", "--workload")
        assert actions.asked == ["http://127.0.0.1:1"]


def test_a_service_account_logs_in_with_its_secret(admin: Wharf, server: Server) -> None:
    admin.done("sa", "add", "ci-secret", "--owner", "admin")
    made = admin("secret", "add", "ci-secret", "--label", "tests")
    words = ("login", server.url, "--username", "ci-secret", "--password-stdin")
    assert admin.done(*words, stdin=made.out).out == f"Logged in to {server.url} as ci-secret.\n"
    assert made.out.strip() not in admin.login_file.read_text()
    admin.done("grant", "list")
    assert "administrator" not in admin.refused("users", "list")


def test_docker_is_given_the_login_through_its_standard_input(pipeline: Pipeline, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\ncat > {tmp_path}/given\n')
    program.chmod(0o755)
    pipeline.wharf.monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    pipeline.wharf.monkeypatch.setenv("WHARF_ID_TOKEN", pipeline.token())
    pipeline.log_in("--workload", "--also", "docker")
    kept = json.loads(pipeline.wharf.login_file.read_text())
    host = pipeline.server.url.removeprefix("http://")
    assert (tmp_path / "words").read_text() == f"login {host} --username {pipeline.account} --password-stdin\n"
    assert (tmp_path / "given").read_text() == kept["token"]
    program.write_text('#!/bin/sh\necho "no: $(cat)" >&2\nexit 1\n')
    said = pipeline.wharf.refused("login", pipeline.server.url, "--workload", "--also", "docker")
    assert said == "docker login failed: no: …"
    program.unlink()
    pipeline.wharf.monkeypatch.setenv("PATH", str(program.parent))
    said = pipeline.wharf.refused("login", pipeline.server.url, "--workload", "--also", "docker")
    assert said.startswith("docker cannot be run")


def ended(pipeline: Pipeline) -> str:
    """A login that was good, is kept here, and has ended; docker has it, too."""
    pipeline.in_github()
    pipeline.log_in("--workload", "--audience", AUDIENCE)
    kept = json.loads(pipeline.wharf.login_file.read_text())
    pipeline.wharf.done("logout")
    pipeline.wharf.login_file.write_text(json.dumps(kept | {"expires": time.time() - 1}))
    auth = base64.b64encode(f"{pipeline.account}:{kept['token']}".encode()).decode()
    folder = pipeline.wharf.home / "docker"
    folder.mkdir()
    host = pipeline.server.url.removeprefix("http://")
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    pipeline.wharf.monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return f"{host}/{pipeline.account}/app"


def test_a_login_that_has_ended_is_renewed_for_what_reads_images(pipeline: Pipeline, tmp_path: Path) -> None:
    built = image()
    pipeline.server.push(f"{pipeline.account}/app", built, "1.0")
    name = ended(pipeline)
    (tmp_path / "Dockerfile").write_text(f"FROM {name}:1.0\n")
    pipeline.wharf.done("pin", "--write", str(tmp_path / "Dockerfile"))
    assert (tmp_path / "Dockerfile").read_text() == f"FROM {name}:1.0@{built.digest}\n"
    assert pipeline.actions.asked == [AUDIENCE, AUDIENCE], "once at the login, and once for all that was asked"


def test_what_docker_knows_of_somebody_else_is_not_replaced(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.server.push(f"{pipeline.account}/app", image(), "1.0")
    name = ended(pipeline)
    config = tmp_path / "docker" / "config.json"
    auth = base64.b64encode(b"somebody:else").decode()
    config.write_text(json.dumps({"auths": {name.partition("/")[0]: {"auth": auth}}}))
    (tmp_path / "Dockerfile").write_text(f"FROM {name}:1.0\n")
    said = pipeline.wharf("pin", "--write", str(tmp_path / "Dockerfile"))
    assert said.status != 0
    assert "does not accept what 'docker login' or 'wharf login' left here" in said.out + said.err


def test_a_token_of_a_provider_that_others_wrote(admin: Wharf, server: Server, provider: str) -> None:
    account = f"ci-{provider.rpartition(':')[2]}"
    admin.done("sa", "add", account, "--owner", "admin")
    admin.done("issuer", "add", provider, "--audience", "wharf-of-acme", "--allow-private")
    admin.done("trust", "add", account, provider, "sub=robot", "pipeline=release")
    kept = admin.login_file.read_text()
    admin.monkeypatch.setenv("WHARF_ID_TOKEN", asyncio.run(id_token(provider, "wharf-of-acme")))
    assert admin.done("login", server.url, "--workload").out == f"Logged in to {server.url} as {account}.\n"
    admin.done("grant", "list")
    admin.monkeypatch.setenv("WHARF_ID_TOKEN", asyncio.run(id_token(provider, "somebody-else")))
    assert "refused (audience)" in admin.refused("login", server.url, "--workload")
    admin.login_file.write_text(kept)
    admin.done("issuer", "rm", provider)
    admin.done("sa", "rm", account)
