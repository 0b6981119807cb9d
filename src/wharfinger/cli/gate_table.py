"""A gate's verdict for people: the answer, what fails and how to mend it, what is in doubt, what passes and why."""

import sys
from collections import Counter
from typing import TYPE_CHECKING

from wharfinger.cli import findings
from wharfinger.cli.output import clean
from wharfinger.cli.output import print_rows as plain_rows

if TYPE_CHECKING:
    from wharfinger.scanning.gate.deciding import Judgement
    from wharfinger.scanning.gate.verdict import Verdict

HEADINGS = ("Severity", "Vulnerability", "Package", "Version", "Why", "To make it pass", "Platform")


def show(verdict: "Verdict") -> None:
    """On a terminal a table of what fails and a count of the rest; elsewhere a line for every finding."""
    if not sys.stdout.isatty():
        plain_rows(("Answer", *HEADINGS), (_row(each) for each in verdict.decision.judgements))
        for line in _lines(verdict):
            print(line, file=sys.stderr)
        return
    failing = [_row(each)[1:] for each in verdict.decision.failing]
    if failing:
        findings.print_coloured(HEADINGS, failing)
        print()
    for line in _lines(verdict):
        print(line)


def _row(each: "Judgement") -> tuple[str, ...]:
    finding = each.finding
    answer = "fails" if each.fails else "passes"
    known = (finding.id, finding.package, finding.version)
    return (answer, each.level.value, *known, each.reason, each.remedy, each.image.platform)


def _passing(verdict: "Verdict") -> Counter[str]:
    """How many pass by each rule; of what is suppressed also by what."""
    from wharfinger.scanning.excuses import excuser

    found: Counter[str] = Counter()
    for each in verdict.decision.judgements:
        suppressed = each.finding.suppressed
        if not each.fails:
            found[each.rule.value if suppressed is None else f"{each.rule.value} ({excuser(suppressed)})"] += 1
    return found


def _lines(verdict: "Verdict") -> list[str]:
    decision = verdict.decision
    lines = [f"passes by the rule {rule}: {count}" for rule, count in sorted(_passing(verdict).items())]
    for doubt in decision.doubts:
        remedy = f": {doubt.remedy}" if doubt.answer == "undecided" else ""
        lines.append(f"{doubt.rule}, {doubt.image.platform or doubt.image.digest}: {doubt.reason}{remedy}")
    for unmatched in verdict.unmatched:
        nearest = f"; the nearest is {unmatched.nearest}" if unmatched.nearest else ""
        lines.append(f"VEX {unmatched.statement.where} met nothing: {unmatched.reason}{nearest}")
    lines += verdict.judge.words
    lines.append(f"terms: {decision.terms.words}; unknown counts as {decision.unknown_as}")
    return [*map(clean, lines), clean(f"{verdict.scan.target} {verdict.headline}")]
