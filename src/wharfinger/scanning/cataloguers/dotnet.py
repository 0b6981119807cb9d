""".NET's ``*.deps.json``: the packages that a program is published with. Pure."""

from collections.abc import Iterator

import msgspec

from wharfinger.scanning.cataloguers.kind import Cataloguer, json_of
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Found, Statement


class _Library(msgspec.Struct):
    type: str = ""


class _Dependencies(msgspec.Struct):
    libraries: dict[str, _Library] = {}


def _libraries(file: File) -> Iterator[Statement]:
    for key, library in json_of(file, _Dependencies).libraries.items():
        name, slash, version = key.partition("/")
        if library.type == "package" and slash and name and version:
            yield Found("nuget", name, version)


def _accepts(path: str) -> bool:
    return path.endswith(".deps.json")


DOTNET = Cataloguer("dotnet", _libraries, endings=frozenset({".json"}), accepts=_accepts)
