"""``python -m bench.pushing``: from the last byte of a push of 100 MB to the verdict, on ``wharf serve`` as it runs."""

import gzip
import hashlib
import http.client
import io
import json
import os
import statistics
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from urllib.parse import urlsplit

from cyclopts import run
from rich.console import Console
from rich.table import Table

from bench.servers import Backend, Server, wharfinger
from tests.kit.debian import debian
from tests.kit.images import OCI_CONFIG, OCI_LAYER
from tests.kit.parts.postgres import fresh_database, postgres
from tests.kit.parts.tools import tool
from wharfinger.spec import media_types

SIZE = 100_000_000
LOOK_EVERY = 0.05
"""Seconds: who asks more often takes from the registry what of the two cores is to be measured."""
PIECE = 256 * 1024
PATIENCE = 120
REPOSITORY = "bench/pushed"


@dataclass(frozen=True)
class _Pushed:
    """Seconds that a push took, and from its last byte to the verdict."""

    push: float
    verdict: float
    packages: int


def bench(
    *,
    rounds: int = 3,
    database: Literal["sqlite", "postgresql"] = "sqlite",
    rate: float = 0,
    wharf: Path = Path(sys.prefix, "bin", "wharf"),
) -> None:
    """Push images of 100 MB, and wait for what is known of them.

    Parameters
    ----------
    rate
        So many MB of each layer in a second at most, as a network has it; 0 is as fast as the machine can.
    """
    table = Table("100 MB", "the push", "last byte to verdict", "packages", "wanted")
    three = _three()
    for title, layers in (("in three layers", three), ("in one layer", [_joined(len(three[-1]))])):
        sizes = " + ".join(f"{len(each) / 1e6:.0f}" for each in layers)
        found = [_cold(database, wharf, layers, rate) for _ in range(rounds)]
        push, verdict = (statistics.median(getattr(each, name) for each in found) for name in ("push", "verdict"))
        most = max(each.verdict for each in found)
        table.add_row(
            f"{title} ({sizes})", f"{push:.2f} s", f"{verdict:.2f} s (most {most:.2f})", f"{found[0].packages}", "1 s"
        )
    Console().print(table)


def _cold(database: str, wharf: Path, layers: Sequence[bytes], rate: float = 0) -> _Pushed:
    """With a server and a database of their own: nothing is known."""
    with TemporaryDirectory(prefix="wharf-bench-") as folder, ExitStack() as stack:
        url = None
        if database == "postgresql":
            server = stack.enter_context(postgres(Path(folder), waits_for_disk=True))
            url = stack.enter_context(fresh_database(server)).replace("+psycopg", "")
        settings = {"WHARF_SCAN_ON_PUSH": "true"}
        ours = stack.enter_context(wharfinger(wharf, Path(folder), Backend("files", url), settings))
        time.sleep(3)  # until what a server does once it is up is done
        return _push(ours, layers, rate)


def _push(server: Server, layers: Sequence[bytes], rate: float) -> _Pushed:
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": _descriptor(config, OCI_CONFIG),
            "layers": [_descriptor(each, OCI_LAYER) for each in layers],
        }
    ).encode()
    blobs = [(each, _digest(each)) for each in (*layers, config)]
    with closing(http.client.HTTPConnection(server.host)) as connection:
        # A worker loads the API when it is first asked for it, for half a second, which is not what is measured.
        _ask(connection, server, "GET", "/api/v1/repositories", 200)
        began = time.perf_counter()
        with ThreadPoolExecutor(4) as threads:
            for done in [threads.submit(_blob, server, *each, rate) for each in blobs]:
                done.result()
        _ask(connection, server, "PUT", f"/v2/{REPOSITORY}/manifests/1", 201, manifest, media_types.OCI_MANIFEST)
        pushed = time.perf_counter()
        found = _wait(connection, server)
    return _Pushed(pushed - began, time.perf_counter() - pushed, len(found["report"]["packages"]))


def _wait(connection: http.client.HTTPConnection, server: Server) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        body = _ask(connection, server, "GET", f"/api/v1/verdicts/{REPOSITORY}/1", 200)[1]
        (image,) = json.loads(body)["images"]
        if image["verdict"] is not None:
            verdict: dict[str, Any] = image["verdict"]
            return verdict
        time.sleep(LOOK_EVERY)
    raise SystemExit("there is no verdict")


def _blob(server: Server, content: bytes, digest: str, rate: float) -> None:
    """POST, PATCH with everything, PUT: as Docker, containerd and crane do."""
    with closing(http.client.HTTPConnection(server.host)) as connection:
        at, _ = _ask(connection, server, "POST", f"/v2/{REPOSITORY}/blobs/uploads/", 202)
        at, _ = _ask(connection, server, "PATCH", at, 202, content, rate=rate)
        _ask(connection, server, "PUT", f"{at}{'&' if '?' in at else '?'}digest={digest}", 201)


def _ask(
    connection: http.client.HTTPConnection,
    server: Server,
    method: str,
    path: str,
    status: int,
    body: bytes = b"",
    kind: str = "application/octet-stream",
    rate: float = 0,
) -> tuple[str, bytes]:
    headers = {**server.headers, "Content-Type": kind, "Content-Length": str(len(body))}
    connection.request(method, path, _slowly(body, rate) if rate else body, headers)
    response = connection.getresponse()
    answer = response.read()
    if response.status != status:
        raise SystemExit(f"{method} {path}: {response.status}, not {status}: {answer[:500]!r}")
    url = urlsplit(response.headers.get("Location", ""))
    return url.path + (f"?{url.query}" if url.query else ""), answer


def _slowly(body: bytes, rate: float) -> Iterator[bytes]:
    began = time.perf_counter()
    for start in range(0, len(body), PIECE):
        time.sleep(max(0.0, began + start / (rate * 1e6) - time.perf_counter()))
        yield body[start : start + PIECE]


def _three() -> list[bytes]:
    """Debian; programs of Go; what nobody can tell anything about."""
    layers = [gzip.compress(debian(), 6, mtime=0), gzip.compress(_tar(_programs()), 6, mtime=0)]
    missing = SIZE - sum(map(len, layers))
    return [*layers, gzip.compress(_tar({"srv/data": os.urandom(missing)}), 1, mtime=0)]


def _joined(missing: int) -> bytes:
    """The same in one layer."""
    raw = io.BytesIO(debian())
    with tarfile.open(fileobj=raw, mode="a") as archive:
        for name, content in {**_programs(), "srv/data": os.urandom(missing)}.items():
            _add(archive, name, content)
    return gzip.compress(raw.getvalue(), 6, mtime=0)


def _programs() -> dict[str, bytes]:
    return {f"usr/local/bin/{name}": tool(name).resolve().read_bytes() for name in ("crane", "oras")}


def _tar(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in files.items():
            _add(archive, name, content)
    return raw.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(content)
    archive.addfile(about, io.BytesIO(content))


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(content: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


if __name__ == "__main__":
    run(bench)
