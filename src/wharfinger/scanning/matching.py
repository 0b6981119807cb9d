"""A catalogue and a set of advisories in, findings and what nothing can be said about out. Pure.

One finding for each package and vulnerability: advisories that are other names of one vulnerability are folded, by the
closure of their aliases within the package, and an advisory that covers several CVEs gives a finding for each.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from wharfinger.scanning import severities
from wharfinger.scanning.advisories.known import Hit, Known
from wharfinger.scanning.ecosystems import SYSTEM, VENDORS, known_end, loaded
from wharfinger.scanning.findings import Finding, Matched, NotAssessed, Rating, Severity, State
from wharfinger.scanning.folding import fold, main_name
from wharfinger.scanning.packages import Catalogue, Distribution, Package
from wharfinger.scanning.subjects import Subject, Unjudged, subjects
from wharfinger.scanning.versions.encoding import VersionInvalid, unordered
from wharfinger.scanning.versions.schemes import scheme

_STATES: Sequence[State] = ("wont-fix", "deferred", "under-investigation", "affected")
"""Where no advisory knows of a fix: the one that says most first."""


def match(
    catalogue: Catalogue,
    advisories: Known,
    *,
    today: date,
    unknown_as: Severity = Severity.HIGH,
    order: Sequence[str] = severities.ORDER,
) -> Matched:
    """Judge a catalogue. The same arguments give the same answer, in the same order."""
    ends = end_of_life(catalogue.distribution, advisories)
    found: dict[Subject, set[str]] = defaultdict(set)
    not_assessed: Counter[tuple[str, str]] = Counter()
    for each in subjects(catalogue, advisories):
        if isinstance(each, Unjudged):
            not_assessed[each.ecosystem, each.reason] += 1
            continue
        package, judged_as = each
        for subject in judged_as:
            found[subject].add(package.purl)
        not_assessed.update(doubts(package, judged_as, catalogue.distribution, ends, today))
    findings = [
        replace(finding, purl=main_purl(finding.package, purls), purls=tuple(sorted(purls)))
        for subject, purls in found.items()
        for finding in findings_of(subject, advisories, order)
    ]
    return Matched(
        findings=tuple(sorted(findings, key=lambda f: (f.ecosystem, f.package, f.version, f.id, f.purl))),
        not_assessed=tuple(
            sorted(NotAssessed(ecosystem, count, reason) for (ecosystem, reason), count in not_assessed.items())
        ),
        unknown_as=unknown_as,
        ecosystem=ecosystem_of(catalogue.distribution, advisories),
        end_of_life=ends,
    )


def end_of_life(distribution: Distribution | None, advisories: Known) -> date | None:
    """When the release ends, by the advisories, or else by what is known here."""
    if distribution is None or distribution.id not in VENDORS:
        return None
    release = VENDORS[distribution.id].release(distribution.version)
    return advisories.end_of_life(distribution.id, release) or known_end(distribution)


def ecosystem_of(distribution: Distribution | None, advisories: Known) -> str | None:
    """Where the advisories about a distribution's packages are, or would be."""
    vendor = None if distribution is None else VENDORS.get(distribution.id)
    if distribution is None or vendor is None or not distribution.version:
        return None
    found = loaded(vendor, distribution.version, advisories.ecosystems)
    return found[0] if found else vendor.ecosystem(distribution.version)


def doubts(
    package: Package, judged_as: Sequence[Subject], distribution: Distribution | None, ends: date | None, today: date
) -> Iterator[tuple[str, str]]:
    """Why what the advisories say of a package is not all that there is to say."""
    if not judged_as:
        return
    ecosystem = judged_as[0].ecosystem
    if package.type in SYSTEM and distribution is not None and ends is not None and ends < today:
        yield ecosystem, f"its support ended on {ends.isoformat()}, and advisories with it"
    elif _place(ecosystem, judged_as[0].version)[1]:
        yield ecosystem, "its version cannot be compared with others"


def _place(ecosystem: str, version: str) -> tuple[bytes, bool]:
    """The key of the version, and whether it is one that has no order."""
    key = scheme(ecosystem)
    try:
        return (unordered(version), True) if key is None else (key(version), False)
    except VersionInvalid:
        return unordered(version), True


