"""What lifecycle rules look at: the facts of whole repositories, in few rows and columns, for there may be a million.

Times are microseconds since the epoch, which the database makes of its seconds: it does so faster than we do. Two
:class:`Facts` that are equal lead to the same verdicts, whenever they were read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    cast,
    func,
    literal,
    null,
    select,
)

from wharfinger.meta.schema import manifest_children, manifests, repositories, tags
from wharfinger.meta.schema_scanners import scanner_reports
from wharfinger.meta.schema_scanning import scanned_images, verdicts
from wharfinger.meta.schema_trash import holds, in_use, last_pulls
from wharfinger.meta.sql import chunks, plain_rows
from wharfinger.spec.names import RepoName

Row = tuple[Any, ...]
Columns: TypeAlias = Sequence[Sequence[Any]]

MICROSECONDS = 1_000_000
ENDLESS = 253_402_214_400 * MICROSECONDS
"""Until when something is held that is held without an end: the last day of the year 9999."""
ALWAYS = ("digest", "pushed", "untagged", "subject")
OPTIONAL = (
    *("pulled", "created", "platform", "artifact_type", "size", "labels", "annotations"),
    *("severity", "fixable_severity", "needs"),
)
"""What is read only where somebody asks for it, in the order in which a row has it."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, and how many manifests it has."""

    id: int
    name: RepoName
    images: int


@dataclass(frozen=True, slots=True)
class Facts:
    """One repository's, in columns: the same place in each is about the same thing.

    ``manifests`` has, by digest, those of :data:`ALWAYS`, and what else was asked for; ``tags`` names, digests and when
    they moved, by name; ``children`` indexes and a child, where both are there; ``holds`` digests and until when;
    ``in_use`` has digests.
    """

    manifests: Mapping[str, Sequence[Any]]
    tags: Columns = ((), (), ())
    children: Columns = ((), ())
    holds: Columns = ((), ())
    in_use: frozenset[str] = frozenset()

    @property
    def digests(self) -> Sequence[str]:
        """Of the manifests."""
        return self.manifests["digest"]


def repositories_after(tx: Connection, last: str, limit: int) -> list[Repository]:
    """Up to ``limit`` repositories after ``last`` in byte order."""
    count = select(func.count()).where(manifests.c.repository_id == repositories.c.id).scalar_subquery()
    query = select(repositories.c.id, repositories.c.name, count).where(repositories.c.name > last)
    rows = tx.execute(query.order_by(repositories.c.name).limit(limit))
    return [Repository(id, RepoName(name), images) for id, name, images in rows]


def find(tx: Connection, name: RepoName) -> Repository | None:
    """The repository, if there ever was something in it."""
    count = select(func.count()).where(manifests.c.repository_id == repositories.c.id).scalar_subquery()
    row = tx.execute(select(repositories.c.id, count).where(repositories.c.name == name)).first()
    return Repository(row[0], name, row[1]) if row else None


def read(tx: Connection, ids: Sequence[int], asked: frozenset[str]) -> Iterator[tuple[int, Facts]]:
    """(id, facts) of each of these repositories that has manifests, with those columns of :data:`OPTIONAL`."""
    beside = {name: _grouped(tx, _whole(name), {"ids": ids}) for name in _BESIDE}
    for id, rows in _grouped(tx, _whole("manifests", asked), {"ids": ids}).items():
        yield id, _facts({"manifests": rows} | {name: found.get(id, ()) for name, found in beside.items()}, asked)


def read_one(tx: Connection, repository_id: int, asked: frozenset[str]) -> Facts | None:
    """The same of one repository; None when it has no manifest."""
    return next((facts for _, facts in read(tx, [repository_id], asked)), None)


def read_some(tx: Connection, repository_id: int, digests: Sequence[str], asked: frozenset[str]) -> Facts | None:
    """The same of these images alone, and what of their children is among them; None when none of them is there."""
    found: dict[str, list[Row]] = {name: [] for name in _IMAGE}
    for some in chunks(digests):
        for name in _IMAGE:
            query = _some(name, asked if name == "manifests" else frozenset())
            found[name] += _grouped(tx, query, {"ids": [repository_id], "digests": some}).get(repository_id, ())
    return _facts(found, asked) if found["manifests"] else None


def _facts(found: Mapping[str, Sequence[Row]], asked: frozenset[str]) -> Facts:
    """From rows, in each the repository's id first: to columns, which takes less than cutting that off each row."""
    columns = {name: tuple(zip(*rows, strict=True))[1:] for name, rows in found.items() if rows}
    names = (*ALWAYS, *(name for name in OPTIONAL if name in asked))
    manifests = dict(zip(names, columns.pop("manifests"), strict=True))
    in_use: frozenset[str] = frozenset(*columns.pop("in_use", ()))
    return Facts(manifests, in_use=in_use, **columns)


def lock(tx: Connection, repository_id: int, digests: Iterable[str]) -> None:
    """Nobody gives or takes these manifests a tag, an index or a hold before this transaction ends.

    Tags first, then manifests, each in order: as everybody else does who locks both.
    """
    wanted = sorted(digests)
    for chunk in chunks(wanted):
        named = select(tags.c.name).where(tags.c.repository_id == repository_id, tags.c.digest.in_(chunk))
        tx.execute(named.order_by(tags.c.name).with_for_update()).all()
    for chunk in chunks(wanted):
        these = select(manifests.c.digest).where(manifests.c.repository_id == repository_id)
        tx.execute(these.where(manifests.c.digest.in_(chunk)).order_by(manifests.c.digest).with_for_update()).all()


