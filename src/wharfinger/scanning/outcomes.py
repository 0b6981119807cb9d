"""Matching for each version of a package, once, whatever images it is in; the same as matching image by image. Pure.

What an image adds is only which of its packages share a finding, and how many of them nothing can be said about.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from hashlib import blake2b

from wharfinger.meta.judged import FindingRow, Outcome, PackageVersion, Release
from wharfinger.scanning import report
from wharfinger.scanning.advisories.known import Known
from wharfinger.scanning.advisories.osv import canonical
from wharfinger.scanning.ecosystems import LANGUAGES, SYSTEM
from wharfinger.scanning.findings import Finding
from wharfinger.scanning.matching import doubts, ecosystem_of, end_of_life, findings_of
from wharfinger.scanning.packages import Catalogue, Distribution, Package, Source
from wharfinger.scanning.subjects import Subject, Unjudged, is_judged, judged

_MATTERS = ("modularity", "vendor", "goos", "goarch", "main", "confidence")
"""What matching looks at beside names and versions."""
_NAME_AT_MOST = 500
"""Characters of a name that is looked for; no package with an advisory has a longer one."""


def versions_of(catalogue: Catalogue) -> list[PackageVersion]:
    """The versions of packages in an image, one for each of its packages."""
    twins: Counter[str] = Counter()
    found = []
    for package in catalogue.packages:
        facts = _facts(package, catalogue.distribution)
        key = json.dumps(facts)
        twins[key] += 1
        found.append(_version(facts, _hash(f"{key}{twins[key]}")))
    return found


Facts = tuple[str, str, str, str, tuple[str, str] | None, str | None, str | None, Mapping[str, str], bool]


def _facts(package: Package, distribution: Distribution | None) -> Facts:
    of_system = distribution if package.type in SYSTEM else None
    return (
        package.type,
        package.name,
        package.version,
        package.purl,
        None if package.source is None else (package.source.name, package.source.version),
        None if of_system is None else of_system.id,
        None if of_system is None else of_system.version,
        {name: package.detail[name] for name in _MATTERS if name in package.detail},
        package.covered_by is not None,
    )


def _version(facts: Facts, key: str) -> PackageVersion:
    type_, name, version, purl, source, distribution, release, detail, covered = facts
    short, known_as = name[:_NAME_AT_MOST], canonical(LANGUAGES.get(type_, ""), name)[:_NAME_AT_MOST]
    source = None if source is None else (source[0][:_NAME_AT_MOST], source[1])
    return PackageVersion(
        key, type_[:100], short, version, purl, known_as, source, distribution, release, detail, covered
    )


class Judge:
    """Judges versions of packages by one set of advisories on one day; what several share is matched once."""

    def __init__(self, known: Known, today: date) -> None:
        self._known = known
        self._today = today
        self._about = cache(self._outcome)
        self._ends = cache(lambda distribution: end_of_life(distribution, known))
        self._distribution = cache(lambda distribution, release: Distribution(distribution, release or ""))

    def outcomes(self, version: PackageVersion) -> Iterator[Outcome]:
        """All that can be said of it; nothing where nothing is known to be wrong."""
        package, distribution = _package(version), self._of(version)
        if not is_judged(package):
            return
        found = judged(package, distribution, self._known)
        if isinstance(found, Unjudged):
            yield _doubt(found.ecosystem, found.reason)
            return
        _, subjects = found
        yield from filter(None, map(self._about, dict.fromkeys(subjects)))
        for ecosystem, reason in doubts(package, subjects, distribution, self._ends(distribution), self._today):
            yield _doubt(ecosystem, reason)

    def _of(self, version: PackageVersion) -> Distribution | None:
        return None if version.distribution is None else self._distribution(version.distribution, version.release)

    def release(self, distribution: str, release: str) -> Release:
        """What the advisories say of a release as such."""
        each = Distribution(distribution, release)
        ends = self._ends(each)
        ended = ends is not None and ends < self._today
        return Release(
            distribution, release, ecosystem_of(each, self._known), None if ends is None else ends.isoformat(), ended
        )

    def _outcome(self, subject: Subject) -> Outcome | None:
        found = tuple(_row(each) for each in findings_of(subject, self._known))
        if not found:
            return None
        said = [(each.body, each.kev, each.published) for each in found]
        return Outcome(_hash(json.dumps([_as_list(subject), said])), subject.ecosystem, None, found)


def _package(version: PackageVersion) -> Package:
    return Package(
        type=version.type,
        name=version.name,
        version=version.version,
        purl=version.purl,
        source=None if version.source is None else Source(*version.source),
        covered_by="" if version.covered else None,
        detail=version.detail,
    )


def _as_list(subject: Subject) -> list[object]:
    return [
        subject.ecosystem,
        subject.name,
        subject.version,
        subject.stream,
        subject.platform,
        subject.confidence,
        subject.also,
    ]


def _doubt(ecosystem: str, reason: str) -> Outcome:
    return Outcome(_hash(json.dumps([ecosystem, reason])), ecosystem, reason)


def _row(finding: Finding) -> FindingRow:
    return FindingRow(
        vulnerability=_plain(finding.id),
        severity=finding.severity.value,
        fixed=None if finding.fixed is None else _plain(finding.fixed),
        state=finding.state,
        kev=None if finding.kev is None else finding.kev.isoformat(),
        published=None if finding.published is None else finding.published.isoformat(),
        names=frozenset(map(_plain, (finding.id, *finding.aliases, *finding.advisories))),
        body=json.dumps(report.finding(finding)),
    )


def _plain(text: str) -> str:
    return text.replace("\0", "\ufffd")[:_NAME_AT_MOST]


def _hash(text: str) -> str:
    return blake2b(text.encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()
