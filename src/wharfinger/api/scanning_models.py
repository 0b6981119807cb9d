"""What the routes of scanning give."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from wharfinger.meta.verdicts import Verdict
from wharfinger.scanning.pushed import Scanned, State


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class VerdictView(_View):
    """The last verdict on one image: by which advisories and cataloguer, when, how many findings of each severity.

    ``fixable`` is for how many of them a fixed version is known; ``changed_at`` when the verdict last said something
    else. ``report`` is what ``docs/scan.schema.json`` calls an image.
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
        names = (name for name in cls.model_fields if name != "report")
        return cls(report=report, **{name: getattr(verdict, name) for name in names})


class ImageView(_View):
    """One image. ``state`` is judged, waiting, unscanned, or nothing-to-scan."""

    digest: str
    state: State
    verdict: VerdictView | None

    @classmethod
    def of(cls, scanned: Scanned) -> "ImageView":
        verdict = None if scanned.verdict is None else VerdictView.of(scanned.verdict, scanned.report)
        return cls(digest=scanned.digest, state=scanned.state, verdict=verdict)


class VerdictsView(_View):
    """Of every image that was meant."""

    images: list[ImageView]

    @classmethod
    def of(cls, found: Sequence[Scanned]) -> "VerdictsView":
        return cls(images=[ImageView.of(each) for each in found])


class AskedView(_View):
    """How many images are going to be scanned."""

    images: int
