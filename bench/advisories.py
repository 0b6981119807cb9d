"""What it costs to bring advisories in and to match with them, beside parsing the same documents once."""

import json
import shutil
import statistics
import time
import zipfile
from collections.abc import Callable, Iterator
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
    table = Table("", "median", "beside json.loads", "wanted")
    table.add_row(f"json.loads of all {len(documents):,} documents", f"{parsing:.2f} s", "1", "")
    for title, seconds, wanted in rows:
        table.add_row(title, f"{seconds:.3f} s", f"{seconds / parsing:.2f}", wanted)
    console.print(table)


def _documents(folder: Path) -> Iterator[bytes]:
    budget = reading.Budget()
    for container in reading.containers(folder):
        yield from (entry.data for entry in container.entries(budget) if entry.data.startswith(b"{"))


def _rows(folder: Path, place: Path) -> Iterator[tuple[str, float, str]]:
    copy = place / "copy"
    shutil.copytree(folder, copy)
    first = statistics.median(_timed(partial(bring_in, copy, place / f"{n}.db")) for n in range(ROUNDS))
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


def _median(do: Callable[[], object]) -> float:
    return statistics.median(_timed(do) for _ in range(ROUNDS))


def _timed(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began
