"""``tests.yaml``: assertions about a policy file, decided without a server. Pure.

    version: 1
    access:
      - {principal: ci-shop, may: push, repository: shop/web:1.4.2}
      - {principal: ci-shop, may_not: [delete], repository: shop/web, from: 10.0.0.7, on: 2027-01-31}

Each top-level key beside the version is one kind of test, with a reader and a judge: those in :data:`KINDS`, and those
that another part of the registry brings.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from types import MappingProxyType

from wharfinger.access import asking, explaining, offline, yaml_tree
from wharfinger.access.actions import Action
from wharfinger.access.explaining import Question
from wharfinger.access.moments import moment_of
from wharfinger.access.policy_file import Policy
from wharfinger.access.policy_reading import Reading
from wharfinger.access.yaml_tree import Place, Tree
from wharfinger.errors import RequestInvalid

VERSION = "1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one assertion: what it says, and, where it does not hold, what was wanted and what is so."""

    name: str
    place: Place
    passed: bool
    expected: str
    actual: str
    because: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """One principal may, or may not, do one thing."""

    place: Place
    principal: str
    allowed: bool
    question: Question
    on: float | None

    @property
    def name(self) -> str:
        verb = "may" if self.allowed else "may not"
        origin = f" from {self.question.address}" if self.question.address else ""
        return f"{self.principal} {verb} {self.question.action} {self.question.where}{origin}"


Judge = Callable[[Policy, float], Iterator[Outcome]]
"""Judges the assertions of one kind against a policy, at a time."""
Kind = Callable[[Reading, Tree, str], Judge]
"""Reads the assertions of one kind."""


@dataclass(frozen=True, slots=True)
class Tests:
    """A whole ``tests.yaml``."""

    judges: tuple[Judge, ...]

    def run(self, policy: Policy, now: float) -> list[Outcome]:
        """What came of each. Raises RequestInvalid for a policy that is not whole in itself."""
        return [outcome for judge in self.judges for outcome in judge(policy, now)]


def parse(text: str, beside: Mapping[str, Kind] = MappingProxyType({})) -> Tests:
    """The tests that ``text`` has. Raises RequestInvalid with everything that is wrong; also when there are none.

    ``beside`` are the kinds that other parts of the registry bring.
    """
    kinds = {**KINDS, **beside}
    root = yaml_tree.read(text)
    reading = Reading()
    if root is None:
        reading.note(None, "", f"there is nothing in it: want one of {', '.join(kinds)}")
    top = reading.fields(root, "", ("version", *kinds)) if root is not None else {}
    if "version" in top:
        reading.text(top["version"], "version", _version)
    judges = [read(reading, top[key], key) for key, read in kinds.items() if key in top]
    if not judges and not reading.problems:
        reading.note(root, "", f"there is no test in it: want one of {', '.join(kinds)}")
    reading.finish()
    return Tests(tuple(judges))


def _version(text: str) -> str:
    if text != VERSION:
        raise RequestInvalid(f"version {text[:20]!r} is not known here: want {VERSION}")
    return text


_KEYS = ("principal", "may", "may_not", "repository", "from", "on")


def access(reading: Reading, node: Tree, path: str) -> Judge:
    """Assertions about who may do what."""
    found: list[Assertion] = []
    for item, at in reading.items(node, path):
        found += _assertions(reading, item, at)
    if not found and not reading.problems:
        reading.note(node, path, "there is no test in it")

    def judge(policy: Policy, now: float) -> Iterator[Outcome]:
        known = offline.in_force(policy.access)
        world = asking.world(known, ())
        for each in found:
            missing = offline.group_missing(each.principal, policy.access)
            subject = offline.subject(known, asking.subject(known, each.principal))
            yield _unknown(each, missing) if missing else _judged(each, world, subject, now)

    return judge


def _assertions(reading: Reading, node: Tree, path: str) -> Iterator[Assertion]:
    noted = len(reading.problems)
    fields = reading.fields(node, path, _KEYS, required=("principal", "repository"))
    if "may" not in fields and "may_not" not in fields:
        reading.note(node, path, "want may or may_not, or both")
    principal = reading.text(fields.get("principal"), f"{path}.principal", _principal)
    asked = reading.text(fields.get("repository"), f"{path}.repository", lambda text: asking.question("pull", text))
    address = reading.text(fields.get("from"), f"{path}.from", _address) or ""
    on = reading.text(fields.get("on"), f"{path}.on", moment_of)
    verbs = [(key, fields[key]) for key in ("may", "may_not") if key in fields]
    wanted = [(key == "may", reading.texts(value, f"{path}.{key}", asking.action)) for key, value in verbs]
    for (key, value), (_, actions) in zip(verbs, wanted, strict=True):
        if not actions and len(reading.problems) == noted:
            reading.note(value, f"{path}.{key}", "no action is named")
    if len(reading.problems) > noted or principal is None or asked is None:
        return
    for allowed, actions in wanted:
        for action in actions:
            yield Assertion(node.place, principal, allowed, _question(asked, action, address), on)


def _question(asked: Question, action: Action, address: str) -> Question:
    return Question(action, asked.repository, asked.tag, address)


def _unknown(each: Assertion, why: str) -> Outcome:
    expected = "allow" if each.allowed else "deny"
    return Outcome(each.name, each.place, passed=False, expected=expected, actual="unknown", because=why)


def _judged(each: Assertion, world: explaining.World, subject: explaining.Subject, now: float) -> Outcome:
    asked = each.question
    question = Question(asked.action, asked.repository, asked.tag, asked.address, now if each.on is None else each.on)
    decision = explaining.answer(world, subject, question)
    words = {True: "allow", False: "deny"}
    return Outcome(
        name=each.name,
        place=each.place,
        passed=decision.allowed == each.allowed,
        expected=words[each.allowed],
        actual=words[decision.allowed],
        because=decision.reason,
    )


def _principal(text: str) -> str:
    asking.subject(offline.NOTHING, text)
    return text


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise RequestInvalid(f"{text[:60]!r} is no address: want one like 10.0.0.7") from error


KINDS: Mapping[str, Kind] = {"access": access}
"""Every kind of test, by its key in the file."""
