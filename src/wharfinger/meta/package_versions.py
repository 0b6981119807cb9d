"""Versions of packages, each once, and which image has which."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, exists, select
from sqlalchemy import insert as plain_insert

from wharfinger.meta.judged import PackageVersion
from wharfinger.meta.schema_judging import first_known, image_packages, judgements, package_versions
from wharfinger.meta.sql import among, chunks, insert, plain_rows

_FACTS = (
    *("key", "type", "name", "version", "purl", "known_as", "source_name", "source_version"),
    *("distribution", "release", "detail", "covered"),
)
_WHOLE = select(package_versions.c.id, *(package_versions.c[name] for name in _FACTS))


def ids(tx: Connection, keys: Iterable[str]) -> dict[str, int]:
    """The numbers of those that are known, by their keys."""
    found: dict[str, int] = {}
    query = select(package_versions.c.key, package_versions.c.id)
    for these in among(tx, package_versions.c.key, sorted(set(keys))):
        found.update(plain_rows(tx, query.where(these)))
    return found


def add(tx: Connection, versions: Collection[PackageVersion]) -> dict[str, int]:
    """Their numbers; whoever was quicker has added the same."""
    known = ids(tx, (each.key for each in versions))
    missing = {each.key: each for each in versions if each.key not in known}
    if missing:
        rows = [_row(missing[key]) for key in sorted(missing)]
        tx.execute(insert(tx, package_versions).on_conflict_do_nothing(), rows)
        known |= ids(tx, missing)
    return known


def every_id(tx: Connection) -> set[int]:
    """The numbers of all there are."""
    return {id for (id,) in plain_rows(tx, select(package_versions.c.id))}


def find(tx: Connection, numbers: Iterable[int]) -> dict[int, PackageVersion]:
    """Those with these numbers, as far as they are still there."""
    found: dict[int, PackageVersion] = {}
    for these in among(tx, package_versions.c.id, sorted(numbers)):
        found.update(_versions(plain_rows(tx, _WHOLE.where(these))))
    return found


def page(tx: Connection, after: int, limit: int) -> dict[int, PackageVersion]:
    """Up to ``limit`` of them in the order of their numbers, after one."""
    query = _WHOLE.where(package_versions.c.id > after).order_by(package_versions.c.id).limit(limit)
    return _versions(plain_rows(tx, query))


def named(tx: Connection, names: Iterable[str]) -> set[int]:
    """Those that advisories know under one of these names, themselves or the packages they were built from."""
    found: set[int] = set()
    wanted = sorted(set(names))
    for column in (package_versions.c.known_as, package_versions.c.source_name):
        for these in among(tx, column, wanted):
            found.update(id for (id,) in plain_rows(tx, select(package_versions.c.id).where(these)))
    return found


def of_releases(tx: Connection, releases: Iterable[tuple[str, str]]) -> set[int]:
    """The packages of these releases of distributions."""
    found: set[int] = set()
    for distribution, release in releases:
        mine = (package_versions.c.distribution == distribution) & (package_versions.c.release == release)
        found.update(tx.execute(select(package_versions.c.id).where(mine)).scalars())
    return found


def put(tx: Connection, image: int, packages: Collection[int]) -> None:
    """Let the image have these and no others."""
    had = set(tx.execute(select(image_packages.c.package).where(image_packages.c.image == image)).scalars())
    for some in chunks(sorted(had - set(packages))):
        tx.execute(delete(image_packages).where(image_packages.c.image == image, image_packages.c.package.in_(some)))
    new = [{"image": image, "package": package} for package in sorted(set(packages) - had)]
    if new:
        tx.execute(plain_insert(image_packages), new)


def forget_unused(tx: Connection, limit: int) -> int:
    """Forget up to ``limit`` versions that no image has, with what was said of them; how many."""
    unused = ~exists().where(image_packages.c.package == package_versions.c.id)
    numbers = tx.execute(select(package_versions.c.id).where(unused).limit(limit)).scalars().all()
    for some in chunks(numbers):
        tx.execute(delete(judgements).where(judgements.c.package.in_(some)))
        tx.execute(delete(first_known).where(first_known.c.package.in_(some)))
        tx.execute(delete(package_versions).where(package_versions.c.id.in_(some)))
    return len(numbers)


def _row(each: PackageVersion) -> Mapping[str, object]:
    source_name, source_version = each.source or (None, None)
    return {
        "key": each.key,
        "type": each.type,
        "name": each.name,
        "version": each.version,
        "purl": each.purl,
        "known_as": each.known_as,
        "source_name": source_name,
        "source_version": source_version,
        "distribution": each.distribution,
        "release": each.release,
        "detail": json.dumps(dict(each.detail), sort_keys=True),
        "covered": each.covered,
    }


def _versions(rows: Iterable[Sequence[Any]]) -> dict[int, PackageVersion]:
    return {row[0]: _version(*row[1:]) for row in rows}


def _version(
    key: str,
    type_: str,
    name: str,
    version: str,
    purl: str,
    known_as: str,
    source_name: str | None,
    source_version: str,
    distribution: str | None,
    release: str | None,
    detail: str,
    covered: int,
) -> PackageVersion:
    source = None if source_name is None else (source_name, source_version)
    said = {} if detail == "{}" else json.loads(detail)
    return PackageVersion(key, type_, name, version, purl, known_as, source, distribution, release, said, bool(covered))
