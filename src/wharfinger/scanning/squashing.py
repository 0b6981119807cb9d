"""An image from its layers: what is hidden goes, and every package gets the layer that introduced it. Pure."""

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from wharfinger.scanning import purls
from wharfinger.scanning.cataloguers.os_release import PLACES
from wharfinger.scanning.layers import Evidence, Found, LayerCatalogue, number_of, numbers, place
from wharfinger.scanning.packages import Catalogue, Distribution, Package, Problem, Source

OS_TYPES = {"dpkg": "deb", "apk": "apk", "rpm": "rpm"}
_MOST_LINKS = 8
_NAME_AT_MOST = 200
_DECLARED = "declared"
_DATABASES = frozenset({"dpkg", "dpkg-files", "apk", "rpm"})
_NEVER_THEIRS = ("opt/", "usr/local/", "srv/", "home/", "root/")
"""Where packages of Debian, Ubuntu and Alpine put nothing: what has come there is by somebody else."""

_MACHINES = ("x86_64", "aarch64", "arm", "i386", "powerpc64le", "ppc64le", "riscv64", "s390x")
_OF_ANY_DISTRIBUTION = frozenset(
    number_of(path)
    for path in (
        *("bin/sh", "bin/bash", "bin/busybox", "bin/dpkg", "bin/rpm", "sbin/apk", "lib/libc.so.6", "lib64/libc.so.6"),
        *(f"lib/{machine}-linux-{abi}/libc.so.6" for machine in _MACHINES for abi in ("gnu", "gnueabihf")),
        *(f"lib/ld-musl-{machine}.so.1" for machine in (*_MACHINES, "armhf", "armv7")),
    )
)
"""What a distribution has that is more than its name: a shell, a C library, a program that installs packages."""


def squash(layers: Sequence[LayerCatalogue]) -> Catalogue:
    """What one sees of the layers, the lowest first, laid one over the other.

    A layer hides what lies below it and nothing of itself: a file that it takes away and adds again is there.
    """
    image = _Image(layers)
    standing = [spell for spell in image.spells if spell.end == len(layers)]
    distribution = _distribution(standing)
    owners = _owners(standing, distribution)
    return Catalogue(
        packages=tuple(_packages(image, standing, distribution, owners)),
        distribution=None if distribution is None else _short(distribution),
        problems=(*_problems(layers), *_unlisted(layers, standing, distribution)),
        cataloguer=", ".join(sorted({layer.cataloguer for layer in layers})),
        isolation=", ".join(sorted({layer.isolation for layer in layers if layer.isolation})),
    )


@dataclass(frozen=True)
class _Spell:
    """A piece of evidence, and from which layer until before which one it can be seen."""

    evidence: Evidence
    start: int
    end: int


@dataclass(frozen=True)
class _Image:
    layers: Sequence[LayerCatalogue]

    @cached_property
    def spells(self) -> list[_Spell]:
        """All evidence of all layers."""
        hiding = [self._hiding(layer) for layer in self.layers]
        return [
            _Spell(evidence, index, self._end(evidence.path, index, hiding))
            for index, layer in enumerate(self.layers)
            for evidence in layer.evidence
        ]

    @cached_property
    def _asked(self) -> Mapping[int, str]:
        """The hashes of all that could be hidden, so that the many other paths of a layer cost nothing."""
        paths = {way for layer in self.layers for evidence in layer.evidence for way in _ways(evidence.path)}
        return {number_of(path): path for path in paths}

    def _hiding(self, layer: LayerCatalogue) -> "_Hiding":
        asked = frozenset(self._asked)
        files = {self._asked[each] for each in asked.intersection(numbers(layer.files))}
        folders = {self._asked[each] for each in asked.intersection(numbers(layer.folders))}
        return _Hiding(
            itself=frozenset({*map(place, layer.whiteouts), *files, *folders}),
            below=frozenset({*map(place, layer.whiteouts), *map(place, layer.opaque), *files}),
        )

    @staticmethod
    def _end(path: str, start: int, hiding: Sequence["_Hiding"]) -> int:
        itself, *above = _ways(path)
        for index in range(start + 1, len(hiding)):
            if itself in hiding[index].itself or not hiding[index].below.isdisjoint(above):
                return index
        return len(hiding)

    @cached_property
    def _introduced(self) -> Mapping[tuple[str, str, str], int]:
        """For every package that can be seen, the lowest layer from which on it always could."""
        seen: dict[tuple[str, str, str], list[_Spell]] = defaultdict(list)
        for spell in self.spells:
            for found in spell.evidence.found:
                seen[_name(found)].append(spell)
        return {key: _lowest(spells, len(self.layers)) for key, spells in seen.items()}

    def introduced(self, found: Found) -> str:
        """The digest of the layer that introduced the package."""
        return self.layers[self._introduced[_name(found)]].layer


