"""Bodies that stall, and bodies that nobody wants: the answer arrives, nothing is left, and nothing hangs."""

import asyncio
import gzip
import io
import json
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.kit import facts
from tests.kit.backends import local
from tests.kit.client import location_of, require
from tests.kit.images import blob
from tests.kit.parts.process import ProgramFailed, run
from tests.kit.parts.tools import tool
from tests.kit.server import ACCOUNT, Server, serve
from tests.kit.wire import CREDENTIALS, Wire
from wharfinger.spec import digest as digests

pytestmark = pytest.mark.system

REPO = "team/app"
HUGE = 200_000_000
LIMIT = 1_000_000
DATA = blob(100_000)
DIGEST = digests.of(DATA)
CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("timeouts") / "data"


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serve(folder, environment={"WHARF_BODY_TIMEOUT": "1s", "WHARF_MAX_BLOB_SIZE": str(LIMIT)}) as server:
        yield server


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 200 MB, which takes no room."""
    path = tmp_path_factory.mktemp("huge") / "zeros"
    with path.open("wb") as file:
        file.truncate(HUGE)
    return path


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer of 200 MB, as a file."""
    path, content = tmp_path_factory.mktemp("layer") / "layer.tar.gz", tarfile.TarInfo("huge")
    content.size = HUGE
    with gzip.open(path, "wb", compresslevel=0) as out, tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(content, io.BytesIO(bytes(HUGE)))
    return path


async def started(server: Server) -> str:
    """An upload's location."""
    async with server.client() as client:
        return location_of(await client.start_upload(REPO))


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PATCH", CHUNKED),
        ("PATCH", {"Content-Length": str(len(DATA)), "Content-Range": f"0-{len(DATA) - 1}"}),
        ("PUT", {"Content-Length": str(len(DATA))}),
        ("PUT", CHUNKED),
    ],
)
async def test_a_body_that_stalls_is_ended_and_leaves_nothing(
    server: Server, folder: Path, method: str, headers: Mapping[str, str]
) -> None:
    location = await started(server)
    with Wire(server) as wire:
        wire.start(method, f"{location}?digest={DIGEST}", headers)
        wire.chunk(DATA[:50_000]) if headers is CHUNKED else wire.send(DATA[:50_000])
        began = time.monotonic()
        answer = wire.answer(method)
        assert time.monotonic() - began < 20
        assert answer.status == 408
        assert answer.code == "BLOB_UPLOAD_INVALID"
        assert wire.is_closed()
    async with server.client() as client:
        assert require(await client.upload_status(location), 204).headers["Range"] == "0-0"
        require(await client.head_blob(REPO, DIGEST), 404)
        require(await client.cancel(location), 204)
    assert not [name for name in local(folder).shelf.sizes() if name.startswith("uploads/")]
    assert facts.check(local(folder).database, local(folder).shelf) == []


async def test_a_body_that_comes_slowly_but_steadily_is_taken(server: Server) -> None:
    location = await started(server)
    with Wire(server) as wire:
        wire.start("PUT", f"{location}?digest={DIGEST}", {"Content-Length": str(len(DATA))})
        for start in range(0, len(DATA), 20_000):
            await asyncio.sleep(0.4)
            wire.send(DATA[start : start + 20_000])
        assert wire.answer("PUT").status == 201


NOBODY = {"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="}
REFUSALS = [
    pytest.param("PUT", "{upload}?digest=" + DIGEST, NOBODY, 401, id="unknown account"),
    pytest.param("PUT", "{upload}?digest=" + DIGEST, {}, 413, id="too large"),
    pytest.param("PATCH", "{upload}", {"Content-Range": f"5-{HUGE + 4}"}, 416, id="wrong offset"),
    pytest.param("PATCH", f"/v2/{REPO}/blobs/uploads/00000000-0000-4000-8000-000000000000", {}, 404, id="no session"),
    pytest.param("PUT", f"/v2/{REPO}/manifests/latest", {}, 413, id="manifest too large"),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), REFUSALS)
@pytest.mark.parametrize("expect", [False, True])
async def test_a_refusal_reaches_a_raw_client_that_keeps_sending(
    server: Server, method: str, path: str, headers: Mapping[str, str], status: int, *, expect: bool
) -> None:
    path = path.format(upload=await started(server))
    with Wire(server) as wire:
        wait = {"Expect": "100-continue"} if expect else {}
        wire.start(method, path, {"Content-Length": str(HUGE), **headers, **wait})
        began = time.monotonic()
        sent = 0 if expect else wire.flood(HUGE)
        answer = wire.answer(method)
        assert answer.status == status, answer
        assert answer.code
        assert time.monotonic() - began < 20
        assert sent < HUGE / 2, "all of it was read although nobody wanted it"
        assert wire.is_closed()


@pytest.mark.parametrize(("method", "path", "headers", "status"), REFUSALS)
async def test_a_refusal_reaches_curl(
    server: Server, huge: Path, method: str, path: str, headers: Mapping[str, str], status: int
) -> None:
    path = path.format(upload=await started(server))
    lines: list[str | Path] = [
        word for name, value in {**CREDENTIALS, **headers}.items() for word in ("--header", f"{name}: {value}")
    ]
    said = run(
        [
            *(tool("curl"), "--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}"),
            *("--request", method, "--upload-file", huge, *lines, f"{server.url}{path}"),
        ]
    )
    body, _, code = said.rpartition("\n")
    assert int(code) == status, said
    assert json.loads(body)["errors"]


async def test_a_refusal_reaches_a_client_in_go(server: Server, layer: Path, tmp_path: Path) -> None:
    host = f"{server.host}:{server.port}"
    home = {"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}
    run([tool("crane"), "auth", "login", "--username", ACCOUNT[0], "--password", ACCOUNT[1], host], env=home)
    began = time.monotonic()
    with pytest.raises(ProgramFailed, match=r"SIZE_INVALID: the body is longer than the limit of 1000000 bytes"):
        run([tool("crane"), "append", "--new_layer", layer, "--new_tag", f"{host}/{REPO}:huge"], env=home)
    assert time.monotonic() - began < 60
