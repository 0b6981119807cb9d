"""What is known of vulnerabilities beside the advisories, each in its publisher's own format. Pure.

CISA's catalogue of what is exploited (KEV), NVD's API 2.0 and feeds, FIRST's EPSS scores, the ``distro-info`` tables of
when releases of Debian and Ubuntu end; and two short forms, a map from CVE to the date since when it is known to be
exploited (``{"cves": {…}}``), and one from CVE to a word for how bad it is.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from wharfinger.scanning.advisories.ratings import in_words
from wharfinger.scanning.findings import Rating, Severity

_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_TABLES: Mapping[str, str] = {"debian": "debian", "ubuntu": "ubuntu"}
# What a release is still given advisories for without a contract.
_ENDS: Mapping[str, tuple[str, ...]] = {"debian": ("eol-lts", "eol"), "ubuntu": ("eol",)}


@dataclass(frozen=True, slots=True)
class Enrichment:
    """What one file adds."""

    kind: str
    ratings: tuple[tuple[str, Rating], ...] = ()
    exploited: Mapping[str, date] = field(default_factory=dict)
    likelihood: Mapping[str, float] = field(default_factory=dict)
    ends: Mapping[tuple[str, str], date] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ratings) + len(self.exploited) + len(self.likelihood) + len(self.ends)


class _Data(msgspec.Struct, gc=False):
    vectorString: str = ""  # noqa: N815 - NVD's word
    baseSeverity: str = ""  # noqa: N815 - likewise


class _Metric(msgspec.Struct, gc=False):
    cvssData: _Data  # noqa: N815 - likewise
    source: str = ""
    type: str = ""
    baseSeverity: str = ""  # noqa: N815 - likewise, where version 2 has it


class _Metrics(msgspec.Struct, gc=False):
    cvssMetricV40: list[_Metric] = []  # noqa: N815 - likewise
    cvssMetricV31: list[_Metric] = []  # noqa: N815 - likewise
    cvssMetricV30: list[_Metric] = []  # noqa: N815 - likewise
    cvssMetricV2: list[_Metric] = []  # noqa: N815 - likewise


class _NvdCve(msgspec.Struct, gc=False):
    id: str
    metrics: _Metrics = msgspec.field(default_factory=_Metrics)


class _Vulnerability(msgspec.Struct, gc=False):
    cve: _NvdCve | None = None
    cveID: str = ""  # noqa: N815 - CISA's word
    dateAdded: str = ""  # noqa: N815 - likewise


class _Catalogue(msgspec.Struct, gc=False):
    vulnerabilities: list[_Vulnerability] | None = None
    cves: dict[str, str] | None = None


# Bytes that are no UTF-8 are found where somebody wants them as text, and not before.
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def of_json(data: bytes, name: str) -> Enrichment | None:
    """What the document adds; None when it is none of these."""
    try:
        found = msgspec.json.decode(data, type=_Catalogue)
    except _BROKEN:
        return None
    if found.vulnerabilities is not None:
        return _of_vulnerabilities(found.vulnerabilities)
    if found.cves is not None:
        return _exploited(found.cves)
    return _of_words(data, name)


def of_csv(text: str, name: str) -> Enrichment | None:
    """What the table adds; None when it is none of these, or a broken one."""
    try:
        return _of_table(text, name)
    except csv.Error:  # a field of more than 128 KiB, for example
        return None


def _of_table(text: str, name: str) -> Enrichment | None:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    rows = csv.DictReader(lines)
    columns = set(rows.fieldnames or ())
    if {"cve", "epss"} <= columns:
        return _likelihood(rows)
    distribution = _TABLES.get(_base(name))
    if distribution and {"version", "eol"} <= columns:
        ends = dict(_ends(distribution, rows))
        return Enrichment("end-of-life", ends=ends)
    return None


def _base(name: str) -> str:
    """``kev`` of ``some/folder/kev.json``."""
    return name.rpartition("/")[2].partition(".")[0]


def _of_vulnerabilities(found: list[_Vulnerability]) -> Enrichment | None:
    if any(each.cveID for each in found):
        return _exploited({each.cveID: each.dateAdded for each in found})
    if any(each.cve for each in found):
        pairs = [(each.cve.id, rating) for each in found if each.cve for rating in _nvd(each.cve)]
        return Enrichment("nvd", ratings=tuple((cve, rating) for cve, rating in pairs if _CVE.fullmatch(cve)))
    return None


def _nvd(cve: _NvdCve) -> Iterator[Rating]:
    """The rating by NVD itself of every version of CVSS; by others where NVD has none."""
    for metrics, kind in (
        (cve.metrics.cvssMetricV40, "cvss4"),
        (cve.metrics.cvssMetricV31 or cve.metrics.cvssMetricV30, "cvss3"),
        (cve.metrics.cvssMetricV2, "cvss2"),
    ):
        for each in sorted(metrics, key=lambda metric: metric.type != "Primary")[:1]:
            level = in_words(each.cvssData.baseSeverity or each.baseSeverity)
            if level is not None:
                yield Rating("NVD", level, each.cvssData.vectorString[:300] or None, kind)  # type: ignore[arg-type]


def _exploited(dates: Mapping[str, str]) -> Enrichment:
    return Enrichment("kev", exploited={cve: day for cve, text in dates.items() if (day := _day(cve, text))})


def _day(cve: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if _CVE.fullmatch(cve) else None
    except ValueError:
        return None


def _of_words(data: bytes, name: str) -> Enrichment | None:
    try:
        words: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
    except _BROKEN:
        return None
    levels: dict[str, Severity | None] = {cve: in_words(word) for cve, word in words.items() if _CVE.fullmatch(cve)}
    if not levels or len(levels) < len(words):
        return None
    source = _base(name)
    return Enrichment(
        "ratings", ratings=tuple((cve, Rating(source, level)) for cve, level in levels.items() if level is not None)
    )


def _likelihood(rows: "csv.DictReader[str]") -> Enrichment:
    found = {}
    for row in rows:
        try:
            score = float(row.get("epss") or "")
        except ValueError:
            continue
        if 0 <= score <= 1 and _CVE.fullmatch(row.get("cve") or ""):
            found[row["cve"]] = score
    return Enrichment("epss", likelihood=found)


def _ends(distribution: str, rows: "csv.DictReader[str]") -> Iterator[tuple[tuple[str, str], date]]:
    for row in rows:
        release = (row.get("version") or "").partition(" ")[0]  # Ubuntu writes `22.04 LTS`
        for column in _ENDS[distribution]:
            try:
                day = date.fromisoformat(row.get(column) or "")
            except ValueError:
                continue
            if release:
                yield (distribution, release), day
            break
