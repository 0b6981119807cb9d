"""Python's installed distributions, and what lock files pin. Pure."""

import re
import tomllib
from collections.abc import Iterator

import msgspec

from wharfinger.scanning.cataloguers.kind import DECLARED, Cataloguer, json_of
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Found, Statement
from wharfinger.scanning.limits import MIB, Unreadable

_DASHES = re.compile(r"[-_.]+")
_PIN = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]{0,200}\])?\s*==\s*([A-Za-z0-9][\w.!+-]*)\s*(?:[;#\\\s]|$)")
_INSTALLED = ("site-packages/", "dist-packages/")


def normalised(name: str) -> str:
    """The name as PEP 503 has it, by which all spellings are one."""
    return _DASHES.sub("-", name).lower()


def _metadata(file: File) -> Iterator[Statement]:
    """The headers, up to the first empty line, after which the description comes."""
    says: dict[str, str] = {}
    for line in file.text(8 * MIB).split("\n"):
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon and not line[0].isspace():
            says.setdefault(name.lower(), value.strip())
    if says.get("name") and says.get("version"):
        yield Found("pypi", normalised(says["name"]), says["version"])


def _is_metadata(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    if name == "METADATA":
        return folder.endswith(".dist-info")
    return folder.endswith((".egg-info", "EGG-INFO")) if name == "PKG-INFO" else name.endswith(".egg-info")


def _requirements(file: File) -> Iterator[Statement]:
    for line in file.text().split("\n"):
        if pin := _PIN.match(line.strip()):
            yield _pinned(pin[1], pin[2])


def _is_requirements(path: str) -> bool:
    """``requirements.txt``, ``dev-requirements.txt``, and whatever lies in a folder ``requirements``."""
    folder, _, name = path.rpartition("/")
    return ("requirements" in name or f"/{folder}".endswith("/requirements")) and _is_lock(path)


def _is_lock(path: str) -> bool:
    """Files that distributions carry along say nothing of what is installed."""
    return not any(folder in path for folder in _INSTALLED)


class _Locked(msgspec.Struct):
    version: str = ""


class _Pipfile(msgspec.Struct):
    default: dict[str, _Locked] = {}
    develop: dict[str, _Locked] = {}


def _pipfile(file: File) -> Iterator[Statement]:
    lock = json_of(file, _Pipfile)
    for name, locked in [*lock.default.items(), *lock.develop.items()]:
        if locked.version.startswith("=="):
            yield _pinned(name, locked.version.lstrip("="))


class _Package(msgspec.Struct):
    name: str = ""
    version: str = ""
    source: dict[str, object] = {}
    directory: dict[str, object] | None = None


class _Lock(msgspec.Struct):
    """``packages`` is how PEP 751 has it, with a table ``directory`` for what lies beside the lock."""

    package: list[_Package] = []
    packages: list[_Package] = []


def _toml_lock(file: File) -> Iterator[Statement]:
    """The locks of poetry, uv and pdm, and PEP 751's; a project's own package is not one that it needs."""
    try:
        lock = msgspec.convert(tomllib.loads(file.text(8 * MIB)), _Lock)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Unreadable(f"this is no lock file: {error}") from error
    for package in [*lock.package, *lock.packages]:
        own = {"virtual", "editable", "directory"} & {*package.source, package.source.get("type")}
        if package.name and package.version and not own and package.directory is None:
            yield _pinned(package.name, package.version)


def _pinned(name: str, version: str) -> Found:
    return Found("pypi", normalised(name), version, detail=DECLARED)


INSTALLED = Cataloguer(
    "python",
    _metadata,
    names=frozenset({"METADATA", "PKG-INFO"}),
    endings=frozenset({".egg-info"}),
    accepts=_is_metadata,
)
REQUIREMENTS = Cataloguer("python-lock", _requirements, endings=frozenset({".txt"}), accepts=_is_requirements)
PIPFILE = Cataloguer("python-lock", _pipfile, names=frozenset({"Pipfile.lock"}), accepts=_is_lock)
TOML_LOCKS = Cataloguer(
    "python-lock", _toml_lock, names=frozenset({"poetry.lock", "uv.lock", "pdm.lock", "pylock.toml"}), accepts=_is_lock
)
