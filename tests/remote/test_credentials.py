"""What docker login left, in its file or with a program."""

import base64
import json
import os
from pathlib import Path

import pytest

from wharfinger.errors import Refusal
from wharfinger.remote import credentials
from wharfinger.remote.credentials import Credentials


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """docker-credential-safe on the PATH; it writes down what it is asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / "docker-credential-safe"
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return file


def answering(program: Path, answer: str, status: int = 0) -> None:
    program.write_text(f"#!/bin/sh\necho \"$1 $(cat)\" >> {program}.asked\necho '{answer}'\nexit {status}\n")
    program.chmod(0o755)


def test_what_docker_login_left_is_read(tmp_path: Path) -> None:
    auth = base64.b64encode(b"anna:se:cret").decode()
    config = {
        "auths": {
            "https://index.docker.io/v1/": {"auth": auth},
            "registry.example.org:5000": {"auth": auth, "identitytoken": "token"},
            "https://quay.io": {"username": "anna", "password": "x"},
            "helped.example.org": {},
        },
        "credHelpers": {"gcr.io": "gcloud"},
        "credsStore": "desktop",
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    keeper = credentials.load({"DOCKER_CONFIG": str(tmp_path)})
    assert keeper.get("docker.io") == Credentials("anna", "se:cret")
    assert keeper.get("registry.example.org:5000") == Credentials("", "", "token")
    assert keeper.get("quay.io") == Credentials("anna", "x")
    assert keeper.get("registry.example.org") is None
    assert (keeper.helper("gcr.io"), keeper.helper("helped.example.org")) == ("gcloud", "desktop")
    assert "se:cret" not in repr(keeper.get("docker.io"))


def test_what_podman_login_left_where_there_is_no_runtime_folder_is_read(tmp_path: Path) -> None:
    auth = base64.b64encode(b"anna:secret").decode()
    file = tmp_path / "containers" / str(os.geteuid()) / "auth.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"auths": {"registry.example.org": {"auth": auth}}}))
    keeper = credentials.load({"HOME": str(tmp_path)}, tmp_path / "containers")
    assert keeper.get("registry.example.org") == Credentials("anna", "secret")
    other = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    assert credentials.load(other, tmp_path / "containers").get("registry.example.org") is None


@pytest.mark.parametrize("content", ["{", "[" * 100_000, '{"auths": {"a": {"auth": "!"}}}'])
def test_a_damaged_login_is_told_of(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(Refusal, match="docker login"):
        credentials.load({"DOCKER_CONFIG": str(tmp_path)})


def test_no_login_is_none(tmp_path: Path) -> None:
    assert credentials.load({"HOME": str(tmp_path)}).get("docker.io") is None


def test_a_program_that_keeps_them_is_asked_once(tmp_path: Path, program: Path) -> None:
    answering(program, '{"ServerURL": "x", "Username": "anna", "Secret": "sesame"}')
    (tmp_path / "config.json").write_text('{"credsStore": "safe"}')
    keeper = credentials.load({"DOCKER_CONFIG": str(tmp_path)})
    assert keeper.get("registry.example.org") == keeper.get("registry.example.org") == Credentials("anna", "sesame")
    assert keeper.get("docker.io") == Credentials("anna", "sesame")
    assert Path(f"{program}.asked").read_text().splitlines() == [
        "get registry.example.org",
        "get https://index.docker.io/v1/",
    ]


def test_a_program_may_have_a_token(program: Path) -> None:
    answering(program, '{"Username": "<token>", "Secret": "sesame"}')
    assert credentials.ask_program("safe", "quay.io") == Credentials("", "", "sesame")


def test_a_program_without_credentials_has_none(program: Path) -> None:
    answering(program, "credentials not found in native keychain", status=1)
    assert credentials.ask_program("safe", "quay.io") is None
    assert credentials.ask_program("gone", "quay.io") is None


@pytest.mark.parametrize(("helper", "why"), [("safe", "not JSON"), ("../../bin/sh", "no name")])
def test_a_program_that_talks_nonsense_is_told_of(program: Path, helper: str, why: str) -> None:
    answering(program, "hello")
    with pytest.raises(Refusal, match=why):
        credentials.ask_program(helper, "quay.io")
