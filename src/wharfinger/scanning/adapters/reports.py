"""What other scanners have said of images, read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import scanners
from wharfinger.scanning.adapters import packing, protocol
from wharfinger.scanning.adapters.protocol import Report
from wharfinger.spec.digest import Digest


@dataclass(frozen=True, slots=True)
class Said:
    """The last report of a scanner on one image, where there is one; whether one is waited for, and what is wrong."""

    scanner: str
    report: Report | None
    reported_at: float | None
    waiting: bool
    problem: str


def of(tx: Connection, digests: Sequence[Digest]) -> Mapping[str, Sequence[Said]]:
    """What is said of these images, by digest."""
    found: dict[str, list[Said]] = {}
    for row in scanners.reports(tx, digests):
        report = None if row.report is None else protocol.from_json(packing.unpacked(row.report))
        said = Said(row.scanner, report, row.reported_at, bool(row.request), row.problem)
        found.setdefault(row.digest, []).append(said)
    return found


def bills(tx: Connection, digests: Sequence[Digest], scanner: str) -> Mapping[str, Mapping[str, Any]]:
    """The bills of materials that a scanner has made of these images."""
    rows = (scanners.report(tx, scanner, digest) for digest in digests)
    return {row.digest: packing.unpacked(row.sbom) for row in rows if row is not None and row.sbom is not None}
