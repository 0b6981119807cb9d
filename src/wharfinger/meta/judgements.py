"""What advisories say of package versions: outcomes by content, and which holds for which version by which set."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, func, or_, select, text, update
from sqlalchemy import insert as plain_insert

from wharfinger.meta import first_known
from wharfinger.meta.judged import FindingRow, Outcome
from wharfinger.meta.schema_judging import (
    FIXABLE,
    FOUND,
    SEVERITIES,
    TALLIES,
    finding_names,
    findings,
    image_packages,
    judgements,
    outcomes,
    package_versions,
)
from wharfinger.meta.sql import among, chunks, insert, plain_rows

FEW, SPARSE = 40, 20
"""So few images, or one in so many, are looked at package by package; of others, what is said comes first."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a package version of an image."""

    purl: str
    outcome: int
    ecosystem: str
    reason: str | None


def by(set_: int) -> ColumnElement[bool]:
    """The judgements by this set."""
    return (judgements.c.since <= set_) & (judgements.c.until.is_(None) | (judgements.c.until > set_))


def add(tx: Connection, wanted: Collection[Outcome]) -> dict[str, int]:
    """The numbers of these outcomes by their keys; whoever was quicker has added the same."""
    known = _ids(tx, (each.key for each in wanted))
    missing = {each.key: each for each in wanted if each.key not in known}
    if missing:
        rows = [_row(missing[key]) for key in sorted(missing)]
        added = insert(tx, outcomes).on_conflict_do_nothing()
        tx.execute(added, rows)
        new = _ids(tx, missing)
        _add_findings(tx, {new[key]: missing[key].findings for key in sorted(missing)})
        known |= new
    return known


def change(tx: Connection, set_: int, wanted: Mapping[int, Collection[int]], now: float) -> int:
    """Let these outcomes hold for these package versions from the set on; for how many they are others than before.

    What is found for the first time is known since ``now``. Safe to repeat, with other outcomes too: what was begun by
    the same set before is taken back.
    """
    open_, closed = _last(tx, set_, wanted.keys())
    ends = [(p, o) for p, holding in open_.items() for o in holding if o not in wanted[p]]
    begins = [(p, o) for p, outcomes_ in wanted.items() for o in outcomes_ if o not in open_.get(p, ())]
    _end(tx, set_, [pair for pair in ends if open_[pair[0]][pair[1]] < set_])
    _take_back(tx, set_, [pair for pair in ends if open_[pair[0]][pair[1]] == set_])
    _reopen(tx, set_, [pair for pair in begins if pair in closed])
    new = [{"package": p, "outcome": o, "since": set_} for p, o in begins if (p, o) not in closed]
    if new:
        tx.execute(plain_insert(judgements), new)
        first_known.note(tx, set_, sorted({package for package, _ in begins}), now)
    return len({package for package, _ in (*ends, *begins)})


