"""Layers from a few words, and what is to be seen in them.

layer({"etc/passwd": b"root", "etc/link": Link("passwd"), "opt/.wh.old": b"", "srv/": None})
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wharfinger.scanning.cataloguing import LayerCatalogue, LayerSource, squash
from wharfinger.scanning.limits import Limits
from wharfinger.scanning.packages import Catalogue
from wharfinger.scanning.reading import read_layer
from wharfinger.scanning.spools import Spools


@dataclass(frozen=True)
class Link:
    """A symbolic link, or a hard one."""

    target: str
    hard: bool = False


Tree = Mapping[str, bytes | str | Link | None]


def archive(tree: Tree, format: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of these entries in this order; None is a folder."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=format) as written:
        for path, content in tree.items():
            entry = tarfile.TarInfo(path)
            match content:
                case Link():
                    entry.type = tarfile.LNKTYPE if content.hard else tarfile.SYMTYPE
                    entry.linkname = content.target
                    written.addfile(entry)
                case None:
                    entry.type = tarfile.DIRTYPE
                    written.addfile(entry)
                case _:
                    data = content if isinstance(content, bytes) else content.encode()
                    entry.size = len(data)
                    written.addfile(entry, io.BytesIO(data))
    return raw.getvalue()


def source(raw: bytes, digest: str | None = None) -> LayerSource:
    """A layer of these bytes, under their own digest unless another is given."""
    digest = digest or "sha256:" + hashlib.sha256(raw).hexdigest()
    return LayerSource(digest, "application/vnd.oci.image.layer.v1.tar", lambda: io.BytesIO(raw))


def layer(tree: Tree) -> LayerSource:
    """A layer of these entries."""
    return source(archive(tree))


def catalogue(*layers: Tree | bytes, limits: Limits | None = None) -> Catalogue:
    """What is in an image of these layers. Digests are ``layer-0`` and so on, to be told apart at a glance."""
    return squash(read(layers, limits))


def read(layers: Sequence[Tree | bytes], limits: Limits | None = None) -> list[LayerCatalogue]:
    """What each layer says, kept and read again as the server does it."""
    return [
        LayerCatalogue.from_json(_read(raw, f"layer-{index}", limits).to_json())
        for index, raw in enumerate(each if isinstance(each, bytes) else archive(each) for each in layers)
    ]


def _read(raw: bytes, digest: str, limits: Limits | None) -> LayerCatalogue:
    spools = Spools()
    try:
        return read_layer(digest, lambda: io.BytesIO(raw), limits or Limits(), spools)
    finally:
        spools.close()


def found(catalogue: Catalogue) -> set[str]:
    """``name version`` of every package."""
    return {f"{package.name} {package.version}" for package in catalogue.packages}


def zipped(raw: bytes) -> bytes:
    """Compressed as most layers are."""
    return gzip.compress(raw, 1, mtime=0)


def dpkg_status(**versions: str) -> str:
    """A status file in which these are installed."""
    return "".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"
        for name, version in versions.items()
    )