@dataclass(frozen=True)
class _Hiding:
    """What a layer hides of those under it: paths themselves, and paths with all that is below them."""

    itself: frozenset[str]
    below: frozenset[str]


def _ways(path: str) -> Iterator[str]:
    """The path, and the folders it is in up to the root, as they are compared."""
    way = place(path)
    yield way
    while way:
        way = way.rpartition("/")[0]
        yield way


def _lowest(spells: Sequence[_Spell], top: int) -> int:
    low = top
    for spell in sorted(spells, key=lambda spell: (-spell.end, spell.start)):
        if spell.end >= low:
            low = min(low, spell.start)
    return min(low, top - 1)


def _distribution(standing: Sequence[_Spell]) -> Distribution | None:
    known = {spell.evidence.path: spell.evidence for spell in standing}
    for path in PLACES:
        evidence = known.get(path)
        for _ in range(_MOST_LINKS):
            if evidence is None or not evidence.target:
                break
            evidence = known.get(_led(evidence))
        if evidence is not None and evidence.distribution is not None:
            return evidence.distribution
    return None


def _led(link: Evidence) -> str:
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(link.path), link.target)).lstrip("/")


@dataclass(frozen=True)
class _Owner:
    """The package of the distribution to which a file belongs, and the layer that last said so."""

    purl: str
    said: int


def _owners(standing: Sequence[_Spell], distribution: Distribution | None) -> Mapping[int, _Owner]:
    """For every hash of a path that says something and that a package of the distribution brought, that package."""
    asked = frozenset(number_of(spell.evidence.path) for spell in standing)
    installed = {
        (spell.evidence.kind, found.name): _purl(found, distribution)
        for spell in standing
        if spell.evidence.kind in OS_TYPES
        for found in spell.evidence.found
    }
    return {
        number: _Owner(purl, spell.start)
        for spell in standing
        for owned in spell.evidence.owned
        if (purl := installed.get((spell.evidence.kind.removesuffix("-files"), owned.package)))
        for number in asked.intersection(numbers(owned.hashes))
    }


def _packages(
    image: _Image, standing: Sequence[_Spell], distribution: Distribution | None, owners: Mapping[int, _Owner]
) -> Iterator[Package]:
    merged: dict[tuple[object, ...], tuple[Found, str | None, set[str]]] = {}
    carriers = _carriers(standing, distribution)
    for spell, found in _stated(standing):
        covered = _covered(spell, owners) or _carrier(spell, found, distribution, carriers)
        path = f"{spell.evidence.path}!{found.inside}" if found.inside else spell.evidence.path
        merged.setdefault(_identity(found, covered), (found, covered, set()))[2].add(path)
    packages = [
        Package(
            type=_plain(found.type),
            name=_plain(found.name),
            version=_plain(found.version),
            purl=_plain(_purl(found, distribution)),
            source=None if found.source is None else Source(_plain(found.source.name), _plain(found.source.version)),
            layer=image.introduced(found),
            paths=tuple(sorted(paths)),
            covered_by=covered,
            detail={name: _plain(value) for name, value in found.detail.items()},
        )
        for found, covered, paths in merged.values()
    ]
    yield from sorted(packages, key=lambda each: (each.purl, each.covered_by or "", each.paths))


def _short(distribution: Distribution) -> Distribution:
    texts = (distribution.id, distribution.version, distribution.codename)
    return Distribution(*(_plain(text)[:_NAME_AT_MOST] for text in texts))


