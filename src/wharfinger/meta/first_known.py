"""Since when it is known here that versions of packages have vulnerabilities."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, literal, select

from wharfinger.meta.schema_judging import findings, first_known, image_packages, judgements, package_versions
from wharfinger.meta.sql import among, chunks, insert, plain_rows

K = TypeVar("K")


def note(tx: Connection, set_: int, packages: Collection[int], now: float) -> None:
    """What a set begins to say of these is known since now, unless it was known before."""
    query = (
        select(judgements.c.package, findings.c.vulnerability, literal(now))
        .join(findings, findings.c.outcome == judgements.c.outcome)
        .where(judgements.c.since == set_)
        .distinct()
    )
    add = insert(tx, first_known)
    for these in among(tx, judgements.c.package, packages):
        found = add.from_select(["package", "vulnerability", "at"], query.where(these))
        tx.execute(found.on_conflict_do_nothing())


def of_versions(tx: Connection, packages: Iterable[int]) -> dict[tuple[int, str], datetime]:
    """What is known of these, by their keys and the names of vulnerabilities."""
    query = select(first_known.c.package, first_known.c.vulnerability, first_known.c.at)
    rows = (
        row for some in chunks(sorted(packages)) for row in tx.execute(query.where(first_known.c.package.in_(some)))
    )
    return {(package, name): datetime.fromtimestamp(at, UTC) for package, name, at in rows}


def of_image(tx: Connection, image: int) -> dict[tuple[str, str], datetime]:
    """The same of the packages of an image, by their purls."""
    query = (
        select(package_versions.c.purl, first_known.c.vulnerability, first_known.c.at)
        .join_from(image_packages, first_known, first_known.c.package == image_packages.c.package)
        .join(package_versions, package_versions.c.id == image_packages.c.package)
        .where(image_packages.c.image == image)
    )
    found: dict[tuple[str, str], datetime] = {}
    for purl, name, at in plain_rows(tx, query):
        since = datetime.fromtimestamp(at, UTC)
        found[purl, name] = min(since, found.get((purl, name), since))
    return found


def earliest(known: Mapping[tuple[K, str], datetime], package: K, names: Iterable[str]) -> datetime | None:
    """Since when a vulnerability is known, by whichever of its names: it may have got its CVE only later."""
    return min((known[package, name] for name in names if (package, name) in known), default=None)
