"""``python -m bench``: measure, print, and publish in docs/benchmarks.md what was measured completely."""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console

from bench import measure, report
from bench.access import cost as show_cost
from bench.advisories import cost as show_advisories
from bench.cataloguing import cost as show_cataloguing
from bench.collection import cost as show_collection
from bench.gates import cost as show_gates
from bench.machine import machine, versions
from bench.profile import profile as show_profile
from bench.report import Report
from bench.rows import FULL, QUICK, Row, rows
from bench.servers import OUR_SETTINGS, docker_registry, memory, peer_settings, wharfinger

app = App(name="bench", help="The same load on Wharfinger and on Debian's docker-registry.", help_format="plaintext")


@app.default
def bench(
    *,
    rows_: Annotated[list[str] | None, Parameter("--rows", consume_multiple=True)] = None,
    rounds: int = 3,
    quick: bool = False,
    backend: Literal["files", "postgres-s3"] = "files",
    profile: bool = False,
    access: bool = False,
    gates: bool = False,
    cataloguing: bool = False,
    advisories: bool = False,
    collection: bool = False,
    blobs: int = 100_000,
    pushes: int = 400,
    folder: Path | None = None,
    wharf: Path = Path(sys.prefix, "bin", "wharf"),
    setting: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    publish: bool = True,
) -> None:
    """Measure.

    Parameters
    ----------
    rows_
        Only these rows; an unknown name prints all names.
    rounds
        How often each row is measured on each registry.
    quick
        Shorter and smaller, to see that all is well; not published.
    backend
        Files with SQLite; or PostgreSQL and S3 (Swift), where there are no targets.
    profile
        Show instead where the time of a manifest GET and of a small blob GET goes, in this process.
    access
        Show instead what it costs to decide who may do what, in this process, on both databases.
    gates
        Show instead what a gate costs at a pull, in this process, on both databases.
    cataloguing
        Show instead what it costs to catalogue an image, next to Syft.
    advisories
        Show instead what it costs to bring advisories in and to match with them.
    collection
        Show instead what giving back the bytes of blobs costs, on both databases.
    blobs
        How many that gives back.
    pushes
        How many images are pushed before, and how many during it.
    folder
        Where the registries keep their data: the disk that is measured.
    wharf
        The command to measure, for instance of another checkout.
    setting
        Settings of ours to add, like workers=2; the table says so.
    publish
        Write a complete run to docs/benchmarks.md.
    """
    console = Console()
    if profile:
        show_profile(console)
        return
    if access:
        show_cost(console)
        return
    if collection:
        show_collection(console, blobs, pushes)
        return
    if gates:
        show_gates(console)
        return
    if cataloguing:
        show_cataloguing(console, rounds)
        return
    if advisories:
        show_advisories(console)
        return
    every = rows(QUICK if quick else FULL)
    chosen = rows_ or list(every)
    if unknown := set(chosen) - set(every):
        sys.exit(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    more = {f"WHARF_{name.upper()}": value for name, _, value in (each.partition("=") for each in setting or [])}
    with TemporaryDirectory(prefix="wharf-bench-", dir=folder) as home:
        wanted = [
            row if backend == "files" else replace(row, target=None) for row in every.values() if row.key in chosen
        ]
        found = _measure(Path(home), wanted, rounds, backend, wharf, more, console)
        report.show(found, console)
    if publish and not quick and len(wanted) == len(every):
        report.write(found)
        console.print(f"written to {report.PAGE.name}")


def _measure(
    home: Path, rows: list[Row], rounds: int, name: str, wharf: Path, more: dict[str, str], console: Console
) -> Report:
    about = machine(home)
    with (
        measure.backend(name, home) as backend,
        wharfinger(wharf, home, backend, more) as ours,
        docker_registry(home, backend) as peer,
    ):
        results = measure.run(rows, ours, peer, rounds, console, in_bucket=backend.peer is not None)
        return Report(
            backend=name,
            rounds=rounds,
            results=results,
            machine=about,
            versions=versions(backend),
            our_settings={**OUR_SETTINGS, **more},
            peer_settings=peer_settings(
                Path("/data"), backend.peer and replace(backend.peer, access_key="", secret_key="")
            ),
            memory={server.name: memory(server) for server in (ours, peer)},
        )


if __name__ == "__main__":
    app()
