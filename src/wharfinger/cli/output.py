"""How commands print: tables for people, lines of tabs for pipes, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]


def print_json(fields: Any) -> None:
    print(json.dumps(fields, indent=2))


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; elsewhere one line for each row, its cells parted by tabs, without headings."""
    cleaned = ([clean(cell) for cell in row] for row in rows)
    if not sys.stdout.isatty():
        for row in cleaned:
            print("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=None, pad_edge=False)
    for row in cleaned:
        table.add_row(*row)
    # As wide as it must be: a digest that is cut off, or broken in two, cannot be copied.
    Console(width=1000, highlight=False, markup=False).print(table)


def clean(text: str) -> str:
    """Without what would move the cursor or ring the bell: annotations are whatever somebody pushed."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def moment(seconds: float) -> str:
    """A time in the terminal's own zone on a terminal, else in UTC."""
    time = datetime.fromtimestamp(seconds, UTC)
    return f"{time.astimezone():%Y-%m-%d %H:%M}" if sys.stdout.isatty() else f"{time:%Y-%m-%dT%H:%M:%SZ}"


def size(count: int) -> str:
    """``12.3 MiB`` on a terminal, else the plain number of bytes."""
    if not sys.stdout.isatty():
        return str(count)
    if count < 1024:
        return f"{count} B"
    for unit, power in (("KiB", 1), ("MiB", 2), ("GiB", 3)):
        if count < 1024 ** (power + 1):
            return f"{count / 1024**power:.1f} {unit}"
    return f"{count / 1024**4:.1f} TiB"


def amount(count: int) -> str:
    """:func:`size` within a sentence, where a plain number would not say of what."""
    return size(count) if sys.stdout.isatty() else counted(count, "byte")


def counted(count: int, noun: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
