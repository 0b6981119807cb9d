"""Catalogues of layers and of images, and the last verdict on each image; all by content, whoever holds it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from wharfinger.meta import advisory_sets, judgements
from wharfinger.meta.schema import blobs
from wharfinger.meta.schema_judging import FIXABLE, FOUND, SEVERITIES, TALLIES, image_packages
from wharfinger.meta.schema_judging import advisory_sets as sets
from wharfinger.meta.schema_scanning import layer_catalogues, scanned_images, verdicts
from wharfinger.meta.sql import among, chunks, insert, plain_rows
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

OWN_STATUSES = ("partial", "nothing-to-scan")
"""What an image is by itself, whatever advisories say."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """An image that was scanned. ``own_status`` is what it is whatever advisories say, if that is so."""

    digest: Digest
    repository: RepoName
    config: Digest
    platform: str
    layers: tuple[Digest, ...]
    distribution: str | None
    release: str | None
    cataloguer: str
    isolation: str
    scanned_at: float
    own_status: str | None
    catalogue: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of an image, by which advisories and cataloguer, since when.

    ``counts`` has how many findings there are of each severity, ``fixable`` for how many of them a fixed version is
    known. ``changed_at`` is when it said something else for the last time.
    """

    image: int
    advisory_set: int
    digest: Digest
    repository: RepoName
    config: Digest
    platform: str
    layers: tuple[Digest, ...]
    status: str
    counts: Mapping[str, int]
    fixable: Mapping[str, int]
    advisories: str
    sources: Mapping[str, int]
    cataloguer: str
    isolation: str
    judged_at: float
    changed_at: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What a report is made of: the catalogue, or the whole report where an earlier version judged the image."""

    distribution: str | None
    release: str | None
    catalogue: bytes | None
    report: bytes | None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """So many verdicts, and on which image the last of them is, None where there were none any more.

    ``changed`` are the images that have other findings now, ``partial`` those of which something could not be read.
    """

    count: int
    last: int | None
    changed: Sequence[Digest]
    partial: Sequence[tuple[Digest, RepoName]]


_WHOLE = scanned_images.alias()


def catalogues(tx: Connection, layers: Iterable[Digest], cataloguer: str) -> dict[Digest, bytes]:
    """What is kept of these layers by this version of the cataloguer."""
    found: dict[Digest, bytes] = {}
    query = select(layer_catalogues.c.digest, layer_catalogues.c.body)
    for some in chunks(sorted(set(layers))):
        these = query.where(layer_catalogues.c.digest.in_(some), layer_catalogues.c.cataloguer == cataloguer)
        found.update((Digest(row.digest), row.body) for row in tx.execute(these))
    return found


def keep_catalogue(tx: Connection, layer: Digest, cataloguer: str, body: bytes, now: float) -> None:
    """Keep what a layer says. The same was read by whoever was quicker."""
    row = {"digest": layer, "cataloguer": cataloguer, "body": body, "made_at": now}
    tx.execute(insert(tx, layer_catalogues).values(row).on_conflict_do_nothing())


def put_image(tx: Connection, scanned: Scanned) -> int:
    """Let this be what is known of the image itself; its number."""
    row = {
        "digest": scanned.digest,
        "repository": scanned.repository,
        "config": scanned.config,
        "platform": scanned.platform,
        "layers": json.dumps(scanned.layers),
        "distribution": scanned.distribution,
        "release": scanned.release,
        "cataloguer": scanned.cataloguer,
        "isolation": scanned.isolation,
        "scanned_at": scanned.scanned_at,
        "catalogue": scanned.catalogue,
        "report": None,
    }
    newer = {name: value for name, value in row.items() if name != "digest"}
    put = insert(tx, scanned_images).values(row).on_conflict_do_update(index_elements=["digest"], set_=newer)
    image: int = tx.execute(put.returning(scanned_images.c.id)).scalar_one()
    return image


def put(tx: Connection, image: int, set_: int, own_status: str | None, now: float) -> None:
    """Let the verdict on an image be what is said by this set of the packages it has."""
    said = judgements.sums(tx, set_, [image]).get(image, {})
    row = {
        "image": image,
        "advisory_set": set_,
        "status": own_status or _status(said),
        "judged_at": now,
        "changed_at": now,
    }
    row |= {name: said.get(name, 0) for name in TALLIES}
    newer = {name: value for name, value in row.items() if name != "image"}
    tx.execute(insert(tx, verdicts).values(row).on_conflict_do_update(index_elements=["image"], set_=newer))


def rewrite(tx: Connection, set_: int, after: int, limit: int, now: float) -> Rewritten:
    """Let up to ``limit`` verdicts by older sets, on images after one, be by this one. Each row is written once."""
    older = _older(tx, set_, after, limit)
    if not older:
        return Rewritten(0, None, (), ())
    last = max(older)
    touched = judgements.touched(tx, min(was for was, _ in older.values()), after, last)
    changed = sorted(touched.intersection(older))
    if changed:
        sums = judgements.sums(tx, set_, changed)
        _recount(tx, set_, {image: sums.get(image, {}) for image in changed}, now)
    same = verdicts.c.image.between(min(older), last) & (verdicts.c.advisory_set < set_)
    tx.execute(update(verdicts).where(same, _by_packages(after, last)).values(advisory_set=set_, judged_at=now))
    partial = [image for image, (_, status) in older.items() if status == "partial"]
    return Rewritten(len(older), last, digests(tx, changed), _addresses(tx, partial))


def _older(tx: Connection, set_: int, after: int, limit: int) -> dict[int, tuple[int, str]]:
    """Of the first images whose verdicts are by older sets, by which, and their status."""
    query = (
        select(verdicts.c.image, verdicts.c.advisory_set, verdicts.c.status)
        .where(verdicts.c.image > after, verdicts.c.advisory_set < set_, _by_packages(after))
        .order_by(verdicts.c.image)
        .limit(limit)
    )
    return {image: (was, status) for image, was, status in plain_rows(tx, query)}


def _by_packages(after: int, last: int | None = None) -> ColumnElement[bool]:
    """What an earlier version said of the image as a whole stays: no set of advisories says another thing of it."""
    whole = _WHOLE.c.report.is_not(None) & (_WHOLE.c.id > after)
    if last is not None:
        whole &= _WHOLE.c.id <= last
    return ~exists().where(_WHOLE.c.id == verdicts.c.image, whole)


def _addresses(tx: Connection, images: Iterable[int]) -> list[tuple[Digest, RepoName]]:
    """The images with these numbers, and through which repositories they were read."""
    query = select(scanned_images.c.digest, scanned_images.c.repository)
    rows = (row for these in among(tx, scanned_images.c.id, images) for row in tx.execute(query.where(these)))
    return [(Digest(digest), RepoName(name)) for digest, name in rows]


def _recount(tx: Connection, set_: int, said: Mapping[int, Mapping[str, int]], now: float) -> None:
    is_own = or_(*(verdicts.c.status == each for each in OWN_STATUSES))
    status = case((is_own, verdicts.c.status), else_=bindparam("b_status"))
    values: dict[str, Any] = {"advisory_set": set_, "status": status, "judged_at": now, "changed_at": now}
    values |= {name: bindparam(f"b_{name}") for name in TALLIES}
    rows = [
        {"b_image": image, "b_status": _status(found)} | {f"b_{name}": found.get(name, 0) for name in TALLIES}
        for image, found in said.items()
    ]
    behind = (verdicts.c.image == bindparam("b_image")) & (verdicts.c.advisory_set < set_)
    tx.execute(update(verdicts).where(behind).values(values), rows)


def _status(said: Mapping[str, int]) -> str:
    return "not-assessed" if said.get("doubts") else "complete"


def digests(tx: Connection, images: Iterable[int]) -> list[Digest]:
    """The images with these numbers."""
    found: list[Digest] = []
    for these in among(tx, scanned_images.c.id, images):
        rows = tx.execute(select(scanned_images.c.digest).where(these))
        found += [Digest(each) for each in rows.scalars()]
    return found


def find(tx: Connection, digests: Sequence[Digest]) -> dict[Digest, Verdict]:
    """The verdicts on these images, as far as there are some."""
    query = _joined()
    rows = (tx.execute(query.where(these)) for these in among(tx, scanned_images.c.digest, digests))
    return {Digest(row.digest): _verdict(row) for some in rows for row in some}


def kept(tx: Connection, image: int) -> Kept:
    """What the report on an image is made of."""
    columns = (scanned_images.c[name] for name in ("distribution", "release", "catalogue", "report"))
    return Kept(*tx.execute(select(*columns).where(scanned_images.c.id == image)).one())


def with_reports(tx: Connection, images: Iterable[int]) -> set[int]:
    """Those of these images of which the whole report is kept."""
    query = select(scanned_images.c.id).where(scanned_images.c.report.is_not(None))
    return {id for these in among(tx, scanned_images.c.id, images) for (id,) in plain_rows(tx, query.where(these))}


def read_by_others(tx: Connection, cataloguer: str, after: str, limit: int) -> list[tuple[Digest, RepoName]]:
    """Up to ``limit`` images that another cataloguer read, or that were judged whole, in order, after one."""
    other = (scanned_images.c.cataloguer != cataloguer) | scanned_images.c.report.is_not(None)
    query = select(scanned_images.c.digest, scanned_images.c.repository).where(other, scanned_images.c.digest > after)
    rows = tx.execute(query.order_by(scanned_images.c.digest).limit(limit))
    return [(Digest(digest), RepoName(repository)) for digest, repository in rows]


def by_status(tx: Connection) -> Counter[str]:
    """How many verdicts there are of each status."""
    rows = tx.execute(select(verdicts.c.status, func.count()).group_by(verdicts.c.status))
    found: Counter[str] = Counter()
    for status, count in rows:
        found[status] = count
    return found


def forget_gone(tx: Connection) -> int:
    """Forget verdicts and catalogues of what no repository and no trash has any more; how many."""
    gone = (
        tx.execute(select(scanned_images.c.id).where(~exists().where(blobs.c.digest == scanned_images.c.config)))
        .scalars()
        .all()
    )
    for some in chunks(gone):
        tx.execute(delete(verdicts).where(verdicts.c.image.in_(some)))
        tx.execute(delete(image_packages).where(image_packages.c.image.in_(some)))
        tx.execute(delete(scanned_images).where(scanned_images.c.id.in_(some)))
    unheld = ~exists().where(blobs.c.digest == layer_catalogues.c.digest)
    return len(gone) + tx.execute(delete(layer_catalogues).where(unheld)).rowcount


def _joined() -> Select[Any]:
    about = [scanned_images.c[name] for name in _ABOUT]
    return (
        select(verdicts, *about, sets)
        .join(scanned_images, scanned_images.c.id == verdicts.c.image)
        .join(sets, sets.c.id == verdicts.c.advisory_set)
    )


_ABOUT = ("digest", "repository", "config", "platform", "layers", "cataloguer", "isolation")


def _verdict(row: Row[tuple[object, ...]]) -> Verdict:
    by = advisory_sets.of(row)
    return Verdict(
        image=row.image,
        advisory_set=row.advisory_set,
        digest=Digest(row.digest),
        repository=RepoName(row.repository),
        config=Digest(row.config),
        platform=row.platform,
        layers=tuple(json.loads(row.layers)),
        status=row.status,
        counts=_tally(row, FOUND),
        fixable=_tally(row, FIXABLE),
        advisories=by.sha256,
        sources=by.sources,
        cataloguer=row.cataloguer,
        isolation=row.isolation,
        judged_at=row.judged_at,
        changed_at=row.changed_at,
    )


def _tally(row: Row[tuple[object, ...]], names: Sequence[str]) -> Mapping[str, int]:
    return {severity: row._mapping[name] for severity, name in zip(SEVERITIES, names, strict=True)}  # noqa: SLF001  a row's documented way to its columns
