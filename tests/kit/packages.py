"""Old releases from package registries, by name, kept in the cache; and the files that they are, to build images of."""

import hashlib
import io
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.kit.parts.process import ProgramFailed, run
from tests.kit.parts.tools import cache, tool, unavailable

Tree = Mapping[str, bytes]


def wheels(releases: Sequence[str], folder: str = "usr/local/lib/python3.11/site-packages") -> Tree:
    """What ``pip install --target`` makes of releases like ``django==3.2``, without what they depend on."""

    def download(into: Path) -> None:
        run([tool("pip"), "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", into, *releases])

    found: dict[str, bytes] = {}
    for wheel in sorted(_kept("pypi", releases, download).glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            found |= {f"{folder}/{name}": archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    return found


def node_modules(releases: Sequence[str], folder: str = "app/node_modules") -> Tree:
    """What ``npm install --ignore-scripts`` makes of releases like ``lodash@4.17.15``, without their dependencies."""

    def download(into: Path) -> None:
        run([tool("npm"), "pack", "--silent", "--ignore-scripts", "--pack-destination", into, *releases])

    files = _kept("npm", releases, download)
    found: dict[str, bytes] = {}
    for release in releases:
        name, _, version = release.rpartition("@")
        archive = files / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
        found |= {f"{folder}/{name}/{path}": content for path, content in _unpacked(archive.read_bytes())}
    return found


def _unpacked(raw: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                yield member.name.partition("/")[2], content.read()


def _kept(registry: str, releases: Sequence[str], download: Callable[[Path], None]) -> Path:
    """The folder with the releases, downloaded once. Skips the test where they are not to be had."""
    name = hashlib.sha256("\n".join(sorted(releases)).encode()).hexdigest()[:12]
    folder = cache() / "packages" / registry / name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{name}.") as unfinished:
            try:
                download(Path(unfinished))
            except ProgramFailed as error:
                unavailable(f"{registry}: {', '.join(releases)}", str(error)[-300:])
            with suppress(OSError):  # another worker had them first
                Path(unfinished).rename(folder)
    return folder
