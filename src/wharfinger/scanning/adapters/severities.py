"""How severe is what other scanners have found, beside their reports: lifecycle rules read it of a million images."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import scanners, verdicts
from wharfinger.meta.scanners import Rated
from wharfinger.scanning import reports
from wharfinger.scanning.adapters import merging
from wharfinger.scanning.adapters import reports as adapters
from wharfinger.scanning.findings import Severity
from wharfinger.spec.digest import Digest


def renew(tx: Connection, digests: Sequence[Digest]) -> None:
    """Rate each report on these images, of which something has changed; one on an image that nobody judged is not.

    A finding of several has one severity, as at gates, and counts for each that has found it.
    """
    said = adapters.of(tx, digests)
    known = verdicts.find(tx, [Digest(digest) for digest in sorted(said)]) if said else {}
    for digest, verdict in known.items():
        told = [(each.scanner, each.report) for each in said[digest] if each.report is not None]
        if told:
            findings = merging.merge(reports.report(tx, verdict), told)["findings"]
            scanners.rate(tx, digest, {scanner: worst(findings, scanner) for scanner, _ in told})


def worst(findings: Iterable[Mapping[str, Any]], scanner: str) -> Rated:
    """The worst of what the scanner has found, and of what a fixed version is known of; unrated is none."""
    theirs = [each for each in findings if scanner in each["scanners"]]
    return Rated(_worst(theirs), _worst([each for each in theirs if each["fixed"] is not None]))


def _worst(findings: Iterable[Mapping[str, Any]]) -> str:
    found = (Severity(each["severity"]) for each in findings)
    return max((Severity.NONE, *found), key=lambda each: each.rank).value
