"""What the routes of scanning give."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from wharfinger.meta.verdicts import Verdict
from wharfinger.scanning.adapters import merging
from wharfinger.scanning.adapters.reports import Said
from wharfinger.scanning.pushed import Scanned, State


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class VerdictView(_View):
    """The last verdict on one image: by which advisories and cataloguer, when, how many findings of each severity.

    ``fixable`` is for how many of them a fixed version is known; ``changed_at`` when the verdict last said something
    else. ``report`` is what ``docs/scan.schema.json`` calls an image, where each finding
    says which scanners have found it; ``counts`` has those of other scanners, too.
    """

    status: str
    judged_at: float
    changed_at: float
    advisories: str
    sources: Mapping[str, int]
    cataloguer: str
    isolation: str
    counts: Mapping[str, int]
    fixable: Mapping[str, int]
    report: Mapping[str, Any]

    @classmethod
    def of(cls, verdict: Verdict, report: Mapping[str, Any]) -> "VerdictView":
        names = (name for name in cls.model_fields if name not in {"report", "counts"})
        counts = merging.counts(report["findings"])
        return cls(report=report, counts=counts, **{name: getattr(verdict, name) for name in names})


class SaidView(_View):
    """What another scanner has said of an image: how many vulnerabilities, when; or why it has not."""

    scanner: str
    name: str
    version: str
    vulnerabilities: int
    reported_at: float | None
    waiting: bool
    problem: str

    @classmethod
    def of(cls, said: Said) -> "SaidView":
        by = said.report
        return cls(
            scanner=said.scanner,
            name=by.name if by else "",
            version=by.version if by else "",
            vulnerabilities=len(by.items) if by else 0,
            reported_at=said.reported_at,
            waiting=said.waiting,
            problem=said.problem,
        )


class ImageView(_View):
    """One image. ``state`` is judged, waiting, unscanned, or nothing-to-scan."""

    digest: str
    state: State
    verdict: VerdictView | None
    scanners: list[SaidView] = []

    @classmethod
    def of(cls, scanned: Scanned, said: Sequence[Said]) -> "ImageView":
        verdict = None
        if scanned.verdict is not None:
            told = [(each.scanner, each.report) for each in said if each.report is not None]
            verdict = VerdictView.of(scanned.verdict, merging.merge(scanned.report, told))
        others = [SaidView.of(each) for each in said]
        return cls(digest=scanned.digest, state=scanned.state, verdict=verdict, scanners=others)


class VerdictsView(_View):
    """Of every image that was meant."""

    images: list[ImageView]

    @classmethod
    def of(cls, found: Sequence[Scanned], said: Mapping[str, Sequence[Said]]) -> "VerdictsView":
        return cls(images=[ImageView.of(each, said.get(each.digest, ())) for each in found])


class BillView(_View):
    """Bills of materials by the digest of the image, each as its scanner has made it."""

    bills: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, found: Mapping[str, Mapping[str, Any]]) -> "BillView":
        return cls(bills=found)


class AskedView(_View):
    """How many images are going to be scanned."""

    images: int
