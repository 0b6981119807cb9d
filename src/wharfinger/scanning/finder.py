"""Finding images by what is in them: one question, one transaction, a page of answers, and what nobody could say."""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import groupby, islice
from typing import Any

import msgspec
from sqlalchemy import Connection

from wharfinger.errors import RequestInvalid
from wharfinger.meta import finding, first_known
from wharfinger.meta.finding import Hit, Holder, Known, Node, Version
from wharfinger.meta.judgements import bodies as bodies_of
from wharfinger.scanning.answers.questions import AboutPackage, AboutVulnerability, Question
from wharfinger.scanning.answers_excused import Excused, Excusing, Fields
from wharfinger.scanning.books import Books
from wharfinger.scanning.targets.images import CONFIGS
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

IMAGES_AT_ONCE = 200
VERSIONS_AT_MOST = 50_000

May = Callable[[RepoName], bool]
"""Which repositories whoever asks may know of, and wants to."""


@dataclass(frozen=True, slots=True)
class Use:
    """Who says that an image runs, and where."""

    reporter: str
    places: Sequence[str]


@dataclass(frozen=True, slots=True)
class Place:
    """A repository that has an image; the tags of it and of the indexes that it is in, and where those run.

    ``excused`` is what exceptions and VEX documents excuse there of what was found.
    """

    repository: RepoName
    tags: Sequence[str]
    in_use: Sequence[Use]
    excused: Sequence[Excused] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A vulnerability of a package; ``known_since`` is when it was first found here in this version."""

    id: str
    severity: str
    fixed: str | None
    state: str
    kev: bool
    known_since: datetime | None


@dataclass(frozen=True, slots=True)
class Found:
    """A package of an image. ``layers`` are those that brought it; ``covered`` is judged with the distribution's."""

    purl: str
    package: str
    version: str
    layers: Sequence[str]
    covered: bool
    vulnerabilities: Sequence[Said]


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image, where it is, and what was found in it."""

    digest: Digest
    platform: str
    status: str
    judged_at: float
    places: Sequence[Place]
    found: Sequence[Found]


@dataclass(frozen=True, slots=True)
class Searched:
    """How many images were searched, how many could not be since nobody scanned them, and how many were not seen whole.

    ``uncomparable`` are versions of which nobody can say whether they are within the bounds.
    """

    images: int
    unscanned: int
    partial: int
    not_assessed: int
    uncomparable: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of images by digest; ``searched`` is told with the first. ``next`` is after which digest it goes on."""

    images: Sequence[FoundImage]
    searched: Searched | None
    next: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: what is in images, of which repositories, and whether only of those that run."""

    question: Question
    may: May
    in_use: bool
    last: str
    limit: int


def find(tx: Connection, wanted: Wanted, books: Books, now: float) -> Answer:
    """The images that are asked for. Raises RequestInvalid where too much would be."""
    hits, uncomparable = _hits(tx, wanted)
    running = finding.used(tx) if wanted.in_use else None
    may = cache(wanted.may)
    page = list(islice(_held(tx, hits, may, running), wanted.limit + 1))
    shown = page[: wanted.limit]
    following = shown[-1][0][0].digest if len(page) > len(shown) else None
    searched = None if wanted.last else _searched(tx, may, running, uncomparable)
    return Answer(_told(tx, wanted.question, shown, books, now), searched, following)


Holding = tuple[Sequence[Hit], Sequence[Holder]]
"""All hits of one image, and who has it."""


def _hits(tx: Connection, wanted: Wanted) -> tuple[Iterator[Hit], Sequence[str]]:
    match wanted.question:
        case AboutVulnerability(names):
            return finding.affected(tx, names, wanted.last), ()
        case AboutPackage() as asked:
            packages, uncomparable = _meant(tx, asked)
            return finding.having(tx, packages, wanted.last), uncomparable


def _meant(tx: Connection, asked: AboutPackage) -> tuple[Collection[int], Sequence[str]]:
    """The versions that are asked for, and those of which that cannot be said."""
    every = finding.candidates(tx, asked.type, asked.name, by_source=asked.is_of_distribution)
    if len(every) > VERSIONS_AT_MOST:
        raise RequestInvalid(f"more than {VERSIONS_AT_MOST} versions of {asked.name} are known")
    meant, uncomparable = [], set()
    for each in every:
        if asked.distribution not in {None, each.distribution} or asked.release not in {None, each.release}:
            continue
        versions = [each.version] if each.source is None or each.name == asked.name else []
        if each.source is not None and each.source[0] == asked.name:
            versions.append(each.source[1] or each.version)
        fits = [asked.fits(version) for version in versions]
        if any(fits):
            meant.append(each.id)
        elif None in fits:
            uncomparable.add(each.version)
    return meant, sorted(uncomparable)


def _held(tx: Connection, hits: Iterable[Hit], may: May, running: Collection[Node] | None) -> Iterator[Holding]:
    """The images that somebody has who may be known of, in the order of their digests."""
    images = (list(some) for _, some in groupby(hits, key=lambda hit: hit.digest))
    while batch := list(islice(images, IMAGES_AT_ONCE)):
        holders = finding.holders(tx, [some[0].image for some in batch])
        for some in batch:
            known = [
                each
                for each in holders.get(some[0].image, ())
                if may(each.repository) and (running is None or (each.repository_id, some[0].digest) in running)
            ]
            if known:
                yield some, known


def _told(
    tx: Connection, question: Question, page: Sequence[Holding], books: Books, now: float
) -> Sequence[FoundImage]:
    """The page with all that is told of it."""
    known = finding.known(tx, [some[0].image for some, _ in page])
    names = {(each.repository_id, some[0].digest): each.repository for some, holders in page for each in holders}
    above = finding.above(tx, names)
    places = _places(tx, names, above)
    packages = {hit.package for some, _ in page for hit in some}
    versions = finding.versions(tx, packages)
    said = _said(tx, question, packages)
    since = first_known.of_versions(tx, said)
    every = (fields for some in said.values() for judgement in some for fields in judgement.said)
    excusing = Excusing(tx, books, now, every)
    return [
        _image(tx, known[some[0].image], some, [(each.repository_id, some[0].digest) for each in holders], found)
        for some, holders in page
        for found in [_Findings(versions, said, since, excusing, places, above)]
    ]


@dataclass(frozen=True, slots=True)
class _Judgement:
    """What is said of a package version, by the sets from ``since`` on until before another."""

    since: int
    until: int | None
    said: Sequence[Fields]

    def is_by(self, set_: int) -> bool:
        return self.since <= set_ and (self.until is None or set_ < self.until)


@dataclass(frozen=True, slots=True)
class _Findings:
    """What is known of package versions and what excuses it, and of images in their repositories."""

    versions: Mapping[int, Version]
    said: Mapping[int, Sequence[_Judgement]]
    since: Mapping[tuple[int, str], datetime]
    excusing: Excusing
    places: Mapping[Node, Place]
    above: Mapping[Node, Collection[Node]]

    def place(self, tx: Connection, image: Known, findings: Sequence[Fields], node: Node) -> Place:
        """Where the image is, with what is excused there."""
        place, indexes = self.places[node], {digest for _, digest in self.above[node]} - {image.digest}
        return replace(place, excused=self.excusing.of(tx, place.repository, image, findings, indexes))


def _image(tx: Connection, image: Known, hits: Sequence[Hit], nodes: Sequence[Node], known: _Findings) -> FoundImage:
    packages = list(dict.fromkeys(hit.package for hit in hits))
    mine = {each: list(_of_image(image, known.said.get(each, ()))) for each in packages}
    findings = [
        {**fields, "purl": known.versions[each].purl, "suppressed": None}
        for each, found in mine.items()
        if not known.versions[each].covered
        for fields in found
    ]
    places = [known.place(tx, image, findings, node) for node in nodes]
    return FoundImage(image.digest, image.platform, image.status, image.judged_at, places, _found(image, known, mine))


def _places(
    tx: Connection, names: Mapping[Node, RepoName], above: Mapping[Node, Collection[Node]]
) -> Mapping[Node, Place]:
    every = {node for nodes in above.values() for node in nodes}
    tags, uses = finding.tags_of(tx, every), finding.uses_of(tx, every)
    return {
        node: Place(
            name,
            sorted({tag for each in above[node] for tag in tags.get(each, ())}),
            [Use(reporter, where) for each in sorted(above[node]) for reporter, where in uses.get(each, ())],
        )
        for node, name in names.items()
    }


def _said(tx: Connection, question: Question, packages: Collection[int]) -> Mapping[int, Sequence[_Judgement]]:
    judgements = finding.said(tx, packages)
    outcomes = bodies_of(tx, {outcome for some in judgements.values() for outcome, _, _ in some})
    read = {outcome: [_vulnerability(body, question) for body in bodies] for outcome, bodies in outcomes.items()}
    return {
        package: [_Judgement(since, until, list(filter(None, read.get(outcome, ())))) for outcome, since, until in some]
        for package, some in judgements.items()
    }


def _vulnerability(body: str, question: Question) -> Fields | None:
    """A finding; None of one that was not asked for."""
    fields: dict[str, Any] = json.loads(body)
    names = {fields["id"], *fields["aliases"], *fields["advisories"]}
    if isinstance(question, AboutVulnerability) and names.isdisjoint(question.names):
        return None
    return fields


def _of_image(image: Known, judgements: Iterable[_Judgement]) -> Iterator[Fields]:
    return (each for judgement in judgements if judgement.is_by(image.set) for each in judgement.said)


def _found(image: Known, about: _Findings, findings: Mapping[int, Sequence[Fields]]) -> Sequence[Found]:
    layers = _layers(image.catalogue)
    found = []
    for package, mine in findings.items():
        version = about.versions[package]
        brought = layers.get(version.purl, ())
        known = sorted((_told_of(each, package, about.since) for each in mine), key=lambda each: each.id)
        found.append(Found(version.purl, version.name, version.version, brought, version.covered, known))
    return sorted(found, key=lambda each: each.purl)


def _told_of(fields: Fields, package: int, since: Mapping[tuple[int, str], datetime]) -> Said:
    known_since = first_known.earliest(since, package, (fields["id"], *fields["aliases"]))
    return Said(fields["id"], fields["severity"], fields["fixed"], fields["state"], fields["kev"], known_since)


class _Package(msgspec.Struct):
    purl: str
    layer: str


class _Catalogue(msgspec.Struct):
    packages: list[_Package] = []


def _layers(catalogue: bytes) -> Mapping[str, Sequence[str]]:
    """The layers that brought each package of an image, by its purl."""
    found: dict[str, list[str]] = {}
    for each in msgspec.json.decode(zlib.decompress(catalogue), type=_Catalogue).packages:
        layers = found.setdefault(each.purl, [])
        if each.layer not in layers:
            layers.append(each.layer)
    return found


def _searched(tx: Connection, may: May, running: Collection[Node] | None, uncomparable: Sequence[str]) -> Searched:
    """Of how many images the answer is, each once, wherever it lies."""
    statuses = {
        digest: status or "unscanned"
        for name, key, digest, status in finding.images(tx, CONFIGS)
        if (running is None or (key, digest) in running) and may(name)
    }
    counts = Counter(statuses.values())
    unscanned = counts["unscanned"]
    seen = len(statuses) - unscanned - counts["nothing-to-scan"]
    return Searched(seen, unscanned, counts["partial"], counts["not-assessed"], uncomparable)
