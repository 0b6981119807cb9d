"""Harbor's adapter for Trivy, as its makers publish it, with the Redis that it keeps its jobs in."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit.parts import trivy_stand_in
from tests.kit.parts.process import answers, free_port, listens, program
from tests.kit.parts.tools import cache


@contextmanager
def trivy_adapter(folder: Path) -> Iterator[str]:
    """Its address. Where it could not be built the test is skipped, in CI too: nobody mirrors this module for good."""
    adapter, redis = shutil.which("scanner-trivy", path=str(cache() / "bin")), shutil.which("redis-server")
    if adapter is None or redis is None:
        pytest.skip("tests/install has no adapter for Trivy, or no Redis")
    port, store = free_port(), free_port()
    for name in ("bin", "cache", "reports"):
        (folder / name).mkdir(parents=True)
    trivy = folder / "bin" / "trivy"
    trivy.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-I", trivy_stand_in.__file__])} "$@"\n')
    trivy.chmod(0o755)
    keeping = ["--bind", "127.0.0.1", "--port", str(store), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    environment = {
        "PATH": f"{folder}/bin:/usr/bin:/bin",
        "SCANNER_API_SERVER_ADDR": f"127.0.0.1:{port}",
        "SCANNER_REDIS_URL": f"redis://127.0.0.1:{store}",
        # Each is a second unless it is said, which a machine with much else to do does not keep.
        **{f"SCANNER_REDIS_POOL_{each}_TIMEOUT": "30s" for each in ("CONNECTION", "READ", "WRITE")},
        "SCANNER_TRIVY_CACHE_DIR": f"{folder}/cache",
        "SCANNER_TRIVY_REPORTS_DIR": f"{folder}/reports",
        "SCANNER_TRIVY_OFFLINE_SCAN": "true",
    }
    with (
        program([redis, *keeping], folder / "redis.log", ready=lambda: listens(store)),
        program([adapter], folder / "adapter.log", ready=lambda: answers(port, "/probe/ready"), env=environment),
    ):
        yield f"http://127.0.0.1:{port}"
