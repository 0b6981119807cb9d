"""Scanners of others as rows: who they are, what they were asked for, what they said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, update

from wharfinger.meta import jobs, sql
from wharfinger.meta.schema import blobs
from wharfinger.meta.schema_jobs import jobs as job_rows
from wharfinger.meta.schema_scanners import scanner_reports, scanners
from wharfinger.meta.schema_scanning import scanned_images
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

KIND = "ask-scanner"
PROBLEM_AT_MOST = 500


@dataclass(frozen=True, slots=True)
class ScannerRow:
    """A scanner that was registered. ``auth`` is none, basic or bearer; ``secret`` what is sent with it, sealed."""

    name: str
    url: str
    account: str
    auth: str
    secret: str = field(repr=False)
    private: bool
    registry: str
    every: float
    sbom: bool
    created_at: float
    created_by: str
    metadata: str = ""
    metadata_at: float = 0.0
    failures: int = 0
    down_until: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """What is known of one image by one scanner. ``report`` and ``sbom`` are compressed JSON, None before the first."""

    digest: Digest
    scanner: str
    config: Digest
    asked_at: float
    request: str = ""
    requested_at: float = 0.0
    tries: int = 0
    problem: str = ""
    reported_at: float | None = None
    report: bytes | None = None
    sbom: bytes | None = None
    found: str | None = None
    fixable: str | None = None


@dataclass(frozen=True, slots=True)
class Rated:
    """How severe the worst finding is, and the worst that a fixed version is known of."""

    found: str
    fixable: str


def every(tx: Connection) -> list[ScannerRow]:
    """The scanners, by name."""
    return [ScannerRow(*row) for row in tx.execute(select(scanners).order_by(scanners.c.name))]


def find(tx: Connection, name: str) -> ScannerRow | None:
    """The scanner of this name."""
    row = tx.execute(select(scanners).where(scanners.c.name == name)).first()
    return None if row is None else ScannerRow(*row)


def add(tx: Connection, row: ScannerRow) -> None:
    """Store a new one; the caller has seen that there is none of its name."""
    tx.execute(insert(scanners).values(_fields(row)))


def reseal(tx: Connection, row: ScannerRow, secret: str) -> None:
    """Keep another form of the same secret, unless it was changed meanwhile."""
    same = (scanners.c.name == row.name) & (scanners.c.secret == row.secret)
    tx.execute(update(scanners).where(same).values(secret=secret))


def remove(tx: Connection, name: str) -> None:
    """Remove it with all that it said, and what it was to be asked."""
    tx.execute(delete(scanner_reports).where(scanner_reports.c.scanner == name))
    tx.execute(delete(job_rows).where(job_rows.c.kind == KIND, job_rows.c.key.endswith(f" {name}", autoescape=True)))
    tx.execute(delete(scanners).where(scanners.c.name == name))


def describe(tx: Connection, name: str, metadata: str, now: float) -> None:
    """Keep what it says of itself: it answers."""
    told = {"metadata": metadata, "metadata_at": now, "failures": 0, "down_until": 0.0, "problem": ""}
    tx.execute(update(scanners).where(scanners.c.name == name).values(told))


def failed(tx: Connection, name: str, problem: str, until: float) -> None:
    """It does not answer as it must: nothing is asked of it before ``until``."""
    told = {"failures": scanners.c.failures + 1, "down_until": until, "problem": problem[:PROBLEM_AT_MOST]}
    tx.execute(update(scanners).where(scanners.c.name == name).values(told))


def answered(tx: Connection, name: str) -> None:
    """It answers again."""
    failing = (scanners.c.name == name) & (scanners.c.failures > 0)
    tx.execute(update(scanners).where(failing).values(failures=0, down_until=0.0, problem=""))


def ask_all(tx: Connection, repository: RepoName, digest: Digest, now: float) -> None:
    """Let every scanner be asked about an image that is in the repository."""
    for name in tx.execute(select(scanners.c.name).order_by(scanners.c.name)).scalars().all():
        ask(tx, name, repository, digest, now)


def ask(tx: Connection, name: str, repository: RepoName, digest: Digest, now: float) -> None:
    """Let one be asked."""
    jobs.enqueue(tx, KIND, f"{digest} {name}", {"repository": repository}, now)


def ask_again(tx: Connection, now: float, limit: int) -> int:
    """Let scanners be asked about images that they never or not lately were asked about; about how many."""
    key = scanned_images.c.digest.concat(" ").concat(scanners.c.name)
    same = and_(scanner_reports.c.digest == scanned_images.c.digest, scanner_reports.c.scanner == scanners.c.name)
    due = or_(scanner_reports.c.asked_at.is_(None), scanner_reports.c.asked_at <= now - scanners.c.every)
    waits = exists().where(job_rows.c.kind == KIND, job_rows.c.key == key)
    query = (
        select(scanners.c.name, scanned_images.c.repository, scanned_images.c.digest)
        .select_from(scanned_images.join(scanners, scanners.c.down_until <= now).outerjoin(scanner_reports, same))
        .where(due, ~waits)
        .limit(limit)
    )
    found = tx.execute(query).all()
    for name, repository, digest in found:
        ask(tx, name, RepoName(repository), Digest(digest), now)
    return len(found)


def report(tx: Connection, name: str, digest: Digest) -> ReportRow | None:
    """What one scanner said of one image."""
    found = scanner_reports.c.scanner == name, scanner_reports.c.digest == digest
    row = tx.execute(select(scanner_reports).where(*found)).first()
    return None if row is None else ReportRow(*row)


def reports(tx: Connection, digests: Sequence[Digest]) -> list[ReportRow]:
    """What the scanners said of these images, in order of their names."""
    query = select(scanner_reports).order_by(scanner_reports.c.scanner)
    rows = (tx.execute(query.where(these)) for these in sql.among(tx, scanner_reports.c.digest, digests))
    return [ReportRow(*row) for some in rows for row in some]


def reported(tx: Connection, name: str | None = None) -> list[Digest]:
    """The images that a scanner has reported on, or that any has."""
    query = select(scanner_reports.c.digest).where(scanner_reports.c.reported_at.is_not(None)).distinct()
    if name is not None:
        query = query.where(scanner_reports.c.scanner == name)
    return [Digest(each) for each in tx.execute(query.order_by(scanner_reports.c.digest)).scalars()]


def keep(tx: Connection, row: ReportRow) -> None:
    """Let this be what is known; nothing, where the scanner was removed meanwhile."""
    if find(tx, row.scanner) is None:
        return
    fields = _fields(row)
    newer = {name: value for name, value in fields.items() if name not in {"digest", "scanner"}}
    put = sql.insert(tx, scanner_reports).values(fields)
    tx.execute(put.on_conflict_do_update(index_elements=["digest", "scanner"], set_=newer))


def rate(tx: Connection, digest: Digest, rated: Mapping[str, Rated]) -> None:
    """What each of these scanners has found of the image is so severe."""
    for name, each in sorted(rated.items()):
        this = (scanner_reports.c.digest == digest) & (scanner_reports.c.scanner == name)
        tx.execute(update(scanner_reports).where(this).values(found=each.found, fixable=each.fixable))


def forget_gone(tx: Connection) -> int:
    """Forget reports on images that no repository and no trash has any more; how many."""
    gone = ~exists().where(blobs.c.digest == scanner_reports.c.config)
    return tx.execute(delete(scanner_reports).where(gone)).rowcount


def counted(tx: Connection) -> dict[str, int]:
    """How many images each scanner has reported on."""
    query = select(scanner_reports.c.scanner, func.count()).where(scanner_reports.c.reported_at.is_not(None))
    return {row[0]: row[1] for row in tx.execute(query.group_by(scanner_reports.c.scanner))}


def _fields(row: ScannerRow | ReportRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in type(row).__slots__}
