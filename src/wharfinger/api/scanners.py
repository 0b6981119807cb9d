"""Scanners of others: registered, listed, removed. What proves us to one is taken and never given."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from wharfinger.access.actions import Action
from wharfinger.api.routes import By, Route
from wharfinger.meta.scanners import ScannerRow
from wharfinger.scanning.adapters import protocol
from wharfinger.scanning.adapters.registering import Known, Scanners, WantedScanner


class NewScanner(BaseModel):
    """``url`` is that before ``/api/v1``; ``registry`` that by which the scanner reaches this registry.

    ``secret`` is a bearer token, or NAME:PASSWORD. With ``private`` it may be in a private network.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str
    url: str
    account: str
    registry: str | None = None
    auth: Literal["none", "basic", "bearer"] = "none"
    secret: str = ""
    private: bool = False
    every: float = 86400.0
    sbom: bool = False


class ScannerView(BaseModel):
    """``scanner``, ``vendor``, ``version`` and ``properties`` are its own words; ``problem`` is why it is not asked."""

    name: str
    url: str
    account: str
    registry: str
    auth: str
    private: bool
    every: float
    sbom: bool
    created_at: float
    created_by: str
    scanner: str = ""
    vendor: str = ""
    version: str = ""
    properties: Mapping[str, str] = {}
    reported: int
    problem: str
    down_until: float

    @classmethod
    def of(cls, known: Known) -> "ScannerView":
        """What may be told of a scanner."""
        row = known.row
        names = set(cls.model_fields) & set(ScannerRow.__slots__)
        fields = {name: getattr(row, name) for name in names}
        if row.metadata:
            about = protocol.metadata(row.metadata.encode())
            fields |= {"scanner": about.name, "vendor": about.vendor, "version": about.version}
            fields["properties"] = about.properties
        return cls(reported=known.reported, **fields)


class ScannersView(BaseModel):
    scanners: list[ScannerView]


class ScannerHandlers:
    """For administrators; who audits may look."""

    def __init__(self, scanners: Scanners) -> None:
        self._scanners = scanners

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/scanners", self.every, Action.AUDIT),
            Route("POST", "/scanners", self.add, Action.ADMIN, 201),
            Route("DELETE", "/scanners/{name}", self.remove, Action.ADMIN, 204),
        ]

    async def every(self) -> ScannersView:
        """The scanners, what they say of themselves, and how they do."""
        return ScannersView(scanners=[ScannerView.of(each) for each in await self._scanners.every()])

    async def add(self, by: By, new: NewScanner) -> ScannerView:
        """Register one, once it has answered; it is asked about every image that was scanned."""
        row = await self._scanners.add(by, WantedScanner(**new.model_dump()))
        return ScannerView.of(Known(row, 0))

    async def remove(self, by: By, name: str) -> None:
        """Remove one, with all that it reported."""
        await self._scanners.remove(by, name)
