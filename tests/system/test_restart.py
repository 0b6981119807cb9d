"""Stopped or killed between two requests, or in the middle of one: the client goes on where it was."""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import facts
from tests.kit.backends import local
from tests.kit.client import location_of, require
from tests.kit.images import blob
from tests.kit.server import Server, group, serve
from tests.kit.wire import Wire, eventually
from wharfinger.spec import digest as digests

pytestmark = pytest.mark.system

REPO = "team/app"
DATA = blob(300_000)
DIGEST = digests.of(DATA)
CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("restart") / "data") as server:
        yield server


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_an_upload_survives_a_restart_between_two_chunks(server: Server, how: str) -> None:
    content = blob(1000, seed=len(how))
    async with server.client() as client:
        location = location_of(await client.start_upload(REPO))
        location = location_of(await client.patch(location, content[:400], range="0-399"))
        getattr(server, how)()
        server.restart()
        assert require(await client.upload_status(location), 204).headers["Range"] == "0-399"
        location = location_of(await client.patch(location, content[400:], range="400-999"))
        require(await client.put_upload(location, digests.of(content)), 201)
        assert (await client.get_blob(REPO, digests.of(content))).content == content


async def test_a_stream_that_breaks_off_keeps_what_arrived(server: Server) -> None:
    async with server.client() as client:
        location = location_of(await client.start_upload(REPO))
        with Wire(server) as wire:
            wire.start("PATCH", location, CHUNKED)
            wire.chunk(DATA[:100_000])
            await asyncio.sleep(0.5)  # what is still on its way when a connection breaks may be lost
        size = 0
        for _ in eventually():
            range_ = require(await client.upload_status(location), 204).headers["Range"]
            if range_ != "0-0":
                size = int(range_.removeprefix("0-")) + 1
                break
        assert size == 100_000
        location = location_of(await client.patch(location, DATA[size:], range=f"{size}-{len(DATA) - 1}"))
        require(await client.put_upload(location, DIGEST), 201)
        assert (await client.get_blob(REPO, DIGEST)).content == DATA


@pytest.mark.parametrize("gone", ["close", "reset"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_a_chunk_or_closing_that_breaks_off_keeps_nothing(server: Server, method: str, gone: str) -> None:
    content = blob(200_000, seed=7)
    digest = digests.of(content)
    async with server.client() as client:
        location = location_of(await client.start_upload(REPO))
        length = {"Content-Length": str(len(content))}
        ranged = {"Content-Range": f"0-{len(content) - 1}"} if method == "PATCH" else {}
        wire = Wire(server)
        wire.start(method, f"{location}?digest={digest}" if method == "PUT" else location, length | ranged)
        wire.send(content[:100_000])
        await asyncio.sleep(0.3)
        getattr(wire, gone)()
        await asyncio.sleep(0.5)
        assert require(await client.upload_status(location), 204).headers["Range"] == "0-0"
        require(await client.head_blob(REPO, digest), 404)
        # And the session goes on as if nothing had been.
        location = location_of(await client.patch(location, content, range=f"0-{len(content) - 1}"))
        require(await client.cancel(location), 204)


async def test_a_closing_whose_answer_was_lost_may_be_repeated(server: Server) -> None:
    content = blob(2000, seed=8)
    digest = digests.of(content)
    async with server.client() as client:
        location = location_of(await client.patch(location_of(await client.start_upload(REPO)), content))
        with Wire(server) as wire:
            wire.start("PUT", f"{location}?digest={digest}", {"Content-Length": "0"})
            # Nobody reads the answer. One who hung up at once could be noticed before the request had begun.
            for _ in eventually():
                if (await client.head_blob(REPO, digest)).status_code == 200:
                    break
        server.kill()
        server.restart()
        again = require(await client.put_upload(location, digest), 201)
        assert again.headers["Docker-Content-Digest"] == digest


async def test_transfers_under_way_finish_after_sigterm(tmp_path: Path) -> None:
    content = blob(50_000_000, seed=9)
    digest = digests.of(content)
    with serve(tmp_path / "data", workers=2) as server:
        async with server.client() as client:
            require(await client.push_blob(REPO, content), 201)
            location = location_of(await client.start_upload(REPO))
        other = blob(1_000_000, seed=10)
        status: list[int] = []
        with Wire(server) as up, Wire(server) as down:
            up.start("PUT", f"{location}?digest={digests.of(other)}", {"Content-Length": str(len(other))})
            up.send(other[:100_000])
            down.start("GET", f"/v2/{REPO}/blobs/{digest}")
            await asyncio.sleep(0.5)
            stopping = threading.Thread(target=lambda: status.append(server.stop()))
            stopping.start()
            await asyncio.sleep(1)
            up.send(other[100_000:])
            assert up.answer("PUT").status == 201
            assert down.answer().body == content
            stopping.join()
        assert status == [0]
        assert group(server.pid) == []
        server.restart()
        async with server.client() as client:
            assert (await client.get_blob(REPO, digests.of(other))).content == other


async def test_a_transfer_that_does_not_finish_in_time_is_cut_off_and_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serve(data, environment={"WHARF_SHUTDOWN_GRACE": "1s"}) as server:
        async with server.client() as client:
            location = location_of(await client.start_upload(REPO))
        with Wire(server) as wire:
            wire.start("PUT", f"{location}?digest={DIGEST}", {"Content-Length": str(len(DATA))})
            wire.send(DATA[:100_000])
            await asyncio.sleep(0.5)
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 15
        assert facts.check(local(data).database, local(data).shelf) == []
        assert [found for found in local(data).shelf.sizes() if found.startswith("uploads/")] == []


async def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as server:
        async with server.client() as client:
            location = location_of(await client.start_upload(REPO))
        with Wire(server) as wire:
            wire.start("PUT", f"{location}?digest={DIGEST}", {"Content-Length": str(len(DATA))})
            wire.send(DATA[:100_000])
            await asyncio.sleep(0.5)
            assert server.running is not None
            server.running.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.5)
            assert server.stop() == 1
