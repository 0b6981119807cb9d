"""How bad an advisory says it is: in words, as CVSS vectors, or not at all. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

from wharfinger.scanning.findings import Rating, Severity

_WORDS: Mapping[str, Severity] = {
    "critical": Severity.CRITICAL,
    "important": Severity.HIGH,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "minor": Severity.LOW,
    "negligible": Severity.LOW,
    "unimportant": Severity.LOW,
    "none": Severity.NONE,
}

_PUBLISHERS: Mapping[str, str] = {
    "ALBA": "AlmaLinux",
    "ALEA": "AlmaLinux",
    "ALSA": "AlmaLinux",
    "ALPINE": "Alpine",
    "DEBIAN": "Debian",
    "DLA": "Debian",
    "DSA": "Debian",
    "DTSA": "Debian",
    "GHSA": "GitHub",
    "GO": "Go",
    "PYSEC": "PyPA",
    "RHBA": "Red Hat",
    "RHEA": "Red Hat",
    "RHSA": "Red Hat",
    "RHVEX": "Red Hat",
    "RLSA": "Rocky Linux",
    "RUSTSEC": "RustSec",
    "RXSA": "Rocky Linux",
    "UBUNTU": "Ubuntu",
    "USN": "Ubuntu",
}

# The word for its own packages with which a distribution begins a summary: "Important: openssl security update".
_IN_SUMMARY = re.compile(r"(Critical|Important|Moderate|Low): ")
# Updates that mend or add something; they are no advisories on security unless they name a CVE.
_NO_SECURITY = re.compile(r"(AL|RH|RL)[BE]A-")
_RATED = frozenset(("severity", "database_specific", "ecosystem_specific"))
_NOTICES = ("unmaintained", "notice")
_CLASSES = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}

Kind = Literal["cvss4", "cvss3", "cvss2"]
_KINDS: Mapping[str, Kind] = {"CVSS_V2": "cvss2", "CVSS_V3": "cvss3", "CVSS_V4": "cvss4"}


def publisher(id: str) -> str:
    """Who speaks in a record with this id."""
    prefix = id.removeprefix("x_").partition("-")[0]
    return _PUBLISHERS.get(prefix, prefix)


def in_words(text: object) -> Severity | None:
    """The level that a word stands for."""
    return _WORDS.get(text.strip().lower()) if isinstance(text, str) else None


def by_score(score: float) -> Severity:
    """The level of a CVSS score, by the ranges of version 3 and 4."""
    for least, severity in ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM)):
        if score >= least:
            return severity
    return Severity.LOW if score > 0 else Severity.NONE


@lru_cache(maxsize=8192)
def by_vector(type: str, vector: str) -> Severity | None:
    """The level of a CVSS vector's base score; None for what is no such vector."""
    if type not in _CLASSES or len(vector) > 300:
        return None
    try:
        found = _CLASSES[type](vector)
    except (CVSSError, ValueError, KeyError):
        return None
    score = float(found.base_score)
    if type == "CVSS_V2":
        return Severity.HIGH if score >= 7 else by_score(score)
    return by_score(score)


def of_parts(id: str, record: Mapping[str, Any], affected: Iterable[Any], *, distribution: bool) -> tuple[Rating, ...]:
    """Every rating in a record, and in what it says of single packages, without repetition.

    Of both the fields ``severity``, ``database_specific``, ``ecosystem_specific`` and ``summary`` are looked at.
    """
    source = publisher(id)
    found = list(_ratings(source, record, distribution=distribution))
    for each in affected:
        if isinstance(each, dict) and not _RATED.isdisjoint(each):
            found += _ratings(source, each, distribution=distribution)
            found += _of_notice(source, each)
    if not found and _NO_SECURITY.match(id):
        found.append(Rating(source, Severity.NONE, None, "distribution"))
    if not found:
        return ()
    return tuple(sorted(set(found), key=lambda each: (each.kind, each.severity, each.vector or "")))


def _ratings(source: str, raw: Mapping[str, Any], *, distribution: bool) -> Iterator[Rating]:
    word: Literal["distribution", "advisory"] = "distribution" if distribution else "advisory"
    severities = raw.get("severity")
    for each in severities if isinstance(severities, list) else ():
        if isinstance(each, dict):
            yield from _of_severity(source, each, word)
    for inner in (raw.get("database_specific"), raw.get("ecosystem_specific")):
        if isinstance(inner, dict):
            levels = (in_words(inner.get(key)) for key in ("severity", "urgency"))
            yield from (Rating(source, level, None, word) for level in levels if level is not None)
            yield from _of_score(source, inner.get("cvss_v3_score"))
    summary = raw.get("summary")
    if distribution and isinstance(summary, str) and (match := _IN_SUMMARY.match(summary)):
        yield Rating(source, _WORDS[match[1].lower()], None, "distribution")


def _of_severity(source: str, raw: Mapping[str, Any], word: Literal["distribution", "advisory"]) -> Iterator[Rating]:
    type, score = raw.get("type"), raw.get("score")
    if not isinstance(type, str) or not isinstance(score, str):
        return
    if type in _KINDS:
        level = by_vector(type, score)
        if level is not None:
            yield Rating(source, level, score, _KINDS[type])
    elif (level := in_words(score)) is not None:
        yield Rating(source, level, None, word)


def _of_score(source: str, score: object) -> Iterator[Rating]:
    """A score without its vector, as rubysec has."""
    try:
        value = float(score) if isinstance(score, str | int | float) else None
    except ValueError:
        return
    if value is not None and 0 <= value <= 10:
        yield Rating(source, by_score(value), None, "cvss3")


def _of_notice(source: str, affected: Mapping[str, Any]) -> Iterator[Rating]:
    """RustSec also tells what is no longer maintained, which is no vulnerability."""
    inner = affected.get("database_specific")
    if isinstance(inner, dict) and inner.get("informational") in _NOTICES:
        yield Rating(source, Severity.NONE, None, "advisory")
