"""The verdict as Markdown, for a comment on a pull request. Pure."""

from collections.abc import Iterator, Sequence

from wharfinger.scanning.excuses import excuser
from wharfinger.scanning.gate.deciding import Judgement
from wharfinger.scanning.gate.verdict import Verdict

ROWS_AT_MOST = 100
"""A comment of GitHub has 65,536 characters at most; the rest is counted."""
_SPECIAL = frozenset("\\`*_{}[]<>()#|!~&@")
_SIGNS = {"pass": "✅", "fail": "❌", "undecided": "❔"}


def text(verdict: Verdict) -> str:
    """The comment."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    decision = verdict.decision
    yield f"### {_SIGNS[decision.answer]} {plain(verdict.scan.target)} {plain(verdict.headline)}"
    yield ""
    yield f"Terms: {plain(decision.terms.words)}; unknown severity counts as {decision.unknown_as}."
    for line in verdict.judge.words:
        yield ""
        yield f"{plain(line[:1].upper() + line[1:])}."
    if decision.failing:
        yield from _table(decision.failing)
    for doubt in decision.doubts:
        yield f"- **{doubt.rule}** {plain(doubt.image.platform)}: {plain(doubt.reason)}"
    for each in verdict.unmatched:
        nearest = f"; the nearest is {plain(each.nearest)}" if each.nearest else ""
        yield f"- **VEX** {plain(each.statement.where)} met nothing: {plain(each.reason)}{nearest}"
    passing = [each for each in decision.judgements if not each.fails]
    if passing:
        yield ""
        yield f"<details><summary>{len(passing)} that do not fail</summary>"
        yield from _table(passing)
        yield ""
        yield "</details>"


def _table(judgements: Sequence[Judgement]) -> Iterator[str]:
    yield ""
    yield "| Severity | Vulnerability | Package | Version | Fixed in | Why | Platform |"
    yield "|---|---|---|---|---|---|---|"
    for each in judgements[:ROWS_AT_MOST]:
        finding = each.finding
        by = "" if finding.suppressed is None else f"suppressed by {excuser(finding.suppressed)}: "
        why = by + each.reason + (f". To make it pass: {each.remedy}" if each.remedy else "")
        cells = (each.level, finding.id, finding.package, finding.version, finding.fixed or "–", why)
        yield f"| {' | '.join(plain(str(cell)) for cell in (*cells, each.image.platform))} |"
    if len(judgements) > ROWS_AT_MOST:
        yield ""
        yield f"And {len(judgements) - ROWS_AT_MOST} more."
    yield ""


def plain(text: str) -> str:
    """Text that Markdown shows as it is, whoever wrote it."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    return "".join(f"\\{each}" if each in _SPECIAL else each for each in printable)
