"""The process that reads layers: what it may do, what becomes of it, and that it says what a free one says."""

import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.kit.layers import Link, Tree, archive, dpkg_status, layer, source
from wharfinger.errors import BlobUnknown
from wharfinger.scanning.cataloguing import LayerSource, Limits, catalogue_image, catalogue_layer, catalogue_layers
from wharfinger.scanning.confining import Reader

TREE: Tree = {
    "etc/os-release": Link("../usr/lib/os-release"),
    "usr/lib/os-release": "ID=debian\nVERSION_ID=12\n",
    "var/lib/dpkg/status": dpkg_status(a="1", b="2"),
}


def test_it_says_the_same_confined_and_not() -> None:
    (confined,) = catalogue_layers([layer(TREE)])
    free = catalogue_layer(layer(TREE))
    assert confined.isolation == "separate process, bounded memory, network namespace, seccomp"
    assert free.isolation == "none"
    assert (confined.evidence, confined.problems) == (free.evidence, ())


ATTEMPTS = {
    "a socket": "import socket; socket.socket()",
    "a file": "open('/etc/passwd')",
    "a new file": "open('/tmp/confined', 'w')",
    "a process": "os.fork()",
    "a program": "os.execv('/bin/true', ['true'])",
    "a signal": "os.kill(os.getppid(), 0)",
    "a folder": "os.listdir('/')",
    "another user": "os.setuid(0)",
    "another namespace": "ctypes.CDLL(None, use_errno=True).unshare(0x40000000) and os.strerror(1 // 0)",
}
CONFINED = """
import ctypes, os, sys
import socket
from wharfinger.scanning.confinement import confine
from wharfinger.scanning.limits import Limits
confine(Limits(), lambda: None)
try:
    {attempt}
except (PermissionError, ZeroDivisionError):
    os._exit(42)
os._exit(0)
"""


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_what_reads_layers_cannot_reach(attempt: str) -> None:
    program = CONFINED.format(attempt=attempt)
    assert subprocess.run([sys.executable, "-I", "-c", program], check=False, timeout=30).returncode == 42


THREADED = """
import ctypes, os, sys, threading
import socket
from wharfinger.scanning.confinement import confine
from wharfinger.scanning.limits import Limits
confined = threading.Event()
def attempt():
    confined.wait()
    for each in sys.argv[1:]:
        try:
            exec(each)
        except (PermissionError, ZeroDivisionError):
            continue
        os._exit(1)
    os._exit(42)
isolation = confine(Limits(), threading.Thread(target=attempt).start)
assert isolation.endswith(", seccomp")
confined.set()
threading.Event().wait()
"""


def test_a_thread_that_was_started_before_the_filter_cannot_reach_anything_either() -> None:
    program = [sys.executable, "-I", "-c", THREADED, *ATTEMPTS.values()]
    assert subprocess.run(program, check=False, timeout=30).returncode == 42


def test_more_memory_than_is_given_is_refused_by_the_kernel() -> None:
    program = CONFINED.format(attempt="bytearray(400 << 20)").replace("ZeroDivisionError", "MemoryError")
    assert subprocess.run([sys.executable, "-I", "-c", program], check=False, timeout=30).returncode == 42


def test_whoever_reads_steps_back_with_every_thread() -> None:
    with Reader(Limits()) as reader:
        threads = Path(f"/proc/{reader.start().pid}/task")
        reader.read(layer(TREE))  # by then all of them have been started
        reader.step_back()
        priorities = [os.getpriority(os.PRIO_PROCESS, int(each.name)) for each in threads.iterdir()]
    wanted = min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)
    assert priorities == [wanted, wanted]


def test_a_layer_that_takes_too_long_is_partial_and_the_next_one_is_read() -> None:
    slow = LayerSource("sha256:" + "0" * 64, "", _Slow)
    first, second = catalogue_layers([slow, layer(TREE)], limits=Limits(seconds=0.2))
    assert "reading it took more than 0.2 seconds" in [problem.reason for problem in first.problems]
    assert len(second.evidence) == 3


class _Slow(io.BytesIO):
    """The header of a large file, then its bytes one by one."""

    def __init__(self) -> None:
        header = tarfile.TarInfo("large")
        header.size = 1 << 30
        super().__init__(header.tobuf() + bytes(40))

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            time.sleep(0.01)
        return super().read(1 if self.tell() else 512)


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        (lambda: io.BytesIO(b"other bytes"), "these bytes are not those that the digest stands for"),
        (lambda: FileIO("/nowhere/at/all"), "its bytes cannot be had: No such file or directory"),
    ],
)
@pytest.mark.parametrize("isolated", [True, False])
def test_bytes_that_cannot_be_had_make_a_layer_partial(
    opening: Callable[[], BinaryIO], reason: str, *, isolated: bool
) -> None:
    lost = LayerSource("sha256:" + "0" * 64, "", opening)
    catalogue = catalogue_image([lost, layer(TREE)], isolated=isolated)
    assert reason in {problem.reason for problem in catalogue.problems}
    assert {problem.layer for problem in catalogue.problems} == {lost.digest}
    assert len(catalogue.packages) == 2


def test_a_refusal_of_the_registry_makes_a_layer_partial() -> None:
    def refused() -> io.BytesIO:
        raise BlobUnknown("no such blob")

    (problem,) = catalogue_image([LayerSource("sha256:" + "0" * 64, "", refused)]).problems
    assert problem.reason == "its bytes cannot be had: no such blob"


def test_an_encrypted_layer_is_partial() -> None:
    encrypted = LayerSource(layer(TREE).digest, "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", io.BytesIO)
    (problem,) = catalogue_image([encrypted]).problems
    assert problem.reason == "it is encrypted"


def test_hard_links_into_a_store_are_followed_with_a_second_look() -> None:
    store: Tree = {"store/ab/cd": dpkg_status(a="1"), "var/lib/dpkg/status": Link("store/ab/cd", hard=True)}
    (package,) = catalogue_image([source(archive(store))]).packages
    assert (package.name, package.paths) == ("a", ("var/lib/dpkg/status",))


FILTERED = """
import ctypes, os, socket
from wharfinger.scanning import confinement
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert confinement._filter(libc)
try:
    socket.socket()
except PermissionError:
    os._exit(42)
"""


def test_the_filter_alone_denies_sockets_where_there_are_no_namespaces() -> None:
    assert subprocess.run([sys.executable, "-I", "-c", FILTERED], check=False, timeout=30).returncode == 42
