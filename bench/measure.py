"""Every row on both registries by turns, so that whatever else the machine does hits both."""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.rows import Row
from bench.servers import Backend, Server
from tests.kit.parts.postgres import postgres
from tests.kit.parts.stores import create_bucket
from tests.kit.parts.swift import swift


@dataclass(frozen=True)
class Result:
    """A row's figures, one for each round; of the peer none where it was left out."""

    row: Row
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """How many times as much ours does, median by median."""
        return statistics.median(self.ours) / statistics.median(self.peer) if self.peer else None

    @property
    def is_reached(self) -> bool | None:
        """Whether the ratio is what we want it to be; None where nothing is wanted."""
        if self.row.target is None or self.ratio is None:
            return None
        return self.ratio >= self.row.target


def run(
    rows: Sequence[Row], ours: Server, peer: Server, rounds: int, console: Console, *, in_bucket: bool
) -> list[Result]:
    """The figures of all rows."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    results = []
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(rows) * rounds)
        for row in rows:
            progress.update(task, description=row.title)
            result = Result(row)
            both = [(ours, result.ours)]
            if row.peer_in_bucket or not in_bucket:
                both.append((peer, result.peer))
            for server, _ in both:
                row.prepare(server)
            for _ in range(rounds):
                for server, figures in both:
                    figures.append(row.measure(server))
                progress.advance(task)
            results.append(result)
            console.print(
                f"{row.title}: {shown(result.ours, row.unit)} against {shown(result.peer, row.unit)} {row.unit}"
            )
    return results


def shown(figures: Sequence[float], unit: str) -> str:
    """The median, and from the lowest to the highest."""
    if not figures:
        return "left out"
    scale = 1_000_000 if unit == "MB/s" else 1
    median, low, high = (_figure(value / scale) for value in (statistics.median(figures), min(figures), max(figures)))
    return f"{median} ({low}–{high})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


@contextmanager
def backend(name: str, folder: Path) -> Iterator[Backend]:
    """Files, or PostgreSQL and two buckets in Swift."""
    if name == "files":
        yield Backend(name)
        return
    with ExitStack() as parts:
        url = parts.enter_context(postgres(folder, waits_for_disk=True))
        ours = parts.enter_context(swift(folder))
        peer = replace(ours, bucket="peer")
        create_bucket(peer)
        yield Backend(name, url.replace("+psycopg", ""), ours, peer)
