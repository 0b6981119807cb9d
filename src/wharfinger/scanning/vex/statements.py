"""What a VEX document comes to, whatever its format. Pure."""

from dataclasses import dataclass
from typing import Literal

from wharfinger.scanning.vex.purls import Purl

Status = Literal["not_affected", "fixed", "affected", "under_investigation"]
SUPPRESSING: frozenset[Status] = frozenset({"not_affected", "fixed"})


@dataclass(frozen=True, slots=True)
class Named:
    """Something that is named: by a purl, or by words that nothing here can be compared with."""

    text: str
    purl: Purl | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What a statement is about: a package, an image, or parts of either. Without parts, all of it."""

    named: Named
    parts: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """``vulnerabilities`` are names of one vulnerability. ``moment`` orders statements; the last one counts.

    ``where`` tells people which one it is: the file and its number there.
    """

    vulnerabilities: tuple[str, ...]
    products: tuple[Product, ...]
    status: Status
    why: str
    where: str
    moment: str = ""

    @property
    def reason(self) -> str:
        """What stands beside a finding that it suppresses."""
        word = {"not_affected": "not affected", "fixed": "fixed"}.get(self.status, self.status)
        return f"{word}{f': {self.why}' if self.why else ''} ({self.where})"