def tell_planner(tx: Connection) -> None:
    """Let PostgreSQL know how much is said now, before all images are looked for of whose packages it is said.

    It would find out by itself a minute later, and meanwhile read through all that images have.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("ANALYZE judgements, outcomes"))


def _last(
    tx: Connection, set_: int, packages: Collection[int]
) -> tuple[dict[int, dict[int, int]], set[tuple[int, int]]]:
    """What holds for each, and since when; and what this very set has ended."""
    open_: dict[int, dict[int, int]] = defaultdict(dict)
    closed: set[tuple[int, int]] = set()
    last = judgements.c.until.is_(None) | (judgements.c.until == set_)
    query = select(*(judgements.c[name] for name in ("package", "outcome", "since", "until"))).where(last)
    for these in _among(tx, judgements.c.package, packages):
        for package, outcome, since, until in plain_rows(tx, query.where(these)):
            if package not in packages:
                continue  # one of those between
            if until is None:
                open_[package][outcome] = since
            else:
                closed.add((package, outcome))
    return open_, closed


def _among(tx: Connection, column: ColumnElement[int], numbers: Collection[int]) -> Iterator[ColumnElement[bool]]:
    """Conditions that together are met by all of these numbers: and by others between them, where those are few."""
    if numbers and max(numbers) - min(numbers) < len(numbers) * 2:
        yield column.between(min(numbers), max(numbers))
        return
    yield from among(tx, column, sorted(numbers))


_PAIR = (judgements.c.package == bindparam("b_package")) & (judgements.c.outcome == bindparam("b_outcome"))


def _each(pairs: Iterable[tuple[int, int]]) -> list[dict[str, int]]:
    return [{"b_package": package, "b_outcome": outcome} for package, outcome in pairs]


def _end(tx: Connection, set_: int, pairs: Sequence[tuple[int, int]]) -> None:
    if pairs:
        tx.execute(update(judgements).where(_PAIR, judgements.c.until.is_(None)).values(until=set_), _each(pairs))


def _take_back(tx: Connection, set_: int, pairs: Sequence[tuple[int, int]]) -> None:
    if pairs:
        tx.execute(delete(judgements).where(_PAIR, judgements.c.since == set_), _each(pairs))


def _reopen(tx: Connection, set_: int, pairs: Sequence[tuple[int, int]]) -> None:
    if pairs:
        tx.execute(update(judgements).where(_PAIR, judgements.c.until == set_).values(until=None), _each(pairs))


def said_of(tx: Connection, image: int, set_: int) -> list[Said]:
    """What is said of every package version of an image by a set."""
    query = (
        select(package_versions.c.purl, outcomes.c.id, outcomes.c.ecosystem, outcomes.c.reason)
        .select_from(image_packages)
        .join(judgements, judgements.c.package == image_packages.c.package)
        .join(outcomes, outcomes.c.id == judgements.c.outcome)
        .join(package_versions, package_versions.c.id == image_packages.c.package)
        .where(image_packages.c.image == image, by(set_))
    )
    return [Said(*row) for row in tx.execute(query)]


def purls_of(
    tx: Connection, set_: int, images: Collection[int], wanted: Collection[int]
) -> dict[tuple[int, int], set[str]]:
    """Of images and of outcomes that hold for some of their package versions: the purls of these."""
    query = (
        select(image_packages.c.image, judgements.c.outcome, package_versions.c.purl)
        .select_from(image_packages)
        .join(judgements, judgements.c.package == image_packages.c.package)
        .join(package_versions, package_versions.c.id == image_packages.c.package)
        .where(by(set_))
    )
    found: dict[tuple[int, int], set[str]] = defaultdict(set)
    for some in among(tx, judgements.c.outcome, sorted(wanted)):
        for these in among(tx, image_packages.c.image, sorted(images)):
            for image, outcome, purl in plain_rows(tx, query.where(some, these)):
                found[image, outcome].add(purl)
    return found


def bodies(tx: Connection, wanted: Iterable[int]) -> dict[int, list[str]]:
    """The findings of outcomes as they are kept."""
    found: dict[int, list[str]] = defaultdict(list)
    query = select(findings.c.outcome, findings.c.body).order_by(findings.c.outcome, findings.c.number)
    for these in among(tx, findings.c.outcome, sorted(set(wanted))):
        for outcome, body in plain_rows(tx, query.where(these)):
            found[outcome].append(body)
    return found


def packages_with(tx: Connection, names: Iterable[str]) -> set[int]:
    """The package versions of which something with one of these names was found last."""
    found: set[int] = set()
    joined = select(judgements.c.package).join(finding_names, finding_names.c.outcome == judgements.c.outcome)
    for these in among(tx, finding_names.c.name, sorted(set(names))):
        found.update(tx.execute(joined.where(these, judgements.c.until.is_(None))).scalars())
    return found


def sums(tx: Connection, set_: int, images: Sequence[int]) -> dict[int, dict[str, int]]:
    """For those of these images of whose packages something is said: the tallies, and if there are doubts."""
    found: dict[int, dict[str, int]] = {}
    names = ("doubts", *TALLIES)
    for said in _said_in(tx, set_, images):
        each = said.subquery()
        totals = (func.sum(outcomes.c[name]) for name in TALLIES)
        query = (
            select(each.c.image, func.count(outcomes.c.reason), *totals)
            .join(outcomes, outcomes.c.id == each.c.outcome)
            .where(each.c.image.is_not(None))
            .group_by(each.c.image)
        )
        found |= {image: dict(zip(names, map(int, rest), strict=True)) for image, *rest in plain_rows(tx, query)}
    return found


def outcomes_in(tx: Connection, set_: int, images: Sequence[int]) -> dict[int, list[int]]:
    """For those of these images of whose packages something is said: what, in the order of its numbers."""
    found: dict[int, list[int]] = defaultdict(list)
    wanted = set(images)
    for said in _said_in(tx, set_, images):
        for image, outcome in plain_rows(tx, said.order_by(judgements.c.outcome)):
            if image in wanted:
                found[image].append(outcome)
    return found


def _said_in(tx: Connection, set_: int, images: Sequence[int]) -> Iterator[Select[tuple[int, int]]]:
    """Which outcomes hold for packages of these images, and perhaps of others between them, or of no image at all."""
    query = select(image_packages.c.image, judgements.c.outcome).where(by(set_)).distinct()
    mine = image_packages.c.package == judgements.c.package
    if len(images) > FEW and max(images) - min(images) <= len(images) * SPARSE:
        # An outer join is done in this order: from what little is said to the images, and not from all they have.
        mine &= image_packages.c.image.between(min(images), max(images))
        yield query.select_from(judgements.outerjoin(image_packages, mine))
        return
    for these in among(tx, image_packages.c.image, images):
        yield query.select_from(image_packages.join(judgements, mine)).where(these)


def touched(tx: Connection, before: int, after: int, last: int) -> set[int]:
    """The images after one, up to the last, of whose packages something else is said since the set ``before``."""
    some = (image_packages.c.image > after) & (image_packages.c.image <= last)
    mine = (image_packages.c.package == judgements.c.package) & some
    query = (
        select(image_packages.c.image)
        .select_from(judgements.outerjoin(image_packages, mine))
        .where(or_(judgements.c.since > before, judgements.c.until > before))
        .distinct()
    )
    return {image for image in tx.execute(query).scalars() if image is not None}


def forget_before(tx: Connection, set_: int, limit: int) -> bool:
    """Forget up to ``limit`` of what ended with a set or before, and of outcomes that hold for nothing.

    Whether there may be more.
    """
    over = judgements.c.until <= set_
    rows = tx.execute(select(judgements.c.package, judgements.c.outcome).where(over).limit(limit)).all()
    if rows:
        tx.execute(delete(judgements).where(_PAIR, over), _each((package, outcome) for package, outcome in rows))
    unheld = ~exists().where(judgements.c.outcome == outcomes.c.id)
    gone = tx.execute(select(outcomes.c.id).where(unheld).limit(limit)).scalars().all()
    for some in chunks(gone):
        tx.execute(delete(findings).where(findings.c.outcome.in_(some)))
        tx.execute(delete(finding_names).where(finding_names.c.outcome.in_(some)))
        tx.execute(delete(outcomes).where(outcomes.c.id.in_(some)))
    return limit in {len(rows), len(gone)}


def _ids(tx: Connection, keys: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for these in among(tx, outcomes.c.key, sorted(set(keys))):
        found.update(plain_rows(tx, select(outcomes.c.key, outcomes.c.id).where(these)))
    return found


def _row(outcome: Outcome) -> Mapping[str, object]:
    found, fixable = dict.fromkeys(SEVERITIES, 0), dict.fromkeys(SEVERITIES, 0)
    for each in outcome.findings:
        found[each.severity] += 1
        fixable[each.severity] += each.fixed is not None
    tallies = dict(zip((*FOUND, *FIXABLE), (*found.values(), *fixable.values()), strict=True))
    return {"key": outcome.key, "ecosystem": outcome.ecosystem, "reason": outcome.reason, **tallies}


def _add_findings(tx: Connection, new: Mapping[int, tuple[FindingRow, ...]]) -> None:
    rows = [
        {
            "outcome": outcome,
            "number": number,
            "vulnerability": each.vulnerability,
            "severity": each.severity,
            "fixed": each.fixed,
            "state": each.state,
            "kev": each.kev,
            "published": each.published,
            "body": each.body,
        }
        for outcome, found in new.items()
        for number, each in enumerate(found)
    ]
    if rows:
        tx.execute(insert(tx, findings).on_conflict_do_nothing(), rows)
        pairs = sorted({(name, outcome) for outcome, found in new.items() for each in found for name in each.names})
        tx.execute(insert(tx, finding_names).on_conflict_do_nothing(), [{"name": n, "outcome": o} for n, o in pairs])
