""".NET's ``*.deps.json``: the packages that a program is published with; and what NuGet's lock file pins. Pure."""

from collections.abc import Iterator

import msgspec

from wharfinger.scanning.cataloguers.kind import DECLARED, Cataloguer, json_of
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Found, Statement

_PACK = "runtimepack."
"""Before the name of the package with .NET itself, in what is published with all that it needs to run."""
_KINDS = frozenset({"package", "runtimepack"})


class _Library(msgspec.Struct):
    type: str = ""


class _Dependencies(msgspec.Struct):
    libraries: dict[str, _Library] = {}


def _libraries(file: File) -> Iterator[Statement]:
    for key, library in json_of(file, _Dependencies).libraries.items():
        name, slash, version = key.removeprefix(_PACK).partition("/")
        if library.type in _KINDS and slash and name and version:
            yield Found("nuget", name, version)


class _Resolved(msgspec.Struct):
    resolved: str = ""


class _Lock(msgspec.Struct):
    dependencies: dict[str, dict[str, _Resolved]] = {}


def _lock(file: File) -> Iterator[Statement]:
    """For each framework all packages; one that is a project is resolved to no version."""
    for packages in json_of(file, _Lock).dependencies.values():
        for name, package in packages.items():
            if name and package.resolved:
                yield Found("nuget", name, package.resolved, detail=DECLARED)


def _accepts(path: str) -> bool:
    return path.endswith(".deps.json")


DOTNET = Cataloguer("dotnet", _libraries, endings=frozenset({".json"}), accepts=_accepts)
LOCK = Cataloguer("dotnet-lock", _lock, names=frozenset({"packages.lock.json"}))
