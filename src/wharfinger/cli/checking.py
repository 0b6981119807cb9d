"""What ``wharf fsck`` needs of the server: its database, its store, and words for what was found."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wharfinger.blobs.stores import open_notes, open_stock, open_store
from wharfinger.cli import ask
from wharfinger.cli.client import registry_url
from wharfinger.cli.output import clean, moment, size
from wharfinger.cli.passwd import require_database
from wharfinger.config import Settings
from wharfinger.config.places import database_url
from wharfinger.errors import Refusal
from wharfinger.meta.db import open_database
from wharfinger.meta.migrate import migrate
from wharfinger.registry.fsck import Finding, Fsck, Report, Source, Wanted
from wharfinger.registry.rebuild import Rebuild
from wharfinger.registry.rebuild import Report as Rebuilt
from wharfinger.registry.sources import Folder, Registry
from wharfinger.services import store_settings

Progress = Callable[[str, int, int], None]

wanted = Wanted


async def check(settings: Settings, wanted: Wanted, found: Sequence[Source], told: Progress) -> Report:
    """Look at the registry that the settings describe. Raises Refusal when there is none."""
    require_database(database_url(settings))
    db = open_database(database_url(settings))
    migrate(db.engine)
    store, stock = open_store(store_settings(settings)), open_stock(store_settings(settings))
    try:
        return await Fsck(db, store, stock, time.time, sources=found, progress=told).run(wanted)
    finally:
        told("", 0, 0)
        for source in found:
            if isinstance(source, Registry):
                await source.close()
        for each in (store, stock, db):
            await each.close()


async def rebuild(settings: Settings, told: Progress) -> Rebuilt:
    """Fill the database that the settings describe, which is made if it is missing."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = open_database(database_url(settings))
    migrate(db.engine)
    notes, stock = open_notes(store_settings(settings)), open_stock(store_settings(settings))
    try:
        return await Rebuild(db, notes, stock, time.time, lambda what, count: told(what, count, 0)).run()
    finally:
        told("", 0, 0)
        for each in (notes, stock, db):
            await each.close()


def sources(places: Sequence[str], username: str | None) -> list[Source]:
    """Where good bytes may be. Raises Refusal for what is no such place."""
    login = None if username is None else (username, ask.password_from_stdin())
    return [_source(place, login) for place in places]


def _source(place: str, login: tuple[str, str] | None) -> Source:
    if "://" in place:
        return Registry(registry_url(place), login)
    if not (Path(place) / "blobs").is_dir():
        raise Refusal(f"{place} is no copy of a registry's folder: there is no 'blobs' in it")
    return Folder(Path(place))


def progress(*, quiet: bool) -> Progress:
    """One line on a terminal that says how far it is; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        return lambda *_: None
    last = 0.0

    def show(what: str, count: int, read: int) -> None:
        nonlocal last
        if what and time.monotonic() - last < 0.2:
            return
        last = time.monotonic()
        line = f"{what}: {count:,}" + (f", {size(read)}" if read else "") if what else ""
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    return show


def lines(report: Report) -> Iterator[str]:
    """The report for people."""
    yield f"Blobs in the database: {report.blobs}. In the store: {report.items} ({size(report.bytes)})."
    if report.hashed:
        yield f"Contents verified: {report.hashed} ({size(report.hashed_bytes)})."
    for finding in report.findings:
        yield _line(finding)
    if report.more:
        yield f"and {report.more} more."
    if report.young:
        yield f"Unknown, but too young to be judged: {report.young}."
    if report.restored or report.thrown_away:
        yield f"Put back: {report.restored}. Deleted from quarantine: {report.thrown_away}."
    if report.aside:
        yield f"In quarantine: {report.aside}."
    if report.unfinished_unknown:
        yield "The store does not tell which multipart uploads were never completed: let a rule of the bucket end them."
    yield "Nothing is wrong." if not report.left else f"{report.left} of these need somebody."


def _line(finding: Finding) -> str:
    about = [finding.digest or "", finding.location or "", finding.detail]
    where = f" in {', '.join(finding.repositories)}" if finding.repositories else ""
    done = f" -- {finding.done}" if finding.done else ""
    return clean(f"{finding.what}: {' '.join(part for part in about if part)}{where}{done}")


def rebuilt_fields(report: Rebuilt) -> dict[str, Any]:
    """The report for programs."""
    return asdict(report)


def rebuilt_lines(report: Rebuilt) -> Iterator[str]:
    """The report for people."""
    yield f"The database is as it was at {moment(report.written_until)}."
    yield (
        f"Repositories: {report.repositories}. Manifests: {report.manifests}, in the trash: {report.trashed}. "
        f"Tags: {report.tags}. Events of their history: {report.events}."
    )
    for said in report.missing:
        yield clean(f"missing: {said}")
    if report.missing_in_all > len(report.missing):
        yield f"and {report.missing_in_all - len(report.missing)} more."
    for tag in report.dangling:
        yield clean(f"without its manifest: {tag}")
    yield "Accounts, grants and policies are not in the journal: 'wharf serve' makes an administrator."
