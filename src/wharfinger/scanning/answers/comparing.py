"""What differs between two images: packages and vulnerabilities that came, went and changed. Pure.

A vulnerability that is not reported any more is mended only where the second image was looked at as closely as the
first. Where it was not, the difference is told as one in doubt, and counts neither as an addition nor as a fix.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key, partial
from itertools import zip_longest
from typing import Literal

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.answers.told import Told, ToldFinding, ToldImage, behind, layers
from wharfinger.scanning.ecosystems import LANGUAGES, SYSTEM
from wharfinger.scanning.findings import Severity
from wharfinger.scanning.packages import Package
from wharfinger.scanning.versions import schemes
from wharfinger.scanning.versions.encoding import VersionInvalid

PackageKind = Literal["gained", "lost", "upgraded", "downgraded", "changed"]
_KINDS: Mapping[int, PackageKind] = {-1: "upgraded", 1: "downgraded", 0: "changed"}


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package that came, went, or has another version; ``changed`` where nobody can say which one is newer.

    ``layer`` is the one that brought it: of what was lost in the first image, of all else in the second.
    """

    kind: PackageKind
    type: str
    name: str
    before: str | None
    after: str | None
    layer: str


@dataclass(frozen=True, slots=True)
class FindingChange:
    """A vulnerability that is in one of the images alone.

    ``before`` and ``after`` are the versions of its package in either image, ``layers`` those that brought the package
    that has it, ``doubt`` says why it may well be in the other one too.
    """

    kind: Literal["gained", "lost"]
    finding: ToldFinding
    before: tuple[str, ...]
    after: tuple[str, ...]
    layers: tuple[str, ...]
    doubt: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is certain, and not said to do no harm."""
        return not self.doubt and self.finding.suppressed is None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two images for one platform. ``staying`` are the vulnerabilities that both have."""

    platform: str
    before: ToldImage
    after: ToldImage
    packages: Sequence[PackageChange]
    findings: Sequence[FindingChange]
    staying: Mapping[Severity, int]

    @property
    def summary(self) -> str:
        """``adds 2 high, fixes 5``."""
        return summary(self.findings)


@dataclass(frozen=True, slots=True)
class Differences:
    """All that was compared, and the platforms that only one of the two has."""

    before: Told
    after: Told
    pairs: Sequence[Comparison]
    only_before: Sequence[str]
    only_after: Sequence[str]

    @property
    def summary(self) -> str:
        """Of all platforms together, each vulnerability of a package once."""
        once = {(each.kind, *_key(each.finding), each.counts): each for pair in self.pairs for each in pair.findings}
        return summary(once.values())

    @property
    def notes(self) -> Sequence[str]:
        """What must be known of the comparison as a whole."""
        found = [f"only the first has an image for {each or 'no platform'}" for each in self.only_before]
        found += [f"only the second has an image for {each or 'no platform'}" for each in self.only_after]
        if self.before.advisories != self.after.advisories:
            found.append("the two were judged by different advisories: some of what differs may be the advisories'")
        return found


def compare(before: Told, after: Told) -> Differences:
    """The differences, images paired by platform. Raises RequestInvalid where there is nothing to pair."""
    first, second = _by_platform(before), _by_platform(after)
    if len(first) == len(second) == 1:  # whatever they are for, nothing else can be meant
        ((_, one),), ((platform, other),) = first.items(), second.items()
        return Differences(before, after, [_compare(platform, one, other)], (), ())
    shared = sorted(first.keys() & second.keys())
    if not shared:
        raise RequestInvalid(f"no platform is in both: {_known(first)} in the first, {_known(second)} in the second")
    pairs = [_compare(platform, first[platform], second[platform]) for platform in shared]
    return Differences(before, after, pairs, sorted(first.keys() - shared), sorted(second.keys() - shared))


def summary(changes: Iterable[FindingChange]) -> str:
    """``adds 2 high, fixes 5``, and how many are in doubt."""
    every = list(changes)
    added = Counter(each.finding.severity for each in every if each.kind == "gained" and each.counts)
    fixed = sum(each.kind == "lost" and each.counts for each in every)
    words = [f"{added[severity]} {severity}" for severity in Severity if added[severity]]
    doubted = sum(bool(each.doubt) for each in every)
    doubt = f"; {doubted} in doubt" if doubted else ""
    return f"adds {', '.join(words) or 'nothing'}, fixes {fixed or 'nothing'}{doubt}"


def _by_platform(told: Told) -> Mapping[str, ToldImage]:
    images = [each for each in told.images if each.status != "nothing-to-scan"]
    if not images:
        raise RequestInvalid(f"{told.target} has no file system, so there is nothing to compare")
    found = {each.platform: each for each in images}
    if len(found) != len(images):
        raise RequestInvalid(f"{told.target} has several images for one platform: say which, by tag or digest")
    return found


