"""What is in an image, as plain values: packages, the distribution, and what could not be read. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """The package that distributions build from, and its version; advisories are about these."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package of an image.

    ``type`` is the purl type: deb, apk, rpm, pypi, npm, golang, maven, cargo, gem, composer, nuget. ``name`` is what
    the ecosystem calls it (``group:artifact`` for Maven, ``@scope/name`` for npm, the module's path for Go, normalised
    by PEP 503 for Python). ``layer`` is the digest of the layer that introduced it, ``paths`` where it was found.
    ``covered_by`` is the purl of the distribution's package that owns these files, and is judged instead.
    ``detail`` has what matching needs beside: ``modularity`` (rpm), ``goos`` and ``goarch`` (Go), ``main`` ("true" for
    a Go main module), ``confidence`` ("low" for a jar without Maven's files, known by its name, with no group),
    ``declared`` ("true" where only a lock file names it), ``vendor`` (rpm), ``origin`` (a crate that is not of
    crates.io).
    """

    type: str
    name: str
    version: str
    purl: str
    source: Source | None = None
    layer: str = ""
    paths: tuple[str, ...] = ()
    covered_by: str | None = None
    detail: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Distribution:
    """From os-release: ``id`` (debian, alpine, almalinux), ``version`` (VERSION_ID as it stands), ``codename``."""

    id: str
    version: str
    codename: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read, so that the catalogue is partial: in which layer, where, and why."""

    layer: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that is known of one image for one platform. Whoever made it says by which version and how it was confined.

    ``nothing_to_scan`` is true of charts and other artifacts without a file system; such are never "clean".
    """

    packages: tuple[Package, ...]
    distribution: Distribution | None = None
    problems: tuple[Problem, ...] = ()
    nothing_to_scan: bool = False
    cataloguer: str = ""
    isolation: str = ""
