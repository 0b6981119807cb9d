"""Where the time of one request goes, without a server around the application: how long, then function by function."""

import asyncio
import cProfile
import io
import pstats
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from bench.load import ACCEPTED, LoadFailed
from bench.rows import IMAGE, REPOSITORY, SMALL_BLOB
from bench.servers import ACCOUNT, OUR_SETTINGS, basic
from tests.kit.client import Client
from wharfinger import app, config
from wharfinger.serving.roles import Asgi
from wharfinger.spec import digest as digests

REQUESTS = 5_000
REPETITIONS = 5
SHOWN = 30

PATHS: Mapping[str, tuple[str, str]] = {
    "manifest GET by tag": ("GET", f"/v2/{REPOSITORY}/manifests/v1"),
    "manifest HEAD by tag": ("HEAD", f"/v2/{REPOSITORY}/manifests/v1"),
    "blob GET of 10 KiB": ("GET", f"/v2/{REPOSITORY}/blobs/{digests.of(SMALL_BLOB)}"),
}


def profile(console: Console) -> None:
    """Print both for every path."""
    with TemporaryDirectory(prefix="wharf-bench-") as folder:
        environment = {**OUR_SETTINGS, "WHARF_DATA": str(Path(folder, "data")), "WHARF_ADMIN_PASSWORD": ACCOUNT[1]}
        settings = config.load(None, environment, {}).settings
        app.prepare(settings)
        asyncio.run(_all(app.create(settings), console))


async def _all(registry: Asgi, console: Console) -> None:
    async with Client(app=registry, account=ACCOUNT) as client:
        await client.push_image(REPOSITORY, IMAGE, "v1")
    for title, (method, path) in PATHS.items():
        await _ask(registry, method, path, 100)
        seconds = [await _ask(registry, method, path, REQUESTS) for _ in range(REPETITIONS)]
        console.print(f"[bold]{title}[/]: {min(seconds) / REQUESTS * 1e6:.1f} µs, the best of {REPETITIONS}")
        profiler = cProfile.Profile()
        profiler.enable()
        await _ask(registry, method, path, REQUESTS)
        profiler.disable()
        console.print(_table(profiler), highlight=False, soft_wrap=True)


async def _ask(registry: Asgi, method: str, path: str, times: int) -> float:
    """Seconds of computing for so many requests, one after the other; what else the machine does is not in them."""
    statuses = set()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.add(message["status"])

    began = time.thread_time()
    for _ in range(times):
        await registry(_scope(method, path), receive, send)
    seconds = time.thread_time() - began
    if statuses != {200}:
        raise LoadFailed(f"{method} {path}: {statuses}")
    return seconds


def _scope(method: str, path: str) -> dict[str, Any]:
    """A request as Granian hands it over."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 5000),
        "client": ("127.0.0.1", 40000),
        "scheme": "http",
        "method": method,
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1:5000"),
            (b"accept", ACCEPTED.encode()),
            (b"authorization", f"Basic {basic(ACCOUNT)}".encode()),
        ],
    }


def _table(profiler: cProfile.Profile) -> str:
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(SHOWN)
    return "\n".join(line for line in text.getvalue().splitlines() if line.strip())
