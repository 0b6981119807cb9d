"""What scanning a target came to: for each image its catalogue and what advisories say of it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wharfinger.scanning.findings import Finding, Matched
from wharfinger.scanning.packages import Catalogue, Package
from wharfinger.spec.digest import Digest

Status = Literal["complete", "partial", "not-assessed", "nothing-to-scan"]


@dataclass(frozen=True, slots=True)
class ImageScan:
    """One image of one platform."""

    digest: Digest
    platform: str
    catalogue: Catalogue
    matched: Matched

    @property
    def status(self) -> Status:
        """The least that must be known of it: what could not be read outweighs what nobody judges."""
        if self.catalogue.nothing_to_scan:
            return "nothing-to-scan"
        if self.catalogue.problems:
            return "partial"
        return "not-assessed" if self.matched.not_assessed else "complete"

    @property
    def packages(self) -> Sequence[Package]:
        """Sorted, so that the same image reads the same."""
        return in_order(self.catalogue.packages)

    @property
    def findings(self) -> Sequence[Finding]:
        """Worst first, then by package."""
        return sorted(self.matched.findings, key=lambda each: (-each.severity.rank, each.package, each.id, each.purl))


@dataclass(frozen=True, slots=True)
class Scan:
    """``sha256`` and ``sources`` tell the set of advisories: its hash, and how many records each source has."""

    target: str
    sha256: str
    sources: Mapping[str, int]
    images: Sequence[ImageScan]


def in_order(packages: Iterable[Package]) -> Sequence[Package]:
    """As every document has them."""
    return sorted(packages, key=lambda each: (each.type, each.name, each.version, each.purl))
