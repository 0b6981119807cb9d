"""Images as the foreign evaluators and ``wharf lifecycle evaluate`` both see them. Ages are in seconds before now."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 1, 31, tzinfo=UTC)
DAY = 86_400


@dataclass(frozen=True)
class Tag:
    name: str
    age: float
    protected: bool = False


@dataclass(frozen=True)
class Image:
    id: str
    age: float
    tags: tuple[Tag, ...] = ()
    repository: str = "shop/web"
    pulled: float | None = None
    untagged: float | None = None
    """How long ago the last tag was lost."""
    subject: str | None = None

    @property
    def names(self) -> list[str]:
        return [tag.name for tag in self.tags]

    def plain(self) -> dict[str, Any]:
        """As a record of images.json."""
        tags = [{"name": tag.name, "pushed": _moment(tag.age), "protected": tag.protected} for tag in self.tags]
        found = {"id": self.id, "repository": self.repository, "tags": tags, "pushed": _moment(self.age)}
        if self.pulled is not None:
            found["pulled"] = _moment(self.pulled)
        if self.untagged is not None:
            found["untagged_since"] = _moment(self.untagged)
        if self.subject is not None:
            found["subject"] = self.subject
        return found


@dataclass(frozen=True)
class Fate:
    """What becomes of an image."""

    verdict: str = "keep"
    removed: frozenset[str] = frozenset()


KEPT = Fate()


def gone(image: Image) -> Fate:
    """Deleted, with all its tags."""
    return Fate("delete", frozenset(image.names))


def untagged(names: Iterable[str]) -> Fate:
    """It loses these tags and stays."""
    found = frozenset(names)
    return Fate("untag", found) if found else KEPT


def by_repository(images: list[Image], decide: Callable[[str, list[Image]], dict[str, Fate]]) -> dict[str, Fate]:
    """What ``decide`` says of each repository by itself."""
    found: dict[str, Fate] = {}
    for repository in sorted({image.repository for image in images}):
        found |= decide(repository, [image for image in images if image.repository == repository])
    return found


def _moment(age: float) -> str:
    return (NOW - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