def _grouped(tx: Connection, query: Select[Any], values: Mapping[str, Any]) -> Mapping[int, Sequence[Row]]:
    """The rows by their first column, which is the repository's id."""
    return {id: list(own) for id, own in groupby(plain_rows(tx, query, values), itemgetter(0))}


# Statements are made once: making one takes longer than running it for a few rows.
@cache
def _whole(name: str, asked: frozenset[str] = frozenset()) -> Select[Any]:
    """What a field of :class:`Facts` has of the repositories ``ids``."""
    query = _manifests(asked) if name == "manifests" else _BESIDE[name]()
    return query.where(next(iter(query.selected_columns)).in_(bindparam("ids", expanding=True)))


@cache
def _some(name: str, asked: frozenset[str]) -> Select[Any]:
    """The same of the images ``digests``."""
    return _whole(name, asked).where(_IMAGE[name].in_(bindparam("digests", expanding=True)))


def _manifests(asked: frozenset[str]) -> Select[Any]:
    columns: Mapping[str, ColumnElement[Any]] = {
        "pulled": in_microseconds(last_pulls.c.pulled_at),
        "created": in_microseconds(manifests.c.created_at),
        "platform": manifests.c.platform,
        "artifact_type": manifests.c.artifact_type,
        "size": manifests.c.total_size,
        "labels": manifests.c.labels,
        "annotations": manifests.c.annotations,
        "severity": _severity("found"),
        "fixable_severity": _severity("fixable"),
        "needs": manifests.c.needs,
    }
    always = (
        manifests.c.repository_id,
        manifests.c.digest,
        in_microseconds(manifests.c.pushed_at),
        in_microseconds(manifests.c.untagged_at),
        manifests.c.subject,
    )
    source: Any = manifests
    if "pulled" in asked:
        same = (last_pulls.c.repository_id == manifests.c.repository_id) & (last_pulls.c.digest == manifests.c.digest)
        source = manifests.outerjoin(last_pulls, same)
    if {"severity", "fixable_severity"} & asked:
        source = source.outerjoin(scanned_images, scanned_images.c.digest == manifests.c.digest)
        source = source.outerjoin(verdicts, verdicts.c.image == scanned_images.c.id)
    optional = (columns[name] for name in OPTIONAL if name in asked)
    return select(*always, *optional).select_from(source).order_by(manifests.c.repository_id, manifests.c.digest)


def _severity(kind: str) -> ColumnElement[Any]:
    """The worst severity by the verdict; by scanner (``wharfinger=low,trivy=high``) where others have reported, too."""
    said = scanner_reports.c
    each = said.scanner.concat("=").concat(said[kind])
    others = select(func.aggregate_strings(each, ",")).where(said.digest == manifests.c.digest, said[kind].is_not(None))
    told = others.scalar_subquery()
    ours = literal("wharfinger=").concat(_worst(kind)).concat(",")
    return func.coalesce(func.coalesce(ours, "").concat(told), _worst(kind))


def _worst(kind: str) -> ColumnElement[Any]:
    """The worst severity that a verdict counts findings of; null where there is none and not all was assessed."""
    found = [(verdicts.c[f"{kind}_{level}"] > 0, level) for level in ("critical", "high", "medium", "low")]
    wholly = verdicts.c.status.in_(("complete", "nothing-to-scan"))
    return case(*found, (wholly, "none"), else_=null())


def _tags() -> Select[Any]:
    query = select(tags.c.repository_id, tags.c.name, tags.c.digest, in_microseconds(tags.c.moved_at))
    return query.order_by(tags.c.repository_id, tags.c.name)


def _children() -> Select[Any]:
    edges = manifest_children.c
    query = select(edges.repository_id, edges.manifest, edges.digest).where(edges.present.is_not(None))
    return query.order_by(edges.repository_id, edges.manifest, edges.digest)


def _holds() -> Select[Any]:
    until = func.coalesce(func.max(in_microseconds(func.coalesce(holds.c.until, ENDLESS / MICROSECONDS))), literal(0))
    query = select(holds.c.repository_id, holds.c.digest, until).group_by(holds.c.repository_id, holds.c.digest)
    return query.order_by(holds.c.repository_id, holds.c.digest)


def _in_use() -> Select[Any]:
    query = select(in_use.c.repository_id, in_use.c.digest).distinct()
    return query.order_by(in_use.c.repository_id, in_use.c.digest)


_BESIDE = {"tags": _tags, "children": _children, "holds": _holds, "in_use": _in_use}
_IMAGE = {
    "manifests": manifests.c.digest,
    "tags": tags.c.digest,
    "children": manifest_children.c.manifest,
    "holds": holds.c.digest,
    "in_use": in_use.c.digest,
}
"""Which image a row is about."""


def in_microseconds(seconds: Column[Any] | ColumnElement[Any]) -> ColumnElement[Any]:
    """The time as the database reckons it from its seconds."""
    return cast(func.round(seconds * MICROSECONDS), BigInteger)
