"""Images out of a few words, and written down in every form that is scanned.

image([{"etc/os-release": DEBIAN}, {"app/.wh.old": b""}])     two layers
layout(folder, image)                                        as a folder with an OCI layout
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from tests.kit.images import OCI_CONFIG, OCI_LAYER, Image, descriptor, made
from wharfinger.spec import media_types

Tree = Mapping[str, bytes]

DEBIAN = b'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'


def dpkg(**packages: str) -> bytes:
    """A status file: name and version, or ``name=source version``."""
    entries = []
    for name, version in packages.items():
        source, _, number = version.rpartition(" ")
        entries.append(
            f"Package: {name.replace('_', '-')}\nStatus: install ok installed\nArchitecture: amd64\n"
            + (f"Source: {source}\n" if source else "")
            + f"Version: {number}\n"
        )
    return "\n".join(entries).encode()


def python(name: str, version: str, folder: str = "usr/lib/python3/dist-packages") -> dict[str, bytes]:
    """An installed Python package."""
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    return {f"{folder}/{name}-{version}.dist-info/METADATA": text.encode()}


def with_folders(tree: Tree) -> dict[str, bytes]:
    """The same with an entry for each folder, as image builders write it, and as some programs want it."""
    folders = {f"{folder}/" for path in tree for folder in PurePosixPath(path).parents if folder.name}
    return dict.fromkeys(sorted(folders), b"") | dict(tree)


def layer(tree: Tree, *, plain: bool = False) -> bytes:
    """A layer with these files, the same bytes each time; what ends in ``/`` is a folder."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path, content in tree.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.type = tarfile.DIRTYPE if path.endswith("/") else tarfile.REGTYPE
            archive.addfile(member, io.BytesIO(content))
    return raw.getvalue() if plain else gzip.compress(raw.getvalue(), 1, mtime=0)


def image(trees: Sequence[Tree], *, architecture: str = "amd64", **config: Any) -> Image:
    """An image of these layers, the lowest first."""
    plain = [layer(tree, plain=True) for tree in trees]
    fields = {
        "architecture": architecture,
        "os": "linux",
        "created": "2026-01-31T12:00:00.123456789Z",
        "rootfs": {"type": "layers", "diff_ids": [sha256(raw) for raw in plain]},
    }
    raw = json.dumps(fields | config).encode()
    layers = [gzip.compress(content, 1, mtime=0) for content in plain]
    return made(
        media_types.OCI_MANIFEST,
        {"config": descriptor(raw, OCI_CONFIG), "layers": [descriptor(each, OCI_LAYER) for each in layers]},
        blobs=[raw, *layers],
    )


def sha256(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def layout(folder: Path, *images: Image, tags: Sequence[str] = ()) -> Path:
    """A folder with an OCI layout; the images are tagged in order."""
    for name, content in files(*images, tags=tags).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def archive(file: Path, *images: Image, tags: Sequence[str] = ()) -> Path:
    """The same as a tar."""
    file.write_bytes(layer(files(*images, tags=tags), plain=True))
    return file


def docker_archive(file: Path, trees: Sequence[Tree], *, compressed: bool = False, tag: str = "shop/web:1") -> Path:
    """What docker save writes: layers by the names of folders, and a configuration that tells what they are."""
    made = image(trees)
    config = next(iter(made.blobs.values()))
    layers = {f"{n}/layer.tar": layer(tree, plain=not compressed) for n, tree in enumerate(trees)}
    name = f"{sha256(config).removeprefix('sha256:')}.json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": list(layers)}]
    file.write_bytes(layer({"manifest.json": json.dumps(manifest).encode(), name: config} | layers, plain=True))
    return file


def files(*images: Image, tags: Sequence[str] = ()) -> dict[str, bytes]:
    """The files of a layout."""
    entries = []
    for number, each in enumerate(images):
        named = {"annotations": {"org.opencontainers.image.ref.name": tags[number]}} if number < len(tags) else {}
        entries.append(each.descriptor | named)
    found = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps({"manifests": entries}).encode()}
    for each in _all(images):
        found[f"blobs/{each.digest.replace(':', '/')}"] = each.raw
        found |= {f"blobs/{digest.replace(':', '/')}": content for digest, content in each.blobs.items()}
    return found


def _all(images: Sequence[Image]) -> Sequence[Image]:
    return [found for each in images for found in (each, *_all(each.children))]
