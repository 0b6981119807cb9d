"""What it costs to bring advisories in and to match with them, beside parsing the same documents once."""

import json
import shutil
import statistics
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from tests.kit.advisories import excerpt, whole
from wharfinger.scanning.advisories import reading
from wharfinger.scanning.advisories.building import bring_in
from wharfinger.scanning.advisories.database import Advisories
from wharfinger.scanning.matching import match
from wharfinger.scanning.packages import Catalogue, Distribution, Package, Source

ROUNDS = 3
VERSIONS = 30_000
CHANGED = 300
TODAY = date(2026, 11, 24)


@dataclass(frozen=True)
class _Spent:
    """How long it took, and how long the processor was busy with it: less, where the machine is not quiet."""

    seconds: float
    processor: float


def cost(console: Console) -> None:
    """Print it."""
    folder = whole()
    if folder is None:
        console.print("the whole collection of advisories is not here, so there is nothing to measure")
        return
    documents = list(_documents(folder))
    with TemporaryDirectory(prefix="wharf-bench-") as place:
        rows = list(_rows(folder, Path(place)))
    parsing = _median(lambda: [json.loads(each) for each in documents])
    table = Table("", "median", "of the processor", "beside json.loads", "wanted")
    for title, spent, wanted in ((f"json.loads of all {len(documents):,} documents", parsing, ""), *rows):
        ratio = f"{spent.processor / parsing.processor:.2f}"
        table.add_row(title, f"{spent.seconds:.3f} s", f"{spent.processor:.3f} s", ratio, wanted)
    console.print(table)


def _documents(folder: Path) -> Iterator[bytes]:
    budget = reading.Budget()
    for container in reading.containers(folder):
        yield from (entry.data for entry in container.entries(budget) if entry.data.startswith(b"{"))


def _rows(folder: Path, place: Path) -> Iterator[tuple[str, _Spent, str]]:
    copy = place / "copy"
    shutil.copytree(folder, copy)
    first = _middle([_timed(partial(bring_in, copy, place / f"{n}.db")) for n in range(ROUNDS)])
    database = place / "0.db"
    records = sum(Advisories(database).sources.values())
    yield f"import of {records:,} records", first, "8 s"
    yield "the same files again", _median(lambda: bring_in(copy, database)), "1 s"
    _change(copy / "Go.zip")
    yield f"{CHANGED} of them changed", _timed(lambda: bring_in(copy, database)), ""
    known = Advisories(database)
    debian = [Package("deb", n, v, f"pkg:deb/debian/{n}@{v}", Source(s, sv)) for n, v, s, sv in _debian()]
    image = Catalogue(tuple(debian), Distribution("debian", "12"))
    yield f"an image of {len(debian)} packages", _median(lambda: match(image, known, today=TODAY)), ""
    many = Catalogue(tuple(_many(debian)), Distribution("debian", "12"))
    yield f"{VERSIONS:,} versions of packages", _median(lambda: match(many, known, today=TODAY)), ""


def _debian() -> list[list[str]]:
    found: list[list[str]] = excerpt("debian-12.json")["packages"]
    return found


def _many(packages: list[Package]) -> Iterator[Package]:
    """As many versions as a large registry has, each beside one that is out."""
    for number in range(VERSIONS):
        each = packages[number % len(packages)]
        assert each.source is not None
        version = f"{each.source.version}+{number}"
        yield Package("deb", each.name, version, f"{each.purl}+{number}", Source(each.source.name, version))


def _change(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for number, (name, data) in enumerate(files.items()):
            written.writestr(name, data.rstrip() + b" " if number < CHANGED else data)


def _median(do: Callable[[], object]) -> _Spent:
    return _middle([_timed(do) for _ in range(ROUNDS)])


def _middle(spent: list[_Spent]) -> _Spent:
    return _Spent(statistics.median(s.seconds for s in spent), statistics.median(s.processor for s in spent))


def _timed(do: Callable[[], object]) -> _Spent:
    began, busy = time.perf_counter(), time.process_time()
    do()
    return _Spent(time.perf_counter() - began, time.process_time() - busy)