def _known(images: Mapping[str, ToldImage]) -> str:
    return ", ".join(each or "no platform" for each in sorted(images))


def _compare(platform: str, before: ToldImage, after: ToldImage) -> Comparison:
    had = {_key(each) for each in before.findings}
    has = {_key(each) for each in after.findings}
    gained = [_change("gained", each, before, after) for each in _first(after.findings) if _key(each) not in had]
    lost = [_change("lost", each, before, after) for each in _first(before.findings) if _key(each) not in has]
    staying = Counter(each.severity for each in _first(after.findings) if _key(each) in had)
    packages = sorted(_packages(before, after), key=lambda each: (each.type, each.name, each.kind, each.before or ""))
    return Comparison(platform, before, after, packages, [*_worst(gained), *_worst(lost)], staying)


def _key(finding: ToldFinding) -> tuple[str, str]:
    return finding.id, finding.package


def _first(findings: Iterable[ToldFinding]) -> Sequence[ToldFinding]:
    """Each vulnerability of a package once, however many versions of the package have it."""
    once: dict[tuple[str, str], ToldFinding] = {}
    for each in findings:
        once.setdefault(_key(each), each)
    return list(once.values())


def _worst(changes: Iterable[FindingChange]) -> Sequence[FindingChange]:
    return sorted(changes, key=lambda each: (-each.finding.severity.rank, each.finding.package, each.finding.id))


def _change(
    kind: Literal["gained", "lost"], finding: ToldFinding, before: ToldImage, after: ToldImage
) -> FindingChange:
    has, other = (after, before) if kind == "gained" else (before, after)
    which = "the first" if kind == "gained" else "the second"
    return FindingChange(
        kind,
        finding,
        _versions(before, finding),
        _versions(after, finding),
        layers([package for each in _same(has, finding) for package in behind(has, each)]),
        _doubt(finding, other, which),
    )


def _same(image: ToldImage, finding: ToldFinding) -> Sequence[ToldFinding]:
    return [each for each in image.findings if _key(each) == _key(finding)]


def _versions(image: ToldImage, finding: ToldFinding) -> tuple[str, ...]:
    """The versions that an image has of a finding's package, as the package is called by those who judge it."""
    found = set()
    for each in image.packages:
        if each.covered_by is not None or (each.type in SYSTEM) != (finding.type in SYSTEM):
            continue
        if each.source is not None and each.source.name == finding.package:
            found.add(each.source.version or each.version)
        elif each.name == finding.package:
            found.add(each.version)
    return tuple(sorted(found))


def _doubt(finding: ToldFinding, image: ToldImage, which: str) -> str:
    """Why an image without the finding may have the vulnerability all the same."""
    if image.status == "partial":
        return f"{which} could not be read as a whole"
    is_of_distribution = finding.type in SYSTEM
    for each in image.not_assessed:
        is_distributions = each.ecosystem not in LANGUAGES.values() and each.ecosystem not in LANGUAGES
        if is_distributions if is_of_distribution else each.ecosystem == LANGUAGES.get(finding.type):
            return f"{which} is not assessed for {each.ecosystem}: {each.reason}"
    return ""


def _packages(before: ToldImage, after: ToldImage) -> Iterator[PackageChange]:
    had, has = _by_name(before), _by_name(after)
    for type, name in had.keys() | has.keys():
        old, new = had.get((type, name), {}), has.get((type, name), {})
        gone = _ordered(type, (version for version in old if version not in new))
        come = _ordered(type, (version for version in new if version not in old))
        for one, other in zip_longest(gone, come):
            layer = old[one].layer if other is None else new[other].layer
            yield PackageChange(_kind(type, one, other), type, name, one, other, layer)


def _by_name(image: ToldImage) -> Mapping[tuple[str, str], Mapping[str, Package]]:
    found: dict[tuple[str, str], dict[str, Package]] = defaultdict(dict)
    for each in image.packages:
        found[each.type, each.name].setdefault(each.version, each)
    return found


def _kind(type: str, before: str | None, after: str | None) -> PackageKind:
    if before is None:
        return "gained"
    return "lost" if after is None else _KINDS[_order(type, before, after)]


def _ordered(type: str, versions: Iterable[str]) -> Sequence[str]:
    """In the order of the ecosystem, as far as it has one for them."""
    return sorted(sorted(versions), key=cmp_to_key(partial(_order, type)))


def _order(type: str, one: str, other: str) -> int:
    """-1, 0 or 1; 0 also where they cannot be compared."""
    key = schemes.scheme(LANGUAGES.get(type, type))
    try:
        return 0 if key is None else schemes.compare(key, one, other)
    except VersionInvalid:
        return 0
