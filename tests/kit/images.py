"""Valid content from a few words, the same every time for the same seed.

image()                                    a config and one layer
image(layers=3, seed=7)                    three layers, none of which another seed has
image(layers=[b"shared", 1024])            a layer with these bytes and one of 1024 others
image(artifact_type="a/b", subject=base)   a referrer of another image
index([image(seed=1), image(seed=2)])      a multi-platform image
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wharfinger.spec import digest as digests
from wharfinger.spec import media_types
from wharfinger.spec.digest import Digest

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
EMPTY = "application/vnd.oci.empty.v1+json"

Fields = dict[str, Any]


@dataclass(frozen=True)
class Image:
    """A manifest or index, and everything that must be in a repository before it."""

    raw: bytes
    digest: Digest
    media_type: str
    blobs: Mapping[Digest, bytes] = field(default_factory=dict)
    children: tuple["Image", ...] = ()

    @property
    def fields(self) -> Fields:
        """The manifest, read."""
        fields: Fields = json.loads(self.raw)
        return fields

    @property
    def descriptor(self) -> Fields:
        """How an index or a subject points at this."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.raw)}


def blob(content: int | bytes = 32, seed: int = 0) -> bytes:
    """``content`` if it is bytes, else so many random ones."""
    return content if isinstance(content, bytes) else random.Random(f"{seed} {content}").randbytes(content)


def image(
    *,
    layers: int | Sequence[int | bytes] = 1,
    config: bytes | None = None,
    artifact_type: str | None = None,
    subject: Image | Fields | None = None,
    docker: bool = False,
    annotations: Mapping[str, str] | None = None,
    seed: int = 0,
    algorithm: str = digests.CANONICAL,
) -> Image:
    """An image, or an artifact if it has an ``artifact_type``."""
    sizes = [32 + i for i in range(layers)] if isinstance(layers, int) else layers
    contents = [blob(size, seed) for size in sizes]
    first = config if config is not None else _config(seed, artifact_type)
    config_type = EMPTY if artifact_type else DOCKER_CONFIG if docker else OCI_CONFIG
    layer_type = DOCKER_LAYER if docker else OCI_LAYER
    fields = {
        "config": descriptor(first, config_type),
        "layers": [descriptor(content, layer_type) for content in contents],
    }
    media_type = media_types.DOCKER_MANIFEST if docker else media_types.OCI_MANIFEST
    return made(
        media_type,
        fields | _optional(artifact_type, subject, annotations),
        blobs=[first, *contents],
        algorithm=algorithm,
    )


def index(
    images: Sequence[Image] = (),
    *,
    artifact_type: str | None = None,
    subject: Image | Fields | None = None,
    docker: bool = False,
    annotations: Mapping[str, str] | None = None,
    algorithm: str = digests.CANONICAL,
) -> Image:
    """An index of ``images``."""
    fields: Fields = {"manifests": [child.descriptor for child in images]}
    return made(
        media_types.DOCKER_LIST if docker else media_types.OCI_INDEX,
        fields | _optional(artifact_type, subject, annotations),
        children=images,
        algorithm=algorithm,
    )


def made(
    media_type: str,
    fields: Fields,
    *,
    blobs: Sequence[bytes] = (),
    children: Sequence[Image] = (),
    algorithm: str = digests.CANONICAL,
) -> Image:
    """The manifest with these fields, for a test that wants them odd."""
    raw = json.dumps({"schemaVersion": 2, "mediaType": media_type, **fields}, indent=1).encode()
    contents = {digests.of(content): content for content in blobs}
    return Image(raw, digests.of(raw, algorithm), media_type, contents, tuple(children))


def descriptor(content: bytes, media_type: str = OCI_LAYER) -> Fields:
    """How a manifest points at ``content``."""
    return {"mediaType": media_type, "digest": digests.of(content), "size": len(content)}


def _config(seed: int, artifact_type: str | None) -> bytes:
    if artifact_type:
        return b"{}"
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"seed": str(seed)}}}).encode()


def _optional(
    artifact_type: str | None, subject: Image | Fields | None, annotations: Mapping[str, str] | None
) -> Fields:
    pointed = subject.descriptor if isinstance(subject, Image) else subject
    fields = {"artifactType": artifact_type, "subject": pointed, "annotations": annotations}
    return {name: value for name, value in fields.items() if value is not None}
