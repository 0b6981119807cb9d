"""Real images to push: made of Debian packages, written as OCI layouts without help from our own code.

Built once, into the cache, and the same bytes every time for the same packages. Read them; do not write to them.
"""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.parts.process import run
from tests.kit.parts.tools import cache, tool

TAG = "v1"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_REF_NAME = "org.opencontainers.image.ref.name"
_SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d/debian.sources"))
_EPOCH = 1_700_000_000


@dataclass(frozen=True)
class Layout:
    """An OCI layout on disk that holds one tagged manifest."""

    folder: Path

    def descriptor(self) -> dict[str, Any]:
        """What the tag points to; a client may have listed an index's children beside it."""
        listed = json.loads((self.folder / "index.json").read_bytes())["manifests"]
        tagged = [entry for entry in listed if _REF_NAME in entry.get("annotations", {})]
        (found,) = tagged or listed
        return dict(found)

    def manifest(self) -> bytes:
        """The bytes of the tagged manifest."""
        return self.blob(self.descriptor()["digest"])

    def blob(self, digest: str) -> bytes:
        """The bytes with this digest; they are checked."""
        raw = (self.folder / "blobs" / digest.replace(":", "/")).read_bytes()
        assert digest == sha256(raw)
        return raw


def sha256(raw: bytes) -> str:
    """The digest of the bytes, as OCI writes it."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def single_image() -> Layout:
    """BusyBox and Debian's libc in one layer, a file in a second."""
    return _layout("single", lambda folder: _image(folder, [root_filesystem(), _file("etc/greeting", b"hello\n")]))


def multi_architecture_image() -> Layout:
    """Two images of different configuration over the same layers, under one index."""
    layers = [root_filesystem(), _file("etc/greeting", b"hello\n")]
    return _layout(
        "multi",
        lambda folder: _index(folder, [_image(folder, layers, machine) for machine in ("amd64", "arm64")]),
    )


def image_of_many_layers() -> Layout:
    """105 layers of one small file each: some clients and registries have stopped at 100."""
    return _layout("many", lambda folder: _image(folder, [_file(f"data/{n}", b"%d\n" % n) for n in range(105)]))


def chart(folder: Path) -> Path:
    """The sources of a Helm chart named `greeting`, version 1.2.3, in a new folder."""
    home = folder / "greeting"
    (home / "templates").mkdir(parents=True)
    (home / "Chart.yaml").write_text("apiVersion: v2\nname: greeting\nversion: 1.2.3\ndescription: Says hello.\n")
    (home / "values.yaml").write_text("greeting: hello\n")
    (home / "templates" / "greeting.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: greeting\ndata:\n  text: {{ .Values.greeting }}\n"
    )
    return home


def bill_of_materials(folder: Path) -> Path:
    """A small SPDX document in a new file: something to attach to an image."""
    path = folder / "sbom.spdx.json"
    path.write_text(json.dumps({"spdxVersion": "SPDX-2.3", "name": "greeting", "packages": [{"name": "busybox"}]}))
    return path


def root_filesystem() -> bytes:
    """A tar of BusyBox and what it stands on, unpacked from Debian's packages but not set up."""
    path = _home() / "root.tar"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        sources = [source for source in _SOURCES if source.exists()]
        run(
            [
                *(tool("mmdebstrap"), "--mode=root", "--format=tar", "--variant=extract"),
                *("--include=base-files,busybox-static", "--skip=output/dev"),
                '--customize-hook=rm -rf "$1"/var/lib/apt "$1"/var/cache/apt',
                "bookworm",
                path.with_suffix(".new"),
                *sources,
            ],
            env={"SOURCE_DATE_EPOCH": str(_EPOCH)},
        )
        path.with_suffix(".new").rename(path)
    return path.read_bytes()


def _home() -> Path:
    """A folder in the cache that is another one whenever this file changes."""
    return cache() / "images" / hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]


def _layout(name: str, fill: Callable[[Path], Mapping[str, Any]]) -> Layout:
    folder = _home() / name
    if not folder.exists():
        unfinished = folder.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        tagged = {**fill(unfinished), "annotations": {_REF_NAME: TAG}}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [tagged]}
        (unfinished / "index.json").write_text(json.dumps(index))
        (unfinished / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        unfinished.rename(folder)
    return Layout(folder)


def _index(folder: Path, images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return _add_json(folder, INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": images})


def _image(folder: Path, layers: Sequence[bytes], machine: str = "amd64") -> dict[str, Any]:
    platform = {"architecture": machine, "os": "linux"}
    config = {
        **platform,
        "created": "2023-11-14T22:13:20Z",
        "config": {"Cmd": ["/bin/busybox", "cat", "/etc/greeting"]},
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
        "history": [{"created": "2023-11-14T22:13:20Z", "created_by": "tests"} for _ in layers],
    }
    # Spaces and the order of keys are not what any client would write: one that encodes it anew is found out.
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _add_json(folder, CONFIG, config),
        "layers": [_add(folder, LAYER, gzip.compress(layer, 6, mtime=0)) for layer in layers],
    }
    return {**_add_json(folder, MANIFEST, manifest), "platform": platform}


def _add_json(folder: Path, media_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return _add(folder, media_type, json.dumps(content, indent=1).encode())


def _add(folder: Path, media_type: str, raw: bytes) -> dict[str, Any]:
    digest = sha256(raw)
    path = folder / "blobs" / digest.replace(":", "/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return {"mediaType": media_type, "digest": digest, "size": len(raw)}


def _file(name: str, content: bytes) -> bytes:
    """A tar of one file."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime = len(content), _EPOCH
        archive.addfile(entry, io.BytesIO(content))
    return raw.getvalue()
