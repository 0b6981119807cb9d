"""Node's installed packages, and what the lock files of npm, yarn and pnpm pin. Pure."""

import re
from collections.abc import Iterator

import msgspec

from wharfinger.scanning.cataloguers.kind import DECLARED, Cataloguer, json_of
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Found, Statement
from wharfinger.scanning.limits import MIB, Unreadable

_FOLDER = "node_modules"
_DEBIAN = ["usr", "share", "nodejs"]
_MOST_LEVELS = 64


class _Package(msgspec.Struct):
    name: object = None
    version: object = None


def _installed(file: File) -> Iterator[Statement]:
    package = json_of(file, _Package, 4 * MIB)
    if isinstance(package.name, str) and isinstance(package.version, str) and package.name and package.version:
        yield Found("npm", package.name, package.version)


def _is_installed(path: str) -> bool:
    """Right below ``node_modules``: further down are the packages' own tests, elsewhere things with such files too."""
    parts = path.split("/")
    above = parts[:-3] if len(parts) >= 4 and parts[-3].startswith("@") else parts[:-2]
    return above[-1:] == [_FOLDER] or above == _DEBIAN


class _Dependency(msgspec.Struct):
    """Of the first version, where what a package needs is nested in it."""

    version: str = ""
    dependencies: dict[str, "_Dependency"] = {}


class _Placed(msgspec.Struct):
    """Of later versions, where each has the folder into which it is put."""

    name: str = ""
    version: str = ""
    link: bool = False


class _Lock(msgspec.Struct):
    packages: dict[str, _Placed] = {}
    dependencies: dict[str, _Dependency] = {}


def _npm(file: File) -> Iterator[Statement]:
    lock = json_of(file, _Lock)
    if not lock.packages:
        yield from _nested(lock.dependencies)
    for place, package in lock.packages.items():
        name = package.name or place.rpartition(f"{_FOLDER}/")[2]
        if _FOLDER in place and package.version and not package.link:
            yield _pinned(name, package.version)


def _nested(dependencies: dict[str, _Dependency], level: int = 0) -> Iterator[Statement]:
    if level > _MOST_LEVELS:
        raise Unreadable("packages within packages that do not end")
    for name, dependency in dependencies.items():
        if renamed := _RENAMED.fullmatch(dependency.version):
            yield _pinned(renamed[1], renamed[2])
        elif dependency.version and ":" not in dependency.version:  # else it is an address
            yield _pinned(name, dependency.version)
        yield from _nested(dependency.dependencies, level + 1)


_RENAMED = re.compile(r"npm:(@?[^@\s]+)@([^@\s]+)")
"""What is installed under another name than its own."""

_YARN_NAME = re.compile(r'"?(?:@?[^@"\s,]+@npm:)?(@?[^@"\s,]+)@')
_YARN_VERSION = re.compile(r'  "?version"?:? "?([^"\s]+)"?$')


def _yarn(file: File) -> Iterator[Statement]:
    """Both forms: a line of what was asked for, and below it ``version``, with a colon since the second."""
    name = ""
    for line in file.text().split("\n"):
        if line and not line[0].isspace() and line.rstrip().endswith(":"):
            found = _YARN_NAME.match(line)
            local = "@workspace:" in line or "@link:" in line or "@portal:" in line
            name = found[1] if found and not local else ""
        elif name and (version := _YARN_VERSION.match(line.rstrip())):
            yield _pinned(name, version[1])
            name = ""


_PNPM = re.compile(r"  '?/?((?:@[^/@'(:\s]+/)?[^/@'(:\s]+)[@/]([0-9][^'(:\s_]*)[^:]*:\s*(?:\{.*)?$")


def _pnpm(file: File) -> Iterator[Statement]:
    """Line by line below ``packages:``; a YAML of this size takes seconds to parse."""
    inside = False
    for line in file.text().split("\n"):
        if line and not line[0].isspace():
            inside = line.startswith("packages:")
        elif inside and (package := _PNPM.match(line)):
            yield _pinned(package[1], package[2])


def _pinned(name: str, version: str) -> Found:
    return Found("npm", name, version, detail=DECLARED)


def _is_lock(path: str) -> bool:
    return f"{_FOLDER}/" not in path


INSTALLED = Cataloguer("node", _installed, names=frozenset({"package.json"}), accepts=_is_installed)
NPM = Cataloguer("node-lock", _npm, names=frozenset({"package-lock.json", "npm-shrinkwrap.json"}), accepts=_is_lock)
YARN = Cataloguer("node-lock", _yarn, names=frozenset({"yarn.lock"}), accepts=_is_lock)
PNPM = Cataloguer("node-lock", _pnpm, names=frozenset({"pnpm-lock.yaml"}), accepts=_is_lock)
