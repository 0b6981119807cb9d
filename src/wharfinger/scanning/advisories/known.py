"""What matching asks of a set of advisories. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Protocol

from wharfinger.scanning.advisories.records import Advisory
from wharfinger.scanning.findings import Rating, State


@dataclass(frozen=True, slots=True)
class Hit:
    """An advisory that is about a version: in which source, and how that version's interval ends."""

    source: str
    advisory: Advisory
    high: bytes
    fixed: str | None
    state: State
    stream: str | None = None
    platforms: tuple[tuple[str, str], ...] = ()


class Known(Protocol):
    """A set of advisories and what goes with it. ``sha256`` names it, ``sources`` counts its records."""

    @property
    def sha256(self) -> str: ...

    @property
    def sources(self) -> Mapping[str, int]: ...

    @property
    def ecosystems(self) -> frozenset[str]:
        """Those of which at least one version is affected."""
        ...

    def hits(self, ecosystem: str, name: str, place: bytes) -> Sequence[Hit]:
        """Every advisory about the package whose version has this key."""
        ...

    def names_ending(self, ecosystem: str, end: str) -> Sequence[str]:
        """Packages whose names end so."""
        ...

    def other_names(self, ecosystem: str, name: str, ids: Collection[str]) -> frozenset[str]:
        """What these vulnerabilities are also called by advisories about the same package."""
        ...

    def ratings(self, ids: Collection[str]) -> Sequence[Rating]:
        """What anybody says of a vulnerability with one of these names."""
        ...

    def exploited(self, ids: Collection[str]) -> date | None:
        """Since when one of them is known to be exploited."""
        ...

    def likelihood(self, ids: Collection[str]) -> float | None:
        """How likely it is that one of them is exploited within a month, from 0 to 1."""
        ...

    def end_of_life(self, distribution: str, release: str) -> date | None:
        """When a release of a distribution ends, if a table of that was loaded."""
        ...


class Nothing:
    """A set without any advisory: by it nothing is assessed."""

    sha256 = ""
    sources: Mapping[str, int] = MappingProxyType({})
    ecosystems: frozenset[str] = frozenset()

    def hits(self, ecosystem: str, name: str, place: bytes) -> Sequence[Hit]:
        return ()

    def names_ending(self, ecosystem: str, end: str) -> Sequence[str]:
        return ()

    def other_names(self, ecosystem: str, name: str, ids: Collection[str]) -> frozenset[str]:
        return frozenset(ids)

    def ratings(self, ids: Collection[str]) -> Sequence[Rating]:
        return ()

    def exploited(self, ids: Collection[str]) -> date | None:
        return None

    def likelihood(self, ids: Collection[str]) -> float | None:
        return None

    def end_of_life(self, distribution: str, release: str) -> date | None:
        return None


NOTHING: Known = Nothing()
