"""All that the reports of a gate tell: the decision, of what, by which advisories. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wharfinger.scanning.gate.deciding import Decision
from wharfinger.scanning.scans import Scan
from wharfinger.scanning.vex.applying import Unmatched

RULES: Mapping[str, str] = {
    "known-exploited": "What is known to be exploited fails, however severe it is",
    "severity": "The severity is one that fails",
    "suppressed": "An exception or a VEX statement excuses it here",
    "below": "The severity is below what fails",
    "no-fix": "No version without it is known, and only what has a fix fails",
    "grace": "It was published so recently that there is time left",
    "not-assessed": "Nobody judges these packages: there are no advisories for them",
    "partial": "Something could not be read",
    "nothing-to-scan": "It has no file system",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``scan`` has what VEX statements suppressed; ``unmatched`` are the statements that met nothing."""

    scan: Scan
    decision: Decision
    unmatched: Sequence[Unmatched] = ()

    @property
    def headline(self) -> str:
        """One sentence for people."""
        failing, answer = len(self.decision.failing), self.decision.answer
        if failing:
            return f"fails: {_count(failing, 'finding')}"
        if answer == "fail":
            return "fails: not everything could be assessed"
        if answer == "undecided":
            open_doubts = [each for each in self.decision.doubts if each.answer == "undecided"]
            return f"cannot be decided: {_count(len(open_doubts), 'doubt')}"
        return f"passes: {_count(len(self.decision.judgements), 'finding')}, none of which fails"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
