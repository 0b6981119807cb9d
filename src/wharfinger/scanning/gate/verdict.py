"""All that the reports of a gate tell: the decision, of what, who judged it, by which advisories and rules. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from wharfinger.scanning.admission.rules import Outcome
from wharfinger.scanning.gate.deciding import Decision, Rule
from wharfinger.scanning.gate.joining import called
from wharfinger.scanning.gate.served import Known
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
    "blocked": "A gate rule of the registry refuses pulls for it",
    "warned": "A gate rule of the registry warns of it",
    "allowed": "The gate of the registry has nothing against it",
    "unscanned": "The registry has not judged it",
    "rejudging": "The rules about pulls or VEX documents have changed, and it was not judged by them yet",
    "stale": "The advisories of the registry are too old",
    "gate": "The gate of the registry has something against the image",
}
HASH_SHOWN = 12


@dataclass(frozen=True, slots=True)
class JudgedImage:
    """By which set of advisories and which cataloguer an image was judged, and when."""

    digest: str
    advisories: str
    cataloguer: str
    at: datetime

    @property
    def words(self) -> str:
        """The same for people."""
        by = f"the advisories sha256:{self.advisories[:HASH_SHOWN]}" if self.advisories else "no advisories at all"
        return f"{self.at:%Y-%m-%dT%H:%M:%SZ} with {by}, read by {self.cataloguer or 'nobody'}"


@dataclass(frozen=True, slots=True)
class Policy:
    """The gate of the registry: what it answers to a pull, by which rules; no rules where none covers the repository.

    ``ids`` are another when a rule is.
    """

    outcome: Outcome | None
    rules: Sequence[str]
    ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judged: this command where ``registry`` is empty. ``notes`` are what a pull has beside the gate's answer."""

    images: Sequence[JudgedImage]
    registry: str = ""
    policy: Policy | None = None
    notes: Sequence[str] = ()

    @property
    def where(self) -> str:
        """Of two words one: ``server`` or ``local``."""
        return "server" if self.registry else "local"

    @property
    def words(self) -> Sequence[str]:
        """Who, by what and when, a line each; images that were judged alike are one."""
        who = f"judged by the registry {self.registry}" if self.registry else "judged here"
        lines = [f"{who}, {said}" for said in dict.fromkeys(each.words for each in self.images)]
        return [*lines, *self._gate(), *self.notes]

    def _gate(self) -> Iterator[str]:
        if self.policy is None:
            return
        if self.policy.outcome is None:
            yield "gate of the registry: no rule covers the repository"
            return
        answer = {Outcome.ALLOW: "allowed", Outcome.WARN: "warned of", Outcome.BLOCK: "refused"}[self.policy.outcome]
        yield f"gate of the registry: a pull is {answer}; its rules there are {', '.join(self.policy.rules)}"


def here(scan: Scan, now: datetime) -> Judge:
    """The command itself, at this moment."""
    return Judge([JudgedImage(each.digest, scan.sha256, each.catalogue.cataloguer, now) for each in scan.images])


def there(registry: str, known: Sequence[Known]) -> Judge:
    """The registry, as it tells of its images."""
    images = [
        JudgedImage(each.digest, each.verdict.advisories, each.verdict.cataloguer, _moment(each.verdict.judged_at))
        for each in known
        if each.verdict is not None
    ]
    gates = [each.gate for each in known if each.gate is not None]
    outcome = max((each.outcome for each in gates), key=lambda each: each.rank, default=None)
    rules = dict.fromkeys(rule for each in gates for rule in each.rules)
    policy = Policy(outcome, tuple(rules), tuple(sorted({each.policy for each in gates})))
    return Judge(images, registry, policy, tuple(dict.fromkeys(note for each in known for note in _notes(each))))


def _notes(known: Known) -> Iterator[str]:
    """Why a pull passes although the gate refuses it: that is nobody's verdict on the image."""
    gate = known.gate
    if gate is None or gate.outcome is not Outcome.BLOCK:
        return
    if gate.grandfathered:
        yield "note: pulls pass all the same, since it was in use already when it began to be refused"
    elif gate.breakglass is not None:
        glass = gate.breakglass
        until = f"{_moment(glass.until):%Y-%m-%dT%H:%M:%SZ}"
        yield f"note: pulls pass all the same by break-glass {glass.id} until {until}: {glass.because}"


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``scan`` has what VEX statements suppressed; ``unmatched`` are the statements that met nothing."""

    scan: Scan
    decision: Decision
    judge: Judge
    unmatched: Sequence[Unmatched] = ()

    @property
    def headline(self) -> str:
        """One sentence for people."""
        failing, answer = len(self.decision.failing), self.decision.answer
        if answer == "fail":
            what = _count(failing, "finding") if failing else "not everything could be assessed"
            return f"fails{self._whose}: {what}"
        if answer == "undecided":
            open_doubts = [each for each in self.decision.doubts if each.answer == "undecided"]
            return f"cannot be decided: {_count(len(open_doubts), 'doubt')}"
        return f"passes: {_count(len(self.decision.judgements), 'finding')}, none of which fails{self._beside}"

    @property
    def _beside(self) -> str:
        """What stands beside a pass: warnings, and what is passed without being known."""
        decision = self.decision
        warned = sum(bool(each.gates) for each in decision.judgements) + sum(
            bool(each.gates) for each in decision.doubts
        )
        unknown = sum(each.rule is Rule.UNSCANNED for each in decision.doubts)
        said = [f"{_count(warned, 'warning')} by the gate"] if warned else []
        said += [f"{_count(unknown, 'image')} never scanned"] if unknown else []
        return "".join(f"; {each}" for each in said)

    @property
    def _whose(self) -> str:
        """By whose word it fails, where there are two who have one."""
        if not self.judge.registry:
            return ""
        words = {"terms": f"--fail-on {self.decision.terms.fail_on}", "gate": called(self.decision.gates)}
        return f" by {' and '.join(words[by] for by in self.decision.refused_by)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
