"""A home of its own for a client on its way to one registry, and the image that a client brought back from it."""

import gzip
import json
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Self

from tests.kit.parts.process import finished
from tests.kit.parts.tools import tool
from tests.kit.rootfs import TAG, Layout, sha256
from tests.system.registry import Registry

_FOLDERS = ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")


@dataclass(frozen=True)
class Home:
    """Where a client keeps its settings, credentials and images; nothing of the machine's own user."""

    folder: Path
    registry: Registry

    @classmethod
    def new(cls, folder: Path, registry: Registry) -> Self:
        """An empty one in a folder that need not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        with Path(folder, "auth.json").open("a") as file:  # Podman wants it to be there, also with nothing in it
            file.write("" if file.tell() else "{}")
        return cls(folder, registry)

    def run(self, program: str, *words: str | Path, stdin: str = "") -> str:
        """What the program says when it is run from here; an error of its own is an error here."""
        return self._finished(program, words, stdin).stdout

    def warned(self, program: str, *words: str | Path) -> str:
        """The same of what it says on standard error."""
        return self._finished(program, words, "").stderr

    def _finished(self, program: str, words: Sequence[str | Path], stdin: str) -> CompletedProcess[str]:
        env = dict.fromkeys(_FOLDERS, str(self.folder)) | {"REGISTRY_AUTH_FILE": f"{self.folder}/auth.json"}
        return finished([tool(program), *words], env=env, stdin=stdin)

    def archive(self, layout: Layout) -> Path:
        """The layout as one tar file."""
        archive = self.folder / "layout.tar"
        self.run("tar", "--create", "--file", archive, "--directory", layout.folder, ".")
        return archive


@dataclass(frozen=True)
class Image:
    """What must be the same wherever an image has been: two images are equal if it is."""

    digest: str  # of the manifest
    config: bytes
    layers: tuple[str, ...]  # digests of the layers, decompressed


def in_layout(layout: Layout) -> Image:
    """The image in a layout."""
    return _image(layout.manifest(), layout.blob)


def in_registry(registry: Registry, repository: str, reference: str = TAG) -> Image:
    """The image that the registry serves, asked without a client."""
    return _image(registry.manifest(repository, reference), lambda digest: registry.blob(repository, digest))


def in_docker_archive(path: Path, digest: str) -> Image:
    """The image that a `save` command wrote. It leaves out the manifest: its digest is what the client says."""
    with tarfile.open(path) as archive:
        (image,) = json.loads(_member(archive, "manifest.json"))
        layers = tuple(sha256(_member(archive, layer)) for layer in image["Layers"])
        return Image(digest, _member(archive, image["Config"]), layers)


def _image(raw: bytes, blob: Callable[[str], bytes]) -> Image:
    manifest = json.loads(raw)
    layers = tuple(sha256(gzip.decompress(blob(layer["digest"]))) for layer in manifest["layers"])
    return Image(sha256(raw), blob(manifest["config"]["digest"]), layers)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(name)
    assert found is not None
    return found.read()
