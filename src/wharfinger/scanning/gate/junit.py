"""The verdict as JUnit XML: one test for each package and image, so that CI shows what failed by name. Pure."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from wharfinger.scanning.excuses import excuser
from wharfinger.scanning.gate.deciding import Doubt, Judgement
from wharfinger.scanning.gate.verdict import Verdict

Case = tuple[str, str]
"""The kind of a test's end (failure, error, skipped, or nothing), and its XML."""


def text(verdict: Verdict) -> str:
    """The document."""
    cases = [*_judged(verdict.decision.judgements), *(_doubt(each) for each in verdict.decision.doubts)]
    if not cases:
        cases = [("", _case("no findings", verdict.scan.target, ""))]
    counts = {kind: sum(each == kind for each, _ in cases) for kind in ("failure", "error", "skipped")}
    numbers = (
        f'tests="{len(cases)}" failures="{counts["failure"]}" errors="{counts["error"]}" skipped="{counts["skipped"]}"'
    )
    name = _attribute(f"wharf gate {verdict.scan.target}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name="wharf gate" {numbers}>\n<testsuite name={name} {numbers}>\n'
        + _properties(verdict)
        + "".join(xml for _, xml in cases)
        + "</testsuite>\n</testsuites>\n"
    )


def _properties(verdict: Verdict) -> str:
    """Who judged, by which advisories, cataloguer and policy, and who says no."""
    said = [("answer", verdict.decision.answer), ("judged", verdict.judge.where)]
    said += [("refused by", each) for each in verdict.decision.refused_by]
    said += [("refused by gate rule", each) for each in verdict.decision.gates]
    said += [("judgement", line) for line in verdict.judge.words]
    inner = "".join(f"<property name={_attribute(name)} value={_attribute(value)}/>\n" for name, value in said)
    return f"<properties>\n{inner}</properties>\n"


def _judged(judgements: Sequence[Judgement]) -> Iterable[Case]:
    def key(each: Judgement) -> tuple[str, str, str]:
        return each.image.platform, each.finding.package, each.finding.version

    for (platform, package, version), group in groupby(sorted(judgements, key=key), key):
        found = list(group)
        failing = [each for each in found if each.fails]
        lines = "\n".join(_line(each) for each in failing or found)
        if failing:
            end = f"<failure message={_attribute(_said(failing))}>{_content(lines)}</failure>"
            yield "failure", _case(f"{package} {version}", platform, end)
        else:
            yield "", _case(f"{package} {version}", platform, f"<system-out>{_content(lines)}</system-out>")


def _said(failing: Sequence[Judgement]) -> str:
    return ", ".join(sorted({each.finding.id for each in failing}))


def _line(each: Judgement) -> str:
    remedy = f" To make it pass: {each.remedy}." if each.remedy else ""
    suppressed = each.finding.suppressed
    by = f" suppressed by {excuser(suppressed)}:" if suppressed is not None else ""
    return f"{each.finding.id} ({each.level}):{by} {each.reason}.{remedy}"


def _doubt(each: Doubt) -> Case:
    kind = {"fail": "failure", "undecided": "error", "pass": "skipped"}[each.answer]
    end = f"<{kind} message={_attribute(each.reason)}/>"
    return kind, _case(each.rule.value, each.image.platform, end)


def _case(name: str, platform: str, inner: str) -> str:
    return f"<testcase name={_attribute(name)} classname={_attribute(platform or 'image')}>{inner}</testcase>\n"


def _attribute(text: str) -> str:
    return quoteattr(_allowed(text))


def _content(text: str) -> str:
    return escape(_allowed(text))


def _allowed(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return "".join(c if c in "\t\n" or (c.isprintable() and c not in "\ufffe\uffff") else "\ufffd" for c in text)
