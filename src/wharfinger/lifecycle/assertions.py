"""Assertions about what lifecycle policies do, for ``wharf policy test``: decided without a server. Pure.

lifecycle:
  - now: 2026-01-31T00:00:00Z
    images:
      - {id: web-1, tags: [prod-1], pushed: 2025-06-01T00:00:00Z}
      - {id: web-2, tags: [dev-7], pushed: 2025-06-01T00:00:00Z}
    expect:
      web-1: keep
      web-2: {verdict: delete, rule: default/4, tags_removed: [dev-7]}
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from wharfinger.access.policy_file import Policy
from wharfinger.access.policy_reading import Reading
from wharfinger.access.policy_tests import Judge, Kind
from wharfinger.access.policy_tests import Outcome as TestOutcome
from wharfinger.access.yaml_plain import plain
from wharfinger.access.yaml_tree import Mapping as MappingNode
from wharfinger.access.yaml_tree import Place, Scalar, Tree
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import images, reading, units
from wharfinger.lifecycle.evaluate import Outcome, Verdict, evaluate
from wharfinger.lifecycle.images import Image
from wharfinger.lifecycle.units import SECOND

OUTCOMES: tuple[str, ...] = get_args(Outcome)
_EXPECTED = ("verdict", "rule", "tags_removed", "protected_by")
_MAY_BE_NULL = frozenset({"rule", "protected_by"})


@dataclass(frozen=True, slots=True)
class Case:
    """Some images at a time, and what is expected of some of them: (id, place, fields)."""

    at: int | None
    images: tuple[Image, ...]
    expected: tuple[tuple[str, Place, Mapping[str, object]], ...]


def lifecycle(reading_: Reading, node: Tree, path: str) -> Judge:
    """Reads the cases."""
    found = [case for item, at in reading_.items(node, path) if (case := _case(reading_, item, at)) is not None]
    if not found and not reading_.problems:
        reading_.note(node, path, "there is no test in it")

    def judge(policy: Policy, now: float) -> Iterator[TestOutcome]:
        policies = reading.policies(policy.beside.get(reading.WORD, ()))
        for case in found:
            at = round(now * SECOND) if case.at is None else case.at
            verdicts = {verdict.id: verdict for verdict in evaluate(policies, case.images, at)}
            for id, place, fields in case.expected:
                yield _judged(verdicts[id], place, fields)

    return judge


KINDS: Mapping[str, Kind] = {"lifecycle": lifecycle}


def _case(reading_: Reading, node: Tree, path: str) -> Case | None:
    noted = len(reading_.problems)
    fields = reading_.fields(node, path, ("now", "images", "expect"), required=("images", "expect"))
    at = reading_.text(fields.get("now"), f"{path}.now", units.moment)
    given = _images(reading_, fields["images"], f"{path}.images") if "images" in fields else ()
    expected = tuple(_expected(reading_, fields["expect"], f"{path}.expect", given)) if "expect" in fields else ()
    if not expected and len(reading_.problems) == noted:
        reading_.note(fields["expect"], f"{path}.expect", "nothing is expected of any image")
    return Case(at, given, expected) if len(reading_.problems) == noted else None


def _images(reading_: Reading, node: Tree, path: str) -> tuple[Image, ...]:
    noted = len(reading_.problems)
    data: Any = plain(reading_, node, path)
    for item in data if isinstance(data, list) else ():
        if isinstance(item, dict) and str(item.get("size", "")).isdecimal():
            item["size"] = int(item["size"])
    if len(reading_.problems) > noted:
        return ()
    try:
        return tuple(images.parse(data))
    except RequestInvalid as refused:
        reading_.note(node, path, refused.message)
        return ()


def _expected(
    reading_: Reading, node: Tree, path: str, given: tuple[Image, ...]
) -> Iterator[tuple[str, Place, Mapping[str, object]]]:
    known = [image.id for image in given]
    for id, value, at in reading_.pairs(node, path):
        if known.count(id) != 1:
            reading_.note(value, at, "want the id of one of the images, which one of them alone has")
        wanted = _wanted(reading_, value, at)
        if not wanted or wanted.keys() - set(_EXPECTED):
            reading_.note(value, at, f"want a verdict, or some of {', '.join(_EXPECTED)}")
        elif wanted.get("verdict", "keep") not in OUTCOMES:
            reading_.note(value, at, f"want one of {', '.join(OUTCOMES)}")
        yield id, value.place, wanted


def _wanted(reading_: Reading, node: Tree, path: str) -> dict[str, object]:
    """The fields of a record; a word alone is the verdict, and null says that no rule matched or nothing protects."""
    if not isinstance(node, MappingNode):
        return {"verdict": plain(reading_, node, path)}
    absent = {key.text: value for key, value in node.pairs if isinstance(key, Scalar) and _is_null(value)}
    said = [pair for pair in node.pairs if pair[1] not in absent.values()] if absent.keys() <= _MAY_BE_NULL else None
    fields = plain(reading_, node if said is None else MappingNode(node.place, said), path)
    return {**fields, **dict.fromkeys(absent)} if isinstance(fields, dict) else {}


def _is_null(node: Tree) -> bool:
    return isinstance(node, Scalar) and node.is_null


def _judged(verdict: Verdict, place: Place, wanted: Mapping[str, object]) -> TestOutcome:
    record = verdict.record()
    actual = {key: record[key] for key in wanted}
    return TestOutcome(
        name=f"{verdict.id}: {_words(wanted)}",
        place=place,
        passed=actual == wanted,
        expected=_words(wanted),
        actual=_words(actual),
        because=verdict.reason,
    )


def _words(fields: Mapping[str, object]) -> str:
    said = {key: "null" if value is None else value for key, value in fields.items()}
    return ", ".join(str(value) if key == "verdict" else f"{key} {value}" for key, value in said.items())
