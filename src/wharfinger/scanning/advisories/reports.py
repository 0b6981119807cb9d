"""What came of an import, for people and for programs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class SourceReport:
    """One source: how many records it has now and had before, and how they differ."""

    name: str
    records: int
    before: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Skipped:
    """One thing that was not used, or not altogether: a file, or a record, and why."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The set is ``sha256`` now. ``malformed`` are records that were left out, ``flawed`` those of which a part was.

    ``other`` are files with JSON of some other kind, or with no JSON. Each list has the first of them, and each count
    is of them all.
    """

    sha256: str
    sources: tuple[SourceReport, ...]
    enrichments: Mapping[str, int]
    malformed: tuple[Skipped, ...]
    malformed_count: int
    flawed: tuple[Skipped, ...]
    flawed_count: int
    other: tuple[Skipped, ...]
    other_count: int
    is_changed: bool

    @property
    def records(self) -> int:
        return sum(source.records for source in self.sources)
