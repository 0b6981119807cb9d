"""Two judges, and both must let it pass: the terms that were asked for, and the gate of the registry. Pure.

The gate speaks last. What it blocks fails, whatever the terms say of it; what it lets pass fails all the same where the
terms say so. An image that the registry has not judged is in doubt, and is never passed for having no findings.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from wharfinger.scanning.admission.rules import Outcome
from wharfinger.scanning.findings import Finding
from wharfinger.scanning.gate import served
from wharfinger.scanning.gate.deciding import Answer, By, Decision, Doubt, Judgement, Rule
from wharfinger.scanning.gate.served import Against, Gate, Known
from wharfinger.scanning.scans import ImageScan

DOUBTS: Mapping[str, tuple[Rule, str, str]] = {
    "partial": (Rule.PARTIAL, "something in it could not be read", "mend it, and push again"),
    "not_assessed": (Rule.NOT_ASSESSED, "there are packages that no advisories are about", "load advisories for them"),
    "stale": (Rule.STALE, "the advisories are too old", "let an administrator run wharf advisories update"),
    "unscanned": (Rule.UNSCANNED, "the registry has never scanned it", "ask for it with wharf verdict IMAGE --scan"),
}
"""The kinds of doubt that a gate has: our rule, what is in doubt, and what ends it."""


def join(decision: Decision, images: Sequence[Known], waited: str) -> Decision:
    """The decision by the terms on what was judged, with what the gate says of these images.

    ``waited`` is for how long the registry was waited for.
    """
    gates = {each.digest: each.gate for each in images if each.gate is not None}
    weighed = {digest: _of_findings(gate) for digest, gate in gates.items()}
    judgements = [_judged(each, weighed.get(each.image.digest, {})) for each in decision.judgements]
    doubts = [doubt for doubt in decision.doubts if doubt.image.digest not in gates]
    for image in images:
        own = [doubt for doubt in decision.doubts if doubt.image.digest == image.digest]
        doubts += _doubts(image, own, judgements, decision, waited)
    return replace(decision, judgements=sorted(judgements, key=lambda each: not each.fails), doubts=doubts)


Weighed = Mapping[tuple[str, str, str], Sequence[Against]]


def _of_findings(gate: Gate) -> Weighed:
    found: dict[tuple[str, str, str], list[Against]] = defaultdict(list)
    for each in gate.against:
        if each.kind == "finding":
            found[each.id, each.package, each.version].append(each)
    return found


def _judged(each: Judgement, weighed: Weighed) -> Judgement:
    finding = each.finding
    said = weighed.get((finding.id, finding.package, finding.version), ())
    outcome, names, words = _worst(said)
    if outcome is Outcome.BLOCK and each.fails:
        each = replace(each, reason=f"{each.reason}; {words}", by=(*each.by, "gate"), gates=names)
    elif outcome is Outcome.BLOCK:
        each = replace(each, fails=True, rule=Rule.BLOCKED, reason=words, by=("gate",), gates=names)
    elif outcome is Outcome.WARN and each.fails:
        each = replace(each, reason=f"{each.reason}; {words}", gates=names)
    elif outcome is Outcome.WARN:
        each = replace(each, rule=Rule.WARNED, reason=words, gates=names)
    return replace(each, remedy=_remedy(finding) if each.fails else "")


def _remedy(finding: Finding) -> str:
    if finding.fixed is not None:
        return f"update {finding.package} from {finding.version} to {finding.fixed}"
    return f"take {finding.package} out, or ask for an exception with wharf exception request"


def _worst(said: Sequence[Against]) -> tuple[Outcome, tuple[str, ...], str]:
    """The strictest of it, the rules that say so, and both in words."""
    outcome = max((each.outcome for each in said), key=lambda each: each.rank, default=Outcome.ALLOW)
    names = tuple(sorted({each.rule for each in said if each.outcome is outcome and each.rule}))
    verb = {Outcome.ALLOW: "let pass", Outcome.WARN: "warned of", Outcome.BLOCK: "refused"}[outcome]
    return outcome, names, f"{verb} by {called(names)}"


def called(names: Sequence[str]) -> str:
    """Rules of a gate for people; none where no rule says it, and it holds all the same."""
    if not names:
        return "the gate of the registry"
    return f"the gate rule{'' if len(names) == 1 else 's'} {', '.join(names)}"


def _doubts(
    image: Known, own: Sequence[Doubt], judgements: Sequence[Judgement], decision: Decision, waited: str
) -> Iterator[Doubt]:
    gate, scan = image.gate, served.scan(image)
    if image.verdict is None and image.state != "nothing-to-scan":
        yield _unjudged(image, scan, decision, waited)
        return
    if image.is_awaited:
        reason = f"the rules of the registry have changed, and it was not judged by them within {waited}"
        yield Doubt(scan, Rule.REJUDGING, "undecided", reason, "ask again, or say how long to --wait")
    if gate is None:
        return
    told = [*_placed(scan, own, gate)]
    yield from told
    spoken = [each for each in judgements if each.image.digest == image.digest and each.gates]
    if gate.settled and gate.outcome is not Outcome.ALLOW and not _is_told(gate.outcome, spoken, told):
        blocks = gate.outcome is Outcome.BLOCK
        verb = "refused" if blocks else "warned of"
        by: tuple[By, ...] = ("gate",) if blocks else ()
        yield Doubt(scan, Rule.GATE, "fail" if blocks else "pass", f"{verb} by {gate.reason}", "", by, gate.rules)


def _is_told(outcome: Outcome, spoken: Sequence[Judgement], told: Sequence[Doubt]) -> bool:
    """Whether a finding or a doubt says already what the gate answers."""
    said: list[Judgement | Doubt] = [*spoken, *told]
    return any("gate" in each.by if outcome is Outcome.BLOCK else each.gates for each in said)


def _unjudged(image: Known, scan: ImageScan, decision: Decision, waited: str) -> Doubt:
    """Of which nothing is known. Only a rule that says so lets it pass, and only where nothing else was asked for."""
    if image.state == "waiting":
        reason = f"the registry has not judged it within {waited}"
        return Doubt(scan, Rule.UNSCANNED, "undecided", reason, "ask again, or say how long to --wait")
    _, reason, remedy = DOUBTS["unscanned"]
    said = [each for each in image.gate.against if each.kind == "unscanned"] if image.gate else []
    outcome, names, words = _worst(said)
    if outcome is Outcome.BLOCK:
        return Doubt(scan, Rule.UNSCANNED, "fail", f"{reason}, and is {words}", remedy, ("gate",), names)
    is_placed = image.gate is not None and (bool(names) or not said)
    answer: Answer = "pass" if is_placed and decision.terms.fail_on is None else "undecided"
    return Doubt(scan, Rule.UNSCANNED, answer, f"{reason}; {words}" if said else reason, remedy, (), names)


def _placed(scan: ImageScan, own: Sequence[Doubt], gate: Gate) -> Iterator[Doubt]:
    """The doubts about the image, where the gate places them."""
    there = {doubt.rule for doubt in own}
    said: dict[Rule, list[Against]] = defaultdict(list)
    for each in gate.against:
        if each.kind != "finding":
            rule, reason, remedy = DOUBTS[each.kind]
            said[rule].append(each)
            if rule not in there:
                there.add(rule)
                own = [*own, Doubt(scan, rule, "pass", reason, remedy)]
    for doubt in own:
        outcome, names, words = _worst(said.get(doubt.rule, ()))
        if outcome is Outcome.BLOCK:
            told = f"{doubt.reason}; {words}"
            yield replace(doubt, answer="fail", reason=told, by=(*doubt.by, "gate"), gates=names)
        elif outcome is Outcome.WARN:
            yield replace(doubt, reason=f"{doubt.reason}; {words}", gates=names)
        else:
            yield doubt
