"""What the routes of scanning give."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from wharfinger.meta.glass import Glass
from wharfinger.meta.verdicts import Verdict
from wharfinger.scanning.adapters import merging
from wharfinger.scanning.adapters.reports import Said
from wharfinger.scanning.admission import telling
from wharfinger.scanning.admission.outlook import Outlook
from wharfinger.scanning.admission.rules import Outcome
from wharfinger.scanning.admission.weighing import Against
from wharfinger.scanning.attached import Beside
from wharfinger.scanning.pushed import State
from wharfinger.scanning.seeing import Seen
from wharfinger.scanning.vex.applying import Unmatched
from wharfinger.spec.digest import Digest


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


class BesideView(_View):
    """A VEX document that was pushed beside the image or its index: whether it counts, by which rule, or why not."""

    digest: str
    subject: str
    pushed_by: str
    author: str
    statements: int
    counts: bool
    rule: str
    why_not: str

    @classmethod
    def of(cls, found: Beside) -> "BesideView":
        document = found.document
        return cls(
            digest=document.manifest,
            subject=document.subject,
            pushed_by=document.brought_by,
            author=document.author,
            statements=document.statements,
            counts=not found.why_not,
            rule=found.rule,
            why_not=found.why_not,
        )


class VerdictView(_View):
    """The last verdict on one image: by which advisories and cataloguer, when, how many findings of each severity.

    ``fixable`` is for how many of them a fixed version is known; ``changed_at`` when the verdict last said something
    else. ``report`` is what ``docs/scan.schema.json`` calls an image, where each finding
    says which scanners have found it; ``counts`` has those of other scanners, too, and none that is suppressed.
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
    vex_beside: list[BesideView]
    report: Mapping[str, Any]

    @classmethod
    def of(cls, verdict: Verdict, seen: Seen) -> "VerdictView":
        names = ("status", "judged_at", "changed_at", "advisories", "sources", "cataloguer", "isolation")
        findings = seen.report["findings"]
        left = [each for each in findings if each["suppressed"] is None]
        return cls(
            counts=merging.counts(left),
            fixable=merging.counts(each for each in left if each["fixed"] is not None),
            suppressed=len(findings) - len(left),
            unmatched=[UnmatchedView.of(each) for each in seen.unmatched],
            vex_beside=[BesideView.of(each) for each in seen.beside],
            report=seen.report,
            **{name: getattr(verdict, name) for name in names},
        )


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


class GateView(_View):
    """What the gates would answer to a pull of the image now, whoever asks: ``outcome`` is allow, warn or block.

    ``rule`` and ``reason`` say why it is not simply allowed; the rule is empty where none says it. ``rules`` are all
    that cover the repository, and ``policy`` is another when one of them is. ``settled`` is false while the image waits
    to be judged by them. ``against`` is everything that they have against it now. A break-glass, or that the image was
    in use already, lets a pull pass that is blocked.
    """

    outcome: Outcome
    rule: str
    reason: str
    rules: list[str]
    policy: str
    settled: bool
    against: list[Against]
    grandfathered: bool
    breakglass: Glass | None

    @classmethod
    def of(cls, outlook: Outlook) -> "GateView":
        why = outlook.answer.why
        return cls(
            outcome=outlook.answer.outcome,
            rule=why.rule if why else "",
            reason=telling.reason(why) if why else "",
            rules=list(outlook.rules),
            policy=outlook.policy,
            settled=outlook.settled,
            against=list(outlook.against),
            grandfathered=outlook.grandfathered,
            breakglass=outlook.glass,
        )


class ImageView(_View):
    """One image. ``state`` is judged, waiting, unscanned, or nothing-to-scan; ``gate`` null where no rule covers it."""

    digest: str
    state: State
    verdict: VerdictView | None
    scanners: list[SaidView] = []
    gate: GateView | None = None

    @classmethod
    def of(cls, seen: Seen, outlook: Outlook | None) -> "ImageView":
        scanned = seen.scanned
        verdict = None if scanned.verdict is None else VerdictView.of(scanned.verdict, seen)
        others = [SaidView.of(each) for each in seen.said]
        gate = None if outlook is None else GateView.of(outlook)
        return cls(digest=scanned.digest, state=scanned.state, verdict=verdict, scanners=others, gate=gate)


class VerdictsView(_View):
    """Of every image that was meant."""

    images: list[ImageView]

    @classmethod
    def of(cls, found: Sequence[Seen], outlooks: Mapping[Digest, Outlook]) -> "VerdictsView":
        return cls(images=[ImageView.of(each, outlooks.get(each.scanned.digest)) for each in found])


class BillView(_View):
    """Bills of materials by the digest of the image, each as its scanner has made it."""

    bills: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, found: Mapping[str, Mapping[str, Any]]) -> "BillView":
        return cls(bills=found)


class AskedView(_View):
    """How many images are going to be scanned."""

    images: int