def findings_of(subject: Subject, advisories: Known, order: Sequence[str] = severities.ORDER) -> Iterator[Finding]:
    """What is known to be wrong with it, whatever image it is in: without the packages in which it is there."""
    place = _place(subject.ecosystem, subject.version)[0]
    hits = [
        hit
        for ecosystem in (subject.ecosystem, *subject.also)
        for hit in advisories.hits(ecosystem, subject.name, place)
        if _is_of_stream(hit, subject) and _is_for_platform(hit, subject)
    ]
    for names, about in fold(hits) if hits else ():
        has_cve = any(name.startswith("CVE-") for name in names)
        all_names = names if has_cve else advisories.other_names(subject.ecosystem, subject.name, names)
        yield _finding(subject, all_names, about, advisories, order)


def _is_of_stream(hit: Hit, subject: Subject) -> bool:
    """A fix in one module stream says nothing of another, nor of packages outside of modules."""
    if hit.stream is None or subject.stream is None:
        return hit.stream == subject.stream or (hit.stream is None and not hit.fixed)
    if hit.stream == "*":
        return True
    streams = hit.stream.split(" ")
    return subject.stream in streams or (subject.stream == "*" and any(_may_be(each, subject) for each in streams))


def _may_be(stream: str, subject: Subject) -> bool:
    """Whether a package of a module that does not say of which stream may be of this one: nodejs 16.20 is not of 18."""
    module, _, number = stream.partition(":")
    if module != subject.name or not number[:1].isdigit():
        return True
    version = subject.version.rpartition(":")[2]
    return version.startswith((f"{number}.", f"{number}-"))


def _is_for_platform(hit: Hit, subject: Subject) -> bool:
    system, machine = subject.platform
    return not hit.platforms or any(
        (not system or theirs in {"", system}) and (not machine or their_machine in {"", machine})
        for theirs, their_machine in hit.platforms
    )


def _finding(
    subject: Subject,
    names: frozenset[str],
    hits: Sequence[Hit],
    advisories: Known,
    order: Sequence[str],
) -> Finding:
    id = main_name(names)
    ratings = _ratings(names, hits, advisories)
    fixed = max((hit for hit in hits if hit.fixed), key=lambda hit: hit.high, default=None)
    days = [hit.advisory.published for hit in hits if hit.advisory.published]
    low = subject.confidence == "low" or (subject.stream is not None and all(hit.stream == "*" for hit in hits))
    return Finding(
        id=id,
        aliases=tuple(sorted(names - {id})),
        advisories=tuple(sorted({hit.advisory.id for hit in hits})),
        purl="",
        package=subject.name,
        version=subject.version,
        fixed=None if fixed is None else fixed.fixed,
        state=_state(hits),
        severity=severities.effective(ratings, order),
        ratings=ratings,
        kev=advisories.exploited(names),
        epss=advisories.likelihood(names),
        ecosystem=subject.ecosystem,
        published=min(days, default=None),
        summary=min((hit.advisory for hit in hits), key=lambda each: (not each.summary, each.id)).summary,
        confidence="low" if low else "high",
    )


def main_purl(name: str, purls: Iterable[str]) -> str:
    """The binary package that is called like what matched, if there is one; else the first."""
    in_order = sorted(purls)
    return next((purl for purl in in_order if purl.partition("@")[0].endswith(f"/{name}")), in_order[0])


def _state(hits: Iterable[Hit]) -> State:
    states = {"fixed" if hit.fixed else hit.state for hit in hits}
    return "fixed" if "fixed" in states else next(state for state in _STATES if state in states)


def _ratings(names: frozenset[str], hits: Iterable[Hit], advisories: Known) -> tuple[Rating, ...]:
    """All there are; those of the matched advisories count as their own word, the same from elsewhere do not."""
    own = {rating for hit in hits for rating in hit.advisory.ratings}
    said = {(rating.source, rating.severity, rating.vector) for rating in own}
    others = (r for r in advisories.ratings(sorted(names)) if (r.source, r.severity, r.vector) not in said)
    return tuple(sorted({*own, *others}, key=lambda r: (r.source, r.kind, r.severity, r.vector or "")))
