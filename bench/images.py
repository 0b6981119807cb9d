"""Whole images, pushed and pulled by crane."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.servers import Server, basic
from tests.kit.images import OCI_CONFIG, OCI_LAYER
from tests.kit.parts.process import run
from tests.kit.parts.tools import tool
from wharfinger.spec.media_types import OCI_INDEX, OCI_MANIFEST

LAYERS = 20
LAYER_BYTES = 5_000_000
REFERENCE = "bench/image:latest"


def memory_folder() -> str | None:
    """Where files cost no disk, so that the client's do not disturb the servers'; None where there is no such place."""
    shared = Path("/dev/shm")
    return str(shared) if os.access(shared, os.W_OK) else None


@contextmanager
def new_image() -> Iterator[Path]:
    """An OCI layout with an image that nobody has seen before."""
    with TemporaryDirectory(prefix="wharf-bench-", dir=memory_folder()) as folder:
        layout = Path(folder, "layout")
        (layout / "blobs" / "sha256").mkdir(parents=True)
        layers = [_add(layout, OCI_LAYER, os.urandom(LAYER_BYTES)) for _ in range(LAYERS)]
        fields = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
        described = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": fields}
        config = _add(layout, OCI_CONFIG, json.dumps(described).encode())
        image = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
        manifest = _add(layout, OCI_MANIFEST, json.dumps(image).encode())
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [manifest]}
        (layout / "index.json").write_text(json.dumps(index))
        (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        yield layout


def _add(layout: Path, media_type: str, content: bytes) -> dict[str, str | int]:
    encoded = hashlib.sha256(content).hexdigest()
    (layout / "blobs" / "sha256" / encoded).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{encoded}", "size": len(content)}


def push(server: Server) -> float:
    """Push a new image; bytes of layers a second, from crane's start to its end."""
    with new_image() as layout:
        seconds = _crane(server, "push", str(layout), f"{server.host}/{REFERENCE}")
    return LAYERS * LAYER_BYTES / seconds


def pull(server: Server) -> float:
    """Pull the image that was pushed last into a layout; bytes of layers a second."""
    with TemporaryDirectory(prefix="wharf-bench-", dir=memory_folder()) as folder:
        layout = Path(folder, "layout")
        seconds = _crane(server, "pull", "--format=oci", f"{server.host}/{REFERENCE}", str(layout))
        pulled = sum(path.stat().st_size for path in (layout / "blobs" / "sha256").iterdir())
        assert pulled > LAYERS * LAYER_BYTES, "crane has every layer"
        shutil.rmtree(layout)
    return LAYERS * LAYER_BYTES / seconds


def _crane(server: Server, *words: str) -> float:
    """How many seconds crane takes."""
    settings = server.folder / "docker-settings"
    settings.mkdir(exist_ok=True)
    known = {} if server.account is None else {server.host: {"auth": basic(server.account)}}
    (settings / "config.json").write_text(json.dumps({"auths": known}))
    began = time.perf_counter()
    run([tool("crane"), *words], env={"DOCKER_CONFIG": str(settings)})
    return time.perf_counter() - began
