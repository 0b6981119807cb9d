"""However large the blobs and however slow the clients: a worker's memory depends on how many there are, not on that.

The uploads have the same content in sessions of their own, so that the disk holds all of them only while they are
staged: 32 of 256 MiB need 8 GiB for half a minute.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.kit.load import MIB, Content, pull, push
from tests.kit.server import Server, serve

pytestmark = pytest.mark.system

REPO = "team/app"
AT_ONCE = 32
SMALL, LARGE = 64, int(os.environ.get("WHARF_TEST_MEMORY_MIB", "256"))
MOST = 200 * MIB
GROWTH = 30 * MIB
WAYS = (1, 1, 0, 3)
"""In how many PATCHes: Docker's way, with all in the PUT, and in chunks that have to be stitched."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    needed = AT_ONCE * LARGE * MIB * 3 // 2
    if shutil.disk_usage(tmp_path).free < needed:
        pytest.fail(f"this test needs {needed >> 30} GiB of disk; WHARF_TEST_MEMORY_MIB makes it smaller")
    with serve(tmp_path / "data", environment={"WHARF_ACCESS_LOG": "false"}) as server:
        yield server
    shutil.rmtree(tmp_path / "data")


def peak(server: Server) -> int:
    """The most memory that any worker had so far."""
    found = [Path(f"/proc/{pid}/status").read_text() for pid in server.processes("worker")]
    return max(int(match[1]) * 1024 for status in found if (match := re.search(r"VmHWM:\s+(\d+) kB", status)))


def all_at_once(work: Callable[[int], None]) -> None:
    """Do it for every client."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for done in [threads.submit(work, number) for number in range(AT_ONCE)]:
            done.result()


def push_and_pull(server: Server, mebibytes: int) -> int:
    """The peak after everybody has pushed and pulled so many MiB."""
    content = Content.new(mebibytes)
    assert content.digest
    all_at_once(lambda number: push(server, REPO, content, WAYS[number % len(WAYS)]))
    all_at_once(lambda number: pull(server, REPO, content, pause=3 * (number % 2)))
    return peak(server)


def test_memory_does_not_grow_with_the_size_of_what_is_pushed_and_pulled(server: Server) -> None:
    small = push_and_pull(server, SMALL)
    large = push_and_pull(server, LARGE)
    print(f"{AT_ONCE} at once: {small / MIB:.0f} MiB with blobs of {SMALL} MiB, {large / MIB:.0f} with {LARGE}")
    assert large < MOST
    assert large - small < GROWTH


def test_memory_does_not_grow_with_the_number_of_pushes_that_were(server: Server) -> None:
    content = Content.new(1)
    assert content.digest
    work = partial(push, server, REPO, content)
    for _ in range(3):
        all_at_once(lambda _: work(1))
    before = peak(server)
    for _ in range(20):
        all_at_once(lambda _: work(1))
    assert peak(server) - before < GROWTH
