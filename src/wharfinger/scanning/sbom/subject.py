"""What a bill of materials is about, whatever its format. Pure."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wharfinger.scanning.packages import Catalogue, Package
from wharfinger.spec.digest import Digest

_SPACE = uuid.UUID("c9f0d5a6-3d0b-5f0e-9f6e-0e3c1c1f2b7a")
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Subject:
    """An image of one platform and what is in it. ``created`` is what it says itself: 2026-01-31T00:00:00Z.

    The same image gives the same document, so nothing here is of now.
    """

    name: str
    digest: Digest
    platform: str
    catalogue: Catalogue
    created: str = EPOCH

    @property
    def packages(self) -> Sequence[Package]:
        return sorted(self.catalogue.packages, key=lambda each: (each.type, each.name, each.version, each.purl))

    def identity(self, format: str) -> uuid.UUID:
        """A number of its own for each image, platform, format and version of the cataloguer."""
        return uuid.uuid5(_SPACE, f"{format}\0{self.digest}\0{self.platform}\0{self.catalogue.cataloguer}")


def named(packages: Sequence[Package]) -> Iterator[tuple[str, Package]]:
    """The packages with names that are each used once: the purl, numbered where several have it."""
    seen: dict[str, int] = {}
    for package in packages:
        count = seen[package.purl] = seen.get(package.purl, 0) + 1
        yield package.purl if count == 1 else f"{package.purl}#{count}", package
