"""May it go on? Every finding and every doubt answered by one rule each, with what would change the answer. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Literal

from wharfinger.scanning.findings import UNDATED, Finding, Severity
from wharfinger.scanning.scans import ImageScan

Answer = Literal["pass", "fail", "undecided"]
By = Literal["terms", "gate"]
"""Who says no: what was asked for, or the gate of the registry (see ``joining.py``)."""


class Rule(StrEnum):
    """What decided about a finding, or about an image that is not known well enough."""

    KNOWN_EXPLOITED = "known-exploited"
    SEVERITY = "severity"
    SUPPRESSED = "suppressed"
    BELOW = "below"
    NO_FIX = "no-fix"
    GRACE = "grace"
    NOT_ASSESSED = "not-assessed"
    PARTIAL = "partial"
    NOTHING_TO_SCAN = "nothing-to-scan"
    BLOCKED = "blocked"
    WARNED = "warned"
    ALLOWED = "allowed"
    UNSCANNED = "unscanned"
    REJUDGING = "rejudging"
    STALE = "stale"
    GATE = "gate"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked for. ``kev``: what is known to be exploited fails, however severe, fixed or recent it is.

    Without ``fail_on`` nothing fails by these terms: all is left to the gate of the registry.
    """

    fail_on: Severity | None
    fixed_only: bool = False
    grace: timedelta | None = None
    kev: bool = False
    not_assessed: Answer = "undecided"
    partial: Answer = "undecided"

    @property
    def words(self) -> str:
        """The terms for people."""
        if self.fail_on is None:
            return "what the gate of the registry says"
        said = [f"fail on {self.fail_on} or worse"]
        said += ["only what has a fix"] if self.fixed_only else []
        said += [f"not before {self.grace.days} days after publication"] if self.grace is not None else []
        said += ["and on whatever is known to be exploited"] if self.kev else []
        return ", ".join(said)


LEFT = Terms(None, not_assessed="pass", partial="pass")
"""Nothing is asked for: all is left to the gate of the registry."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one finding. ``remedy`` is what would make it pass; empty where it passes.

    ``by`` is whose word it fails by; ``gates`` are the rules of the registry's gate that block it or warn of it.
    """

    image: ImageScan
    finding: Finding
    level: Severity
    fails: bool
    rule: Rule
    reason: str
    remedy: str = ""
    by: tuple[By, ...] = ()
    gates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why so little is known of an image, and what was said to be done then; ``by`` and ``gates`` as above."""

    image: ImageScan
    rule: Rule
    answer: Answer
    reason: str
    remedy: str = ""
    by: tuple[By, ...] = ()
    gates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """``unknown_as`` is what an unknown severity counted as."""

    terms: Terms
    unknown_as: Severity
    judgements: Sequence[Judgement]
    doubts: Sequence[Doubt]

    @property
    def failing(self) -> Sequence[Judgement]:
        return [each for each in self.judgements if each.fails]

    @property
    def answer(self) -> Answer:
        """What fails decides; then what nobody knows does."""
        answers = {doubt.answer for doubt in self.doubts}
        if self.failing or "fail" in answers:
            return "fail"
        return "undecided" if "undecided" in answers else "pass"

    @property
    def refused_by(self) -> Sequence[By]:
        """Who says no; both may."""
        said = {by for each in self._refusing for by in each.by}
        both: tuple[By, ...] = ("terms", "gate")
        return [by for by in both if by in said]

    @property
    def gates(self) -> Sequence[str]:
        """The rules of the registry's gate that say no."""
        return sorted({name for each in self._refusing if "gate" in each.by for name in each.gates})

    @property
    def _refusing(self) -> Sequence[Judgement | Doubt]:
        return [*self.failing, *(doubt for doubt in self.doubts if doubt.answer == "fail")]


