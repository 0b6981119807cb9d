"""What there is to judge in a catalogue: every package once, under the name and version advisories know it by. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from wharfinger.scanning.advisories.known import Known
from wharfinger.scanning.advisories.osv import canonical
from wharfinger.scanning.ecosystems import LANGUAGES, SYSTEM, VENDORS, Vendor, loaded
from wharfinger.scanning.packages import Catalogue, Distribution, Package


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A name and a version of an ecosystem. ``stream`` is an RPM's module stream, ``platform`` a Go program's.

    ``also`` are further ecosystems of the same release, as Red Hat has one for each of its repositories.
    """

    ecosystem: str
    name: str
    version: str
    stream: str | None = None
    platform: tuple[str, str] = ("", "")
    confidence: Literal["high", "low"] = "high"
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A package about which nothing can be said: under which ecosystem it would be, and why not."""

    package: Package
    ecosystem: str
    reason: str


Judged = tuple[Package, Sequence[Subject]] | Unjudged


def subjects(catalogue: Catalogue, known: Known) -> Iterator[Judged]:
    """Each package with what it is judged as; those that a distribution's package covers are judged with that one."""
    for package in catalogue.packages:
        if is_judged(package):
            yield judged(package, catalogue.distribution, known)


def is_judged(package: Package) -> bool:
    """Whether it is judged by itself."""
    return package.covered_by is None and not _is_unversioned_main(package)


def _is_unversioned_main(package: Package) -> bool:
    """A Go program that was built from a checkout does not know which version of itself it is."""
    invented = package.version.startswith("v0.0.0-") or package.version in {"(devel)", ""}
    return package.type == "golang" and package.detail.get("main") == "true" and invented


def judged(package: Package, distribution: Distribution | None, known: Known) -> Judged:
    """What a package is judged as. Of the rest of the image only the distribution matters."""
    if package.type in SYSTEM:
        return _of_distribution(package, distribution, known)
    ecosystem = LANGUAGES.get(package.type)
    if ecosystem is None:
        return Unjudged(package, package.type, "there are no advisories for packages of this kind")
    if ecosystem not in known.ecosystems:
        return Unjudged(package, ecosystem, "no advisories for this ecosystem are loaded")
    return package, list(_of_language(package, ecosystem, known))


def _of_language(package: Package, ecosystem: str, known: Known) -> Iterator[Subject]:
    name = canonical(ecosystem, package.name)
    confidence: Literal["high", "low"] = "low" if package.detail.get("confidence") == "low" else "high"
    platform = (package.detail.get("goos", ""), package.detail.get("goarch", ""))
    if ecosystem == "Go" and name == "toolchain":
        return  # what a program was built with is in it as stdlib
    yield Subject(ecosystem, name, package.version, None, platform, confidence)
    if ecosystem == "Maven" and ":" not in name:
        # A jar that does not say of which group it is.
        for other in known.names_ending(ecosystem, f":{name}"):
            yield Subject(ecosystem, other, package.version, None, platform, "low")


def _of_distribution(package: Package, distribution: Distribution | None, known: Known) -> Judged:
    if distribution is None:
        return Unjudged(package, package.type, "there is no os-release, so the distribution is not known")
    vendor = VENDORS.get(distribution.id)
    if vendor is None or vendor.type != package.type:
        name = f"{distribution.id}:{distribution.version}" if vendor is None else package.type
        return Unjudged(package, name, f"there are no advisories for {package.type} packages of {distribution.id}")
    maker = package.detail.get("vendor", "")
    if maker and vendor.publishers and not maker.startswith(vendor.publishers):
        return Unjudged(package, package.type, f"they are by {maker[:60]}, of whom there are no advisories")
    if not distribution.version:
        return Unjudged(package, distribution.id, "os-release does not say which release it is")
    ecosystems = loaded(vendor, distribution.version, known.ecosystems)
    if not ecosystems:
        name = vendor.ecosystem(distribution.version)
        return Unjudged(package, name, "no advisories for this release are loaded")
    stream, (first, *others) = _stream(package), ecosystems
    named = _names(package, vendor)
    return package, [Subject(first, name, version, stream, also=tuple(others)) for name, version in named]


def _names(package: Package, vendor: Vendor) -> Iterable[tuple[str, str]]:
    own = (package.name, package.version)
    source = own if package.source is None else (package.source.name, package.source.version or package.version)
    if vendor.judged == "source":
        return (source,)
    return (own,) if vendor.judged == "binary" else dict.fromkeys((own, source))


def _stream(package: Package) -> str | None:
    """``nodejs:16`` of ``nodejs:16:8050020211221:c5368500``; for one of a module that does not say which, ``*``."""
    label = package.detail.get("modularity", "")
    if label:
        return ":".join(label.split(":")[:2])
    return "*" if ".module" in package.version else None
