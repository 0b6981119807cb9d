"""What a file in a distribution's own format comes to: many records, each with a hash of its own. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from wharfinger.scanning.advisories.records import Interval, Record
from wharfinger.scanning.findings import State
from wharfinger.scanning.versions.encoding import BEYOND, FIRST, VersionInvalid
from wharfinger.scanning.versions.schemes import scheme

Recognise = Callable[[bytes], "Native | None"]
"""What a file says, if it is of this format. Raises RecordInvalid where it is, and cannot be read."""


@dataclass(frozen=True, slots=True)
class Native:
    """``kind`` tells files of one format apart that have records of the same names: of two releases, for example."""

    kind: str
    records: Iterable[Record]


@dataclass(slots=True)
class Affected:
    """The intervals of a vulnerability while they are gathered, and what could not be used."""

    intervals: list[Interval] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(
        self, ecosystem: str, name: str, fixed: str | None, state: State = "affected", stream: str | None = None
    ) -> None:
        """Affected from the beginning until the fix, or for good; a fix in version 0 says that it never was."""
        if fixed == "0":
            return
        key = scheme(ecosystem)
        assert key is not None, "the ecosystems of distributions have an order of versions"
        try:
            high = BEYOND if fixed is None else key(fixed)
        except VersionInvalid as invalid:
            self.problems.append(f"a fix that is no version: {invalid}")
            return
        known: State = state if fixed is None else "fixed"
        self.intervals.append(Interval(ecosystem, name, FIRST, high, fixed, known, stream))


def hashed(record: Record) -> bytes:
    """By which it is told whether a record is as it was, whatever else its file says."""
    return hashlib.sha256(msgspec.json.encode(record)).digest()


def first(problems: Sequence[str]) -> tuple[str, ...]:
    """As many as are kept, without repetition."""
    return tuple(dict.fromkeys(problems))[:5]
