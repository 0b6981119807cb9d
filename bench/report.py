"""The table, for the terminal and for ``docs/benchmarks.md``."""

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measure import Result, shown

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_HEADINGS = ("", "", "Wharfinger", "docker-registry", "ratio", "wanted")


@dataclass(frozen=True)
class Report:
    """All that a run has found out."""

    backend: str
    rounds: int
    results: Sequence[Result]
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    our_settings: Mapping[str, str]
    peer_settings: Mapping[str, object]
    memory: Mapping[str, Mapping[str, int]]


def show(report: Report, console: Console) -> None:
    """Print it."""
    for name, value in _facts(report):
        console.print(f"[bold]{name}[/]: {value}", highlight=False, soft_wrap=True)
    table = Table(*_HEADINGS)
    for result in report.results:
        colour = {True: "green", False: "red", None: ""}[result.is_reached]
        *cells, ratio, wanted = _cells(result)
        table.add_row(*cells, f"[{colour}]{ratio}[/]" if colour else ratio, wanted)
    console.print(table)
    for line in [*_flatness(report), *_memory(report)]:
        console.print(line, highlight=False, soft_wrap=True)


def write(report: Report, page: Path = PAGE) -> None:
    """Put it into its place on the page, between the comments that bear the backend's name."""
    first, last = f"<!-- {report.backend} -->", f"<!-- end of {report.backend} -->"
    text = page.read_text(encoding="utf-8")
    place = re.compile(f"{re.escape(first)}.*{re.escape(last)}", re.DOTALL)
    if not place.search(text):
        raise ValueError(f"{page.name} has no place for {report.backend}")
    page.write_text(place.sub(lambda _: f"{first}\n{_markdown(report)}\n{last}", text), encoding="utf-8")


def _markdown(report: Report) -> str:
    lines = [f"- {name}: {value}" for name, value in _facts(report)]
    lines += ["", _line(_HEADINGS), "|---|---|--:|--:|--:|--:|"]
    for result in report.results:
        *cells, ratio, wanted = _cells(result)
        lines.append(_line((*cells, f"**{ratio}**" if result.is_reached else ratio, wanted)))
    return "\n".join([*lines, "", *(f"- {line}" for line in [*_flatness(report), *_memory(report)])])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _facts(report: Report) -> list[tuple[str, str]]:
    named = {"date": datetime.now(UTC).date().isoformat(), **report.machine}
    ours = ", ".join(f"{name}={value}" for name, value in report.our_settings.items())
    each = "every request carries a token, is decided by grants, and is in the audit trail"
    return [
        *named.items(),
        ("versions", ", ".join(f"{name} {value}" for name, value in report.versions.items())),
        ("Wharfinger", f"`wharf serve` with authentication, {ours}; {each}"),
        ("docker-registry", f"without authentication, `{json.dumps(report.peer_settings)}`"),
        ("rounds", f"{report.rounds}, the registries by turns; the median, and from the lowest to the highest"),
    ]


def _cells(result: Result) -> tuple[str, ...]:
    row = result.row
    return (
        row.title,
        row.unit,
        shown(result.ours, row.unit),
        shown(result.peer, row.unit),
        "" if result.ratio is None else f"{result.ratio:.1f}",
        "" if row.target is None else f"≥ {row.target:g}",
    )


def _flatness(report: Report) -> list[str]:
    """How a list's first page holds its pace while the list grows."""
    lines = []
    for kind in ("tags", "catalog"):
        series = [result for result in report.results if re.fullmatch(rf"{kind}-\d+", result.row.key)]
        if len(series) > 1:
            ours = statistics.median(series[-1].ours) / statistics.median(series[0].ours)
            lines.append(f"{series[-1].row.title}: {ours:.0%} of the pace of the {series[0].row.title}")
    return lines


def _memory(report: Report) -> list[str]:
    return [
        f"Most memory resident in {name}: "
        + ", ".join(f"{process} {size / 2**20:.0f} MiB" for process, size in sorted(processes.items()))
        for name, processes in report.memory.items()
    ]
