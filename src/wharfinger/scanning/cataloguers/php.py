"""PHP's installed packages, as Composer notes them, and what its lock file pins. Pure."""

from collections.abc import Iterator

import msgspec

from wharfinger.scanning.cataloguers.kind import DECLARED, Cataloguer, json_of
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Found, Statement


class _Package(msgspec.Struct):
    name: str = ""
    version: str = ""


class _Installed(msgspec.Struct):
    packages: list[_Package] = []


class _Lock(msgspec.Struct):
    packages: list[_Package] = []
    development: list[_Package] = msgspec.field(default_factory=list, name="packages-dev")


def _installed(file: File) -> Iterator[Statement]:
    """A list before Composer 2, since then an object around it."""
    says = json_of(file, _Installed | list[_Package])  # type: ignore[arg-type]
    packages = says if isinstance(says, list) else says.packages
    yield from (Found("composer", each.name.lower(), each.version) for each in packages if each.name and each.version)


def _lock(file: File) -> Iterator[Statement]:
    lock = json_of(file, _Lock)
    for package in [*lock.packages, *lock.development]:
        if package.name and package.version:
            yield Found("composer", package.name.lower(), package.version, detail=DECLARED)


def _is_installed(path: str) -> bool:
    return path.endswith("/composer/installed.json")


def _is_lock(path: str) -> bool:
    return "/vendor/" not in f"/{path}"


INSTALLED = Cataloguer("php", _installed, names=frozenset({"installed.json"}), accepts=_is_installed)
LOCK = Cataloguer("php-lock", _lock, names=frozenset({"composer.lock"}), accepts=_is_lock)
