"""What counts against images in their repositories; of many images, what they share is read and judged once."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import judgements, verdicts, vex
from wharfinger.meta.gates import Holder
from wharfinger.meta.verdicts import Verdict
from wharfinger.scanning import reports
from wharfinger.scanning.adapters import merging
from wharfinger.scanning.adapters import reports as adapters
from wharfinger.scanning.adapters.protocol import Report
from wharfinger.scanning.admission.rules import ALWAYS, Joined, Known
from wharfinger.scanning.admission.standing import Part, Standing, part, standing, together
from wharfinger.scanning.books import Book, names_in
from wharfinger.scanning.excuses import Excuses
from wharfinger.scanning.excusing import excused
from wharfinger.scanning.findings import Severity
from wharfinger.scanning.matching import main_purl
from wharfinger.spec.digest import Digest


class Counts:
    """How these images stand, by what is known of them and stored about them now.

    What is said of a package comes to the same in every image that has it under the same purls and for which the same
    exceptions count. Where statements or other scanners may have a say, all findings of an image are looked at by
    themselves.
    """

    def __init__(self, tx: Connection, book: Book, known: Mapping[Digest, Verdict], now: float) -> None:
        self._tx = tx
        self._book = book
        self._now = now
        self._told = told_by_others(tx, known)
        by_set = _by_set([each for each in known.values() if each.digest not in self._told])
        self._said = _outcomes(tx, by_set)
        self._whole = verdicts.with_reports(tx, [each.image for each in known.values()])
        bodies = judgements.bodies(tx, {outcome for said in self._said.values() for outcome in said})
        self._found = {outcome: [json.loads(body) for body in some] for outcome, some in bodies.items()}
        names = {outcome: names_in(some) for outcome, some in self._found.items()}
        self._stated = {outcome for outcome, some in names.items() if book.may_state(some)}
        self._excepted = {outcome: said for outcome, some in names.items() if (said := book.excepted(some))}
        self._purls = _purls(tx, by_set, self._excepted.keys())
        self._parts: dict[tuple[object, ...], Part] = {}

    def standing(self, rules: Joined, image: Holder, verdict: Verdict) -> Standing:
        """How one of them stands in a repository."""
        said = self._said.get(verdict.image, ())
        if image.digest in self._told or verdict.image in self._whole or not self._stated.isdisjoint(said):
            told = self._told.get(image.digest, ())
            return standing(rules, verdict.status, counted_in(self._tx, self._book, image, verdict, told, self._now))
        return together(rules, verdict.status, [self._part(rules, image, verdict, outcome) for outcome in said])

    def _part(self, rules: Joined, image: Holder, verdict: Verdict, outcome: int) -> Part:
        excuses = self._excuses(image, outcome)
        purls = frozenset(self._purls[verdict.image, outcome]) if excuses.exceptions else frozenset()
        key = (rules.id, outcome, purls, *(each.id for each in excuses.exceptions))
        if key not in self._parts:
            self._parts[key] = part(rules, self._counting(image, outcome, purls, excuses))
        return self._parts[key]

    def _excuses(self, image: Holder, outcome: int) -> Excuses:
        """The exceptions that count for it there."""
        there = self._excepted.get(outcome, ())
        roots: frozenset[Digest] = frozenset()
        if any(each.digest not in {None, image.digest} for each in there):
            roots = vex.indexes_of(self._tx, image.repository, image.digest)
        about = [each for each in there if each.is_about_image(image.repository, {image.digest, *roots})]
        return Excuses(tuple(about), (), roots)

    def _counting(self, image: Holder, outcome: int, purls: frozenset[str], excuses: Excuses) -> list[Known]:
        found = self._found.get(outcome, ())
        if not excuses.exceptions:
            return [known_of(each, ALWAYS) for each in found]
        placed = [{**each, "purl": main_purl(each["package"], purls)} for each in found]
        return counting(placed, excuses, image, None, self._now)


def _by_set(known: Iterable[Verdict]) -> Mapping[int, list[int]]:
    """The images by the sets that their verdicts go by."""
    found: dict[int, list[int]] = defaultdict(list)
    for each in known:
        found[each.advisory_set].append(each.image)
    return found


def _outcomes(tx: Connection, by_set: Mapping[int, list[int]]) -> Mapping[int, Sequence[int]]:
    """What is said of the packages of each image."""
    found: dict[int, Sequence[int]] = {}
    for set_, images in by_set.items():
        found |= judgements.outcomes_in(tx, set_, images)
    return found


def _purls(
    tx: Connection, by_set: Mapping[int, list[int]], wanted: Collection[int]
) -> Mapping[tuple[int, int], set[str]]:
    """Under which purls the images have what these outcomes are about."""
    found: dict[tuple[int, int], set[str]] = {}
    for set_, images in by_set.items():
        found |= judgements.purls_of(tx, set_, images, wanted)
    return found


Told = Sequence[tuple[str, Report]]
"""What scanners of others say of an image, by their names."""


def told_by_others(tx: Connection, digests: Iterable[Digest]) -> Mapping[str, Told]:
    """What they have reported on these images."""
    said = adapters.of(tx, sorted(digests))
    return {
        digest: [(each.scanner, each.report) for each in some if each.report is not None]
        for digest, some in said.items()
    }


def counted_in(tx: Connection, book: Book, image: Holder, verdict: Verdict, told: Told, now: float) -> list[Known]:
    """The findings of an image that count in its repository, each from when on: nothing excuses them for good."""
    report: Mapping[str, Any] | None = None
    if told:
        report = merging.merge(reports.report(tx, verdict), told)
    found = reports.findings(tx, verdict) if report is None else report["findings"]
    excuses = book.about(tx, image.repository, image.digest, found)
    if report is None and excuses.statements:
        report = reports.report(tx, verdict)
    return counting(found, excuses, image, report, now)


def counting(
    found: Sequence[Mapping[str, Any]], excuses: Excuses, image: Holder, report: Mapping[str, Any] | None, now: float
) -> list[Known]:
    """What nothing excuses for good: since always, or from when the exceptions for it have ended."""
    ends = sorted({each.until for each in excuses.exceptions if each.until > now})
    seen: dict[int, Known] = {}
    for at in (now, *ends):
        judged = excused(found, image.repository, image.digest, excuses, at, image=report)
        for number, each in enumerate(judged):
            if each["suppressed"] is None and number not in seen:
                seen[number] = known_of(each, ALWAYS if at == now else at)
    return list(seen.values())


def known_of(finding: Mapping[str, Any], counts_from: float) -> Known:
    """A finding as ``docs/scan.schema.json`` has it."""
    return Known(
        id=finding["id"],
        package=finding["package"],
        version=finding["version"],
        fixed=finding["fixed"],
        severity=Severity(finding["severity"]),
        known_exploited=finding["kev"],
        published=_moment(finding.get("published")),
        counts_from=counts_from,
        scanners=frozenset(finding.get("scanners", (merging.OURS,))),
    )


def _moment(day: str | None) -> float | None:
    """The beginning of a day, in seconds since the epoch."""
    return None if day is None else datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
