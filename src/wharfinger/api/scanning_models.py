"""What the routes of scanning give."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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

    ``fixable`` is for how many of them a fixed version is known; ``changed_at`` when the verdict last said something
    else. ``report`` is what ``docs/scan.schema.json`` calls an image. What is suppressed in it is counted apart.
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
    suppressed: int
    unmatched: list[UnmatchedView]
    report: Mapping[str, Any]

    @classmethod
    def of(cls, verdict: Verdict, seen: Seen) -> "VerdictView":
        names = ("status", "judged_at", "changed_at", "advisories", "sources", "cataloguer", "isolation")
        findings = seen.report["findings"]
        left = [each for each in findings if each["suppressed"] is None]
        return cls(
            counts=_tally(left),
            fixable=_tally(each for each in left if each["fixed"] is not None),
            suppressed=len(findings) - len(left),
            unmatched=[UnmatchedView.of(each) for each in seen.unmatched],
            report=seen.report,
            **{name: getattr(verdict, name) for name in names},
        )


def _tally(findings: Iterable[Mapping[str, Any]]) -> Mapping[str, int]:
    found = Counter(each["severity"] for each in findings)
    return {each.value: found[each.value] for each in Severity}


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
