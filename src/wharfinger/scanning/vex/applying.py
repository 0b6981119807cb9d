"""Statements laid over findings: what they suppress, and which of them meet nothing. Pure."""

import difflib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.findings import Finding
from wharfinger.scanning.packages import Distribution
from wharfinger.scanning.scans import ImageScan
from wharfinger.scanning.vex import platforms, purls
from wharfinger.scanning.vex.purls import Purl
from wharfinger.scanning.vex.statements import SUPPRESSING, Named, Product, Statement

NAMES_AT_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A statement that met nothing, and the nearest that there is."""

    statement: Statement
    product: str
    reason: str
    nearest: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """The images with what is suppressed in them, and the statements that met nothing in any of them."""

    images: Sequence[ImageScan]
    unmatched: Sequence[Unmatched]


def apply(
    images: Sequence[ImageScan], statements: Sequence[Statement], *, repository: str = "", roots: Collection[str] = ()
) -> Applied:
    """The images, judged by the statements. ``roots`` are the digests of the indexes that they are in."""
    sights = [_Sight(image, repository, frozenset(roots)) for image in images]
    by_id: dict[str, list[Statement]] = {}
    for statement in statements:
        for name in statement.vulnerabilities:
            by_id.setdefault(name.upper(), []).append(statement)
    met: set[int] = set()
    judged = [_judged(sight, by_id, met) for sight in sights]
    left = [each for each in statements if id(each) not in met]
    return Applied(judged, [_unmatched(each, sights) for each in left])


class _Sight:
    """One image as statements see it. A purl is parsed when it is looked at: of most, no statement says anything."""

    def __init__(self, image: ImageScan, repository: str, roots: frozenset[str]) -> None:
        self.image = image
        self.repository = repository
        self.roots = roots
        self._parsed: dict[str, Purl] = {}

    @property
    def distribution(self) -> Distribution | None:
        return self.image.catalogue.distribution

    def binaries(self, finding: Finding) -> list[Purl]:
        return [self.parsed(text) for text in (finding.purls or (finding.purl,))]

    def parsed(self, text: str) -> Purl:
        if text not in self._parsed:
            self._parsed[text] = _parsed(text)
        return self._parsed[text]

    def packages(self) -> Iterator[Purl]:
        return (self.parsed(package.purl) for package in self.image.catalogue.packages)

    def difference(self, said: Purl, package: Purl) -> str:
        return purls.difference(said, package, self.distribution)

    def is_named(self, said: Purl) -> bool:
        """Whether a purl of an image is this one's: by its digest, an index's, or else the repository's name.

        A name alone is any repository's that is called so last; a place that is given must be this one, in whatever
        registry, for images are carried from one to another.
        """
        if said.version:
            return said.version == self.image.digest or said.version in self.roots
        place = said.qualifiers.get("repository_url", "").removeprefix("https://").rstrip("/")
        machine = said.qualifiers.get("arch", "")
        return (
            bool(self.repository)
            and said.name == self.repository.rpartition("/")[2]
            and (not place or place.partition("/")[2] in {self.repository, self.repository.rpartition("/")[0]})
            and (not machine or machine in self.image.platform.split("/"))
        )

    def source(self, finding: Finding) -> Purl:
        """The source package that was found to be affected, as a purl of the same namespace."""
        first = self.binaries(finding)[0]
        return replace(first, name=_last(finding.package, first), version=finding.version, qualifiers={})


def _judged(sight: _Sight, by_id: dict[str, list[Statement]], met: set[int]) -> ImageScan:
    findings = []
    for finding in sight.image.matched.findings:
        ids = {finding.id, *finding.aliases, *finding.advisories}
        known = {id(each): each for name in ids for each in by_id.get(name.upper(), ())}
        findings.append(_suppressed(sight, finding, list(known.values()), met) if known else finding)
    return replace(sight.image, matched=replace(sight.image.matched, findings=tuple(findings)))


def _suppressed(sight: _Sight, finding: Finding, known: list[Statement], met: set[int]) -> Finding:
    """The finding, suppressed where the last statement about each of its packages says that there is nothing to it.

    Where the last word on one of them is that somebody looks into it, that is its state.
    """
    last: list[Statement | None] = []
    for binary in sight.binaries(finding):
        about = [each for each in known if any(_covers(sight, p, finding, binary) for p in each.products)]
        met.update(id(each) for each in about)
        last.append(max(reversed(about), key=lambda each: each.moment, default=None))
    if finding.suppressed is not None:
        return finding  # an exception goes before a statement
    said = [each for each in last if each is not None and each.status in SUPPRESSING]
    if said and len(said) == len(last):
        return replace(finding, suppressed=said[0].reason)
    if any(each is not None and each.status == "under_investigation" for each in last):
        return replace(finding, state="under-investigation")
    return finding


def _covers(sight: _Sight, product: Product, finding: Finding, binary: Purl) -> bool:
    own = product.named.purl
    if own is None:
        within = platforms.is_of(product.named.text, sight.distribution)
        return within and any(_is(sight, part.purl, finding, binary) for part in product.parts)
    if own.type in purls.IMAGES:
        if not sight.is_named(own):
            return False
        return not product.parts or any(_is(sight, part.purl, finding, binary) for part in product.parts)
    if not product.parts:
        return _is(sight, own, finding, binary)
    holder = any(not sight.difference(own, each) for each in sight.packages())
    return holder and any(_is(sight, part.purl, finding, binary) for part in product.parts)


def _is(sight: _Sight, said: Purl | None, finding: Finding, binary: Purl) -> bool:
    if said is None:
        return False
    if not said.is_source and not sight.difference(said, binary):
        return True
    as_source = replace(said, qualifiers={k: v for k, v in said.qualifiers.items() if k != "arch"})
    plain = said.is_source or "arch" not in said.qualifiers
    return plain and not sight.difference(as_source, sight.source(finding))


def _unmatched(statement: Statement, sights: Sequence[_Sight]) -> Unmatched:
    """Why a statement met nothing, told of its first product."""
    vulnerability = statement.vulnerabilities[0]
    if not statement.products:
        return Unmatched(statement, "", "it names no product")
    here = [each for each in statement.products if not _is_elsewhere(each, sights)]
    if not here:
        return Unmatched(statement, statement.products[0].named.text, "it is about another image")
    products = [named for product in here for named in (product.parts or (product.named,))]
    for named in products:
        if named.purl is None:
            continue
        for sight in sights:
            if any(not sight.difference(named.purl, each) for each in _seen(sight)):
                return Unmatched(statement, named.text, f"{vulnerability} is not found in it", named.text)
    return _nearest(statement, products[0], sights)


def _is_elsewhere(product: Product, sights: Sequence[_Sight]) -> bool:
    own = product.named.purl
    return own is not None and own.type in purls.IMAGES and not any(sight.is_named(own) for sight in sights)


def _nearest(statement: Statement, named: Named, sights: Sequence[_Sight]) -> Unmatched:
    said = named.purl
    if said is None:
        return Unmatched(statement, named.text, "it is named by no package URL")
    if said.type in purls.IMAGES:
        return Unmatched(statement, named.text, f"{statement.vulnerabilities[0]} is not found in it")
    everything = [(sight, each) for sight in sights for each in _seen(sight)][:NAMES_AT_MOST]
    for sight, each in everything:
        if (each.type, each.name) == (said.type, said.name):
            return Unmatched(statement, named.text, sight.difference(said, each), each.text)
    names = {each.name: each.text for _, each in everything if each.type == said.type}
    close = difflib.get_close_matches(said.name, names, n=1, cutoff=0.5)
    nearest = names[close[0]] if close else ""
    return Unmatched(statement, named.text, "there is no such package", nearest)


def _seen(sight: _Sight) -> Iterator[Purl]:
    """Every package that a statement may be about, sources too."""
    for package in sight.image.catalogue.packages:
        purl = sight.parsed(package.purl)
        yield purl
        if package.source is not None:
            name, version = _last(package.source.name, purl), package.source.version
            yield replace(purl, text=f"{purl.text} (from {name} {version})", name=name, version=version)


def _last(name: str, purl: Purl) -> str:
    """The part of a name that is not the purl's namespace: ``group:artifact``, ``@scope/name``, a Go module's path."""
    for mark in (":", "/"):
        before, found, after = name.rpartition(mark)
        if found and before == purl.namespace:
            return after
    return name


def _parsed(text: str) -> Purl:
    try:
        return purls.parse(text)
    except RequestInvalid:
        return Purl(text, "", "", text, "", {})
