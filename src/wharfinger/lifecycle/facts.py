"""Conditions on what an image is, whatever becomes of its tags and whoever uses it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from wharfinger.lifecycle.conditions import Condition, Group, Item, Run
from wharfinger.lifecycle.images import SEVERITIES, by_scanner
from wharfinger.lifecycle.units import size_written
from wharfinger.select.selectors import Selector


@dataclass(frozen=True, slots=True)
class Repositories(Condition):
    selector: Selector
    key: ClassVar[str] = "repositories"

    def holds(self, item: Item, group: Group, run: Run) -> bool:
        return self.selector.matches(item.image.repository or "")

    def __str__(self) -> str:
        return f"is in a repository {self.selector}"


@dataclass(frozen=True, slots=True)
class Digest(Condition):
    selector: Selector
    key: ClassVar[str] = "digest"

    def holds(self, item: Item, group: Group, run: Run) -> bool:
        return self.selector.matches(item.image.id)

    def __str__(self) -> str:
        return f"has a digest {self.selector}"


@dataclass(frozen=True, slots=True)
class LargerThan(Condition):
    size: int
    key: ClassVar[str] = "larger_than"

    def holds(self, item: Item, group: Group, run: Run) -> bool:
        return item.image.size is not None and item.image.size > self.size

    def __str__(self) -> str:
        return f"is larger than {size_written(self.size)}"


@dataclass(frozen=True, slots=True)
class SmallerThan(Condition):
    size: int
    key: ClassVar[str] = "smaller_than"

    def holds(self, item: Item, group: Group, run: Run) -> bool:
        return item.image.size is not None and item.image.size < self.size

    def __str__(self) -> str:
        return f"is smaller than {size_written(self.size)}"


@dataclass(frozen=True, slots=True)
class Words(Condition):
    """Labels or annotations: each that is named is there, and its value satisfies the selector."""

    kind: Literal["labels", "annotations"]
    wanted: tuple[tuple[str, Selector], ...]

    @property
    def key(self) -> str:
        return self.kind

    def holds(self, item: Item, group: Group, run: Run) -> bool:
        found: Mapping[str, str] = item.image.labels if self.kind == "labels" else item.image.annotations
        return all(name in found and selector.matches(found[name]) for name, selector in self.wanted)

    def __str__(self) -> str:
        told = " and ".join(f"{name} {selector}" for name, selector in self.wanted)
        return f"has the {self.kind} {told}"


@dataclass(frozen=True, slots=True)
class Platform(Condition):
    selector: Selector
    key: ClassVar[str] = "platform"

    def holds(self, item: Item, group: Group, run: Run) -> bool:
        return item.image.platform is not None and self.selector.matches(item.image.platform)

    def __str__(self) -> str:
        return f"is for the platform {self.selector}"


@dataclass(frozen=True, slots=True)
class ArtifactType(Condition):
    selector: Selector
    key: ClassVar[str] = "artifact_type"

    def holds(self, item: Item, group: Group, run: Run) -> bool:
        return item.image.artifact_type is not None and self.selector.matches(item.image.artifact_type)

    def __str__(self) -> str:
        return f"is of the type {self.selector}"


@dataclass(frozen=True, slots=True)
class HasSubject(Condition):
    """Whether it says what it refers to, be that present or not."""

    wanted: bool = True
    key: ClassVar[str] = "has_subject"

    def holds(self, item: Item, group: Group, run: Run) -> bool:
        return (item.image.subject is not None) is self.wanted

    def __str__(self) -> str:
        return "refers to a subject" if self.wanted else "refers to no subject"


Level = Literal["critical", "high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Severity(Condition):
    """The worst that scanning found is at least so severe; of ``fixable``, for which a fixed version is known.

    What was not scanned, or not assessed, is never so severe. What has no rating is none here. ``scanners`` are those
    whose findings count; None for all.
    """

    level: Level
    fixable: bool = False
    scanners: frozenset[str] | None = None

    @property
    def key(self) -> str:
        return "fixable_severity" if self.fixable else "severity"

    def holds(self, item: Item, group: Group, run: Run) -> bool:
        found = item.image.fixable_severity if self.fixable else item.image.severity
        if found is None:
            return False
        counts = (each for name, each in by_scanner(found).items() if self.scanners is None or name in self.scanners)
        return any(SEVERITIES.index(each) <= SEVERITIES.index(self.level) for each in counts)

    def __str__(self) -> str:
        by = "" if self.scanners is None else f" as {', '.join(sorted(self.scanners))} found"
        return f"has a {'fixable ' if self.fixable else ''}vulnerability that is {self.level} or worse{by}"
