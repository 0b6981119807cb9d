"""The whole report on an image, put together when it is read: what ``wharf scan`` says by the same advisories."""

import json
import zlib
from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import advisory_sets, judgements, verdicts
from wharfinger.meta.verdicts import Kept, Verdict
from wharfinger.scanning.findings import NotAssessed
from wharfinger.scanning.matching import main_purl
from wharfinger.scanning.report import put_together


def report(tx: Connection, verdict: Verdict) -> dict[str, Any]:
    """What ``docs/scan.schema.json`` calls an image, by the advisories that the verdict goes by."""
    kept = verdicts.kept(tx, verdict.image)
    if kept.report is not None:
        return _unpacked(kept.report)
    return put_together(
        digest=verdict.digest,
        platform=verdict.platform,
        status=verdict.status,
        catalogue=_unpacked(kept.catalogue or zlib.compress(b"{}")),
        about=_about(tx, verdict, kept),
        not_assessed=not_assessed(tx, verdict),
        findings=findings(tx, verdict),
    )


def findings(tx: Connection, verdict: Verdict) -> list[dict[str, Any]]:
    """What is known to be wrong with an image: ``findings`` of ``docs/scan.schema.json``, in no order."""
    kept = verdicts.kept(tx, verdict.image)
    if kept.report is not None:
        found: list[dict[str, Any]] = _unpacked(kept.report)["findings"]
        return found
    purls: dict[int, set[str]] = defaultdict(set)
    for each in judgements.said_of(tx, verdict.image, verdict.advisory_set):
        purls[each.outcome].add(each.purl)
    bodies = judgements.bodies(tx, purls)
    return [_in_image(body, purls[outcome]) for outcome, found in bodies.items() for body in found]


def not_assessed(tx: Connection, verdict: Verdict) -> list[NotAssessed]:
    """Of how many packages nothing can be said, and why."""
    said = judgements.said_of(tx, verdict.image, verdict.advisory_set)
    counts = Counter((each.ecosystem, each.reason) for each in said if each.reason is not None)
    return [NotAssessed(ecosystem, count, reason or "") for (ecosystem, reason), count in counts.items()]


def _in_image(body: str, purls: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    found["purl"] = main_purl(found["package"], purls)
    return found


def _about(tx: Connection, verdict: Verdict, kept: Kept) -> dict[str, str | None]:
    said = advisory_sets.releases(tx, verdict.advisory_set)
    mine = (each for each in said if (each.distribution, each.release) == (kept.distribution, kept.release))
    release = next(mine, None)
    return {
        "ecosystem": None if release is None else release.ecosystem,
        "end_of_life": None if release is None else release.end_of_life,
    }


def _unpacked(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zlib.decompress(body))
    return found
