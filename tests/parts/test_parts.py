"""Each part starts, does what it is for, and leaves nothing running."""

import os
import secrets
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import obstore
import psycopg
import pytest
from obstore.exceptions import AlreadyExistsError
from obstore.store import AzureStore, S3Store
from sqlalchemy import create_engine, make_url, text

from tests.kit.parts.azurite import azurite
from tests.kit.parts.docker import docker
from tests.kit.parts.docker_registry import docker_registry
from tests.kit.parts.moto import moto
from tests.kit.parts.nginx import nginx
from tests.kit.parts.postgres import fresh_database, postgres
from tests.kit.parts.process import ProgramFailed, listens, program, run
from tests.kit.parts.swift import swift
from tests.kit.parts.tools import tool

pytestmark = pytest.mark.system

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def nothing_is_left_running(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    mark = f"WHARF_TEST_MARK={secrets.token_hex(8)}"
    monkeypatch.setenv(*mark.split("="))
    yield
    for _ in range(20):  # a killed process takes a moment to go
        left = _processes_marked(mark)
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(left)


def test_postgres_sorts_as_people_do_and_forgets_its_databases(tmp_path: Path) -> None:
    with postgres(tmp_path) as url:
        with fresh_database(url) as database:
            engine = create_engine(database)
            with engine.connect() as connection:
                words = connection.scalars(text("SELECT x FROM unnest(ARRAY['b', 'A', 'C']) AS x ORDER BY x")).all()
            engine.dispose()
        assert words == ["A", "b", "C"]
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(make_url(database).set(drivername="postgresql").render_as_string(hide_password=False))
    assert not listens(make_url(url).port or 0)


def test_swift_keeps_objects_in_parts_and_refuses_to_overwrite(tmp_path: Path) -> None:
    with swift(tmp_path) as store:
        bucket = S3Store(**store.obstore())
        large = secrets.token_bytes(11 * MIB)
        obstore.put(bucket, "large", large, chunk_size=5 * MIB)
        assert obstore.get(bucket, "large").bytes() == large
        with pytest.raises(AlreadyExistsError):
            obstore.put(bucket, "large", b"other", mode="create")


def test_moto_keeps_objects(tmp_path: Path) -> None:
    with moto(tmp_path) as store:
        bucket = S3Store(**store.obstore())
        obstore.put(bucket, "folder/object", b"bytes")
        assert [found["path"] for found in obstore.list(bucket).collect()] == ["folder/object"]


def test_azurite_keeps_blobs(tmp_path: Path) -> None:
    with azurite(tmp_path) as store:
        container = AzureStore(**store.obstore())
        obstore.put(container, "folder/blob", b"bytes")
        assert obstore.get_range(container, "folder/blob", start=1, end=3) == b"yt"


def test_docker_registry_knows_its_user_behind_nginx(tmp_path: Path) -> None:
    with (
        docker_registry(tmp_path, username="anna", password="secret") as host,
        nginx(tmp_path, int(host.split(":")[1])) as proxy,
    ):
        trust = ssl.create_default_context(cafile=proxy.authority)
        with pytest.raises(HTTPError, match="401"):
            urlopen(f"{proxy.url}/v2/", context=trust)
        known = Request(f"{proxy.url}/v2/", headers={"Authorization": "Basic YW5uYTpzZWNyZXQ="})
        with urlopen(known, context=trust) as answer:
            assert answer.status == 200


def test_docker_and_its_containerd_answer(tmp_path: Path) -> None:
    with docker(tmp_path) as engine:
        assert "vfs" in run([tool("docker"), "--host", engine.host, "info", "--format", "{{.Driver}}"])
        assert "Server:" in run([tool("ctr"), "--address", engine.containerd, "version"])


def test_a_program_that_ends_early_is_reported_with_its_last_words(tmp_path: Path) -> None:
    ended = pytest.raises(ProgramFailed, match="ended with 3:\nbroken")
    with ended, program(["sh", "-c", "echo broken; exit 3"], tmp_path / "log", ready=lambda: False):
        pass


def test_a_program_that_will_not_stop_is_killed_with_its_children(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; sleep 60 & while true; do sleep 0.1; done"
    with program(["sh", "-c", stubborn], tmp_path / "log", ready=lambda: True, patience=0.5):
        time.sleep(0.2)


def _processes_marked(mark: str) -> list[str]:
    return [
        environ.parent.name
        for environ in Path("/proc").glob("[0-9]*/environ")
        if environ.parent.name != str(os.getpid()) and mark.encode() in _read(environ)
    ]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b""
