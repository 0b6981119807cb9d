"""What the routes of scanning give."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from wharfinger.meta.verdicts import Verdict
from wharfinger.scanning.findings import Severity
from wharfinger.scanning.pushed import State
from wharfinger.scanning.seeing import Seen
from wharfinger.scanning.vex.applying import Unmatched


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class UnmatchedView(_View):
    """A VEX statement about a vulnerability of the image that meets nothing, and the nearest package that there is."""

    statement: str
    vulnerability: str
    product: str
    reason: str
    nearest: str

    @classmethod
    def of(cls, found: Unmatched) -> "UnmatchedView":
        said = found.statement
        return cls(
            statement=said.where,
            vulnerability=said.vulnerabilities[0],
            product=found.product,
            reason=found.reason,
            nearest=found.nearest,
        )


class VerdictView(_View):
    """The last verdict on one image: by which advisories and cataloguer, when, how many findings of each severity.

    ``report`` is what ``docs/scan.schema.json`` calls an image. What is suppressed in it is not among the ``counts``.
    """

    status: str
    judged_at: float
    advisories: str
    sources: Mapping[str, int]
    cataloguer: str
    isolation: str
    counts: Mapping[str, int]
    suppressed: int
    unmatched: list[UnmatchedView]
    report: Mapping[str, Any]

    @classmethod
    def of(cls, verdict: Verdict, seen: Seen) -> "VerdictView":
        report = seen.report
        names = ("status", "judged_at", "advisories", "sources", "cataloguer", "isolation")
        left = Counter(each["severity"] for each in report["findings"] if each["suppressed"] is None)
        return cls(
            counts={each.value: left[each.value] for each in Severity},
            suppressed=len(report["findings"]) - left.total(),
            unmatched=[UnmatchedView.of(each) for each in seen.unmatched],
            report=report,
            **{name: getattr(verdict, name) for name in names},
        )


class ImageView(_View):
    """One image. ``state`` is judged, waiting, unscanned, or nothing-to-scan."""

    digest: str
    state: State
    verdict: VerdictView | None

    @classmethod
    def of(cls, seen: Seen) -> "ImageView":
        scanned = seen.scanned
        verdict = None if scanned.verdict is None else VerdictView.of(scanned.verdict, seen)
        return cls(digest=scanned.digest, state=scanned.state, verdict=verdict)


class VerdictsView(_View):
    """Of every image that was meant."""

    images: list[ImageView]

    @classmethod
    def of(cls, found: Sequence[Seen]) -> "VerdictsView":
        return cls(images=[ImageView.of(each) for each in found])


class AskedView(_View):
    """How many images are going to be scanned."""

    images: int