def decide(images: Sequence[ImageScan], terms: Terms, unknown_as: Severity, today: date) -> Decision:
    """The decision. The same images, terms and day give the same one."""
    ordered = sorted(images, key=lambda each: (each.platform, each.digest))
    judgements = [_judge(image, finding, terms, unknown_as, today) for image in ordered for finding in image.findings]
    doubts = [doubt for image in ordered for doubt in _doubts(image, terms)]
    return Decision(terms, unknown_as, sorted(judgements, key=lambda each: not each.fails), doubts)


def _judge(image: ImageScan, finding: Finding, terms: Terms, unknown_as: Severity, today: date) -> Judgement:
    level = unknown_as if finding.severity is Severity.UNKNOWN else finding.severity
    fails, rule, reason = _rule(finding, level, terms, today)
    if fails and finding.known_since is not None:
        reason += f"; known to the registry since {finding.known_since.date()}"
    by: tuple[By, ...] = ("terms",) if fails else ()
    return Judgement(image, finding, level, fails, rule, reason, _remedy(finding) if fails else "", by)


def _rule(finding: Finding, level: Severity, terms: Terms, today: date) -> tuple[bool, Rule, str]:
    """The first rule that has something to say of it."""
    if finding.suppressed is not None:
        return False, Rule.SUPPRESSED, finding.suppressed
    if terms.fail_on is None:
        return False, Rule.ALLOWED, "the gate of the registry has nothing against it"
    return _by_terms(finding, level, terms, terms.fail_on, today)


def _by_terms(
    finding: Finding, level: Severity, terms: Terms, fail_on: Severity, today: date
) -> tuple[bool, Rule, str]:
    if terms.kev and finding.kev is not None:
        since = "" if finding.kev == UNDATED else f" since {finding.kev.isoformat()}"
        return True, Rule.KNOWN_EXPLOITED, f"known to be exploited{since}"
    if level.rank < fail_on.rank:
        return False, Rule.BELOW, f"{_shown(finding, level)} is below {fail_on}"
    if terms.fixed_only and finding.fixed is None:
        return False, Rule.NO_FIX, "no version without it is known"
    ends = None if terms.grace is None or finding.published is None else finding.published + terms.grace
    if ends is not None and today < ends:
        return False, Rule.GRACE, f"published {finding.published}, fails from {ends} on"
    reason = f"{_shown(finding, level).rstrip(',')}, and {fail_on} or worse fails"
    if ends is not None:
        reason += f", its time of grace ended on {ends}"
    elif terms.grace is not None:
        reason += ", and without a date of publication there is no time of grace"
    return True, Rule.SEVERITY, reason


def _shown(finding: Finding, level: Severity) -> str:
    return f"unknown, which counts as {level}," if finding.severity is Severity.UNKNOWN else level.value


def _remedy(finding: Finding) -> str:
    if finding.fixed is not None:
        return f"update {finding.package} from {finding.version} to {finding.fixed}"
    return f"take {finding.package} out, or state with --vex why it does no harm here"


def _doubts(image: ImageScan, terms: Terms) -> Iterator[Doubt]:
    if image.catalogue.nothing_to_scan:
        yield Doubt(image, Rule.NOTHING_TO_SCAN, "pass", "it has no file system, so there is nothing to scan")
        return
    for problem in image.catalogue.problems:
        place = problem.path or problem.layer or "the image"
        reason, remedy = f"{place}: {problem.reason}", "mend it, or decide with --partial"
        yield Doubt(image, Rule.PARTIAL, terms.partial, reason, remedy, _by(terms.partial))
    for each in sorted(image.matched.not_assessed):
        count = f"{each.packages} package{'' if each.packages == 1 else 's'} of {each.ecosystem}"
        remedy = "load advisories for it, or decide with --not-assessed"
        reason = f"{count}: {each.reason}"
        yield Doubt(image, Rule.NOT_ASSESSED, terms.not_assessed, reason, remedy, _by(terms.not_assessed))


def _by(answer: Answer) -> tuple[By, ...]:
    return () if answer == "pass" else ("terms",)