def _plain(text: str) -> str:
    """Without what no name has, and no database takes."""
    return text.replace("\0", "\ufffd")


def _stated(standing: Sequence[_Spell]) -> Iterator[tuple[_Spell, Found]]:
    """Every package and where it is said to be, without what somebody else knows better.

    What is installed need not be declared, too; a distribution's own database goes before a bill of material.
    """
    every = [(spell, found) for spell in standing for found in spell.evidence.found]
    installed = {_name(found) for _, found in every if _DECLARED not in found.detail}
    distributed = {_name(found) for spell, found in every if spell.evidence.kind in OS_TYPES}
    for spell, found in every:
        if _name(found) in distributed and spell.evidence.kind not in OS_TYPES:
            continue
        if _DECLARED in found.detail and _name(found) in installed:
            yield spell, replace(found, detail={})
        else:
            yield spell, found


def _name(found: Found) -> tuple[str, str, str]:
    return found.type, found.name, found.version


def _identity(found: Found, covered: str | None) -> tuple[object, ...]:
    """What must be equal for two places of a package to be one line."""
    detail = tuple(sorted(found.detail.items()))
    return (*_name(found), found.source, found.arch, covered, detail)


def _covered(spell: _Spell, owners: Mapping[int, _Owner]) -> str | None:
    """Whose file it is; a file laid over a package's by a higher layer is not that package's any more.

    No advisory of the distribution is about a package that somebody else has built, with its jars in ``/opt``. An RPM
    says who has built it, and Red Hat's own collections are there.
    """
    if spell.evidence.kind in _DATABASES:
        return None
    owner = owners.get(number_of(spell.evidence.path))
    if owner is None or owner.said < spell.start:
        return None
    is_foreign = spell.evidence.path.startswith(_NEVER_THEIRS) and not owner.purl.startswith("pkg:rpm/")
    return None if is_foreign else owner.purl


def _carriers(standing: Sequence[_Spell], distribution: Distribution | None) -> Mapping[str, str]:
    """The packages of Python by the folders in which they say what they are."""
    return {
        posixpath.dirname(spell.evidence.path): _purl(found, distribution)
        for spell in standing
        if spell.evidence.kind == "python"
        for found in spell.evidence.found
    }


def _carrier(spell: _Spell, found: Found, distribution: Distribution | None, carriers: Mapping[str, str]) -> str | None:
    """The package of Python that has brought along a library out of another distribution, and answers for it.

    Wheels name what was built into them in a bill of material of their own (PEP 770). Nobody updates it but who builds
    the wheel, whose advisories say so; no advisory of the image's distribution is about it.
    """
    if spell.evidence.kind != "sbom" or found.type not in OS_TYPES.values():
        return None
    of = found.purl.removeprefix(f"pkg:{found.type}/").partition("/")[0]
    if distribution is not None and of == distribution.id:
        return None
    folder, _, name = posixpath.dirname(spell.evidence.path).rpartition("/")
    return carriers.get(folder) if name == "sboms" else None


def _purl(found: Found, distribution: Distribution | None) -> str:
    return found.purl or purls.purl(found.type, found.name, found.version, distribution, found.arch)


def _problems(layers: Sequence[LayerCatalogue]) -> Iterator[Problem]:
    for layer in layers:
        yield from layer.problems


def _unlisted(
    layers: Sequence[LayerCatalogue], standing: Sequence[_Spell], distribution: Distribution | None
) -> Iterator[Problem]:
    """A distribution's files without any list of its packages: the list was taken away, and they were not."""
    types = OS_TYPES.values()
    if distribution is None or any(found.type in types for spell in standing for found in spell.evidence.found):
        return
    if all(_OF_ANY_DISTRIBUTION.isdisjoint(numbers(layer.files)) for layer in layers):
        return  # its name alone, as over a program that needs nothing
    said = next(spell for spell in standing if spell.evidence.distribution == distribution)
    reason = f"this is {_short(distribution).id}, of whose packages no list was found: what they are is not known"
    yield Problem(layers[said.start].layer, said.evidence.path, reason)
