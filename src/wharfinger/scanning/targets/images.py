"""From what a target names to the images in it: every platform of an index, each once."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from wharfinger.errors import ManifestInvalid, Refusal, TooLarge
from wharfinger.scanning import tar
from wharfinger.scanning.targets.place import Place, Root, whole
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec import media_types
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest, encodable
from wharfinger.spec.manifest import Manifest

CONFIGS = frozenset({"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"})
"""What says that the layers are a file system; whatever has another configuration is not run as an image."""
CONFIG_AT_MOST = 8 * 1024 * 1024
IMAGES_AT_MOST = 1_000
DEPTH_AT_MOST = 8
ATTESTATION = ("vnd.docker.reference.type", "attestation-manifest")
UNKNOWN = "unknown/unknown"
BASE_NAME, BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
COMMAND_AT_MOST = 4096
"""Characters of a command that are kept."""


@dataclass(frozen=True, slots=True)
class BaseName:
    """The image that another says it was built upon (image-spec, annotations.md, "Pre-Defined Annotation Keys")."""

    name: str
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class Image:
    """An image of one platform. ``layers`` is None of what has no file system; ``trouble`` says why it is not read.

    ``media_type`` and ``size`` are the manifest's, where there is one. ``history`` has the commands that made layers,
    in their order, as the configuration tells it; ``base`` is what the image says it was built upon.
    """

    digest: Digest
    platform: str
    layers: tuple[Descriptor, ...] | None = ()
    trouble: str = ""
    created: str = ""
    media_type: str = ""
    size: int = 0
    history: tuple[str, ...] = ()
    base: BaseName | None = None


def images(place: Place, roots: Iterable[Root]) -> list[Image]:
    """All images, by platform and digest. What cannot be read is among them, with its trouble. Raises TooLarge."""
    found: dict[Digest, Image] = {}
    for root in roots:
        for image in _below(place, root, 0):
            found.setdefault(image.digest, image)
            if len(found) > IMAGES_AT_MOST:
                raise TooLarge(f"more than {IMAGES_AT_MOST} images at once")
    return sorted(found.values(), key=lambda image: (image.platform, image.digest))


def _below(place: Place, root: Root, depth: int) -> Iterator[Image]:
    if depth > DEPTH_AT_MOST:
        yield Image(root.digest, root.platform, trouble=f"an index more than {DEPTH_AT_MOST} deep in others")
        return
    try:
        manifest = manifests.parse(place.manifest(root.digest), root.media_type, root.digest)
    except Refusal as refusal:
        yield Image(root.digest, root.platform, trouble=refusal.message)
        return
    if manifest.media_type not in media_types.INDEXES:
        yield _image(place, manifest, root.platform)
        return
    platforms = _platforms(manifest)
    for child in manifest.children:
        platform = platforms.get(child.digest, "")
        # Nothing runs what is for no platform; of such, what says that it is about another image is no image.
        if platform != UNKNOWN or child.annotations.get(ATTESTATION[0]) != ATTESTATION[1]:
            yield from _below(place, Root(child.digest, child.media_type, platform), depth + 1)


def _image(place: Place, manifest: Manifest, platform: str) -> Image:
    config, *layers = manifest.blobs
    if config.media_type not in CONFIGS or (layers and all(_is_document(place, each) for each in layers)):
        return Image(manifest.digest, platform, layers=None)
    image = Image(
        manifest.digest,
        platform,
        tuple(layers),
        media_type=manifest.media_type,
        size=len(manifest.raw),
        base=_base(manifest.annotations),
    )
    try:
        return configured(image, whole(place, config, most=CONFIG_AT_MOST))
    except Refusal as refusal:
        return replace(image, trouble=refusal.message)


def _is_document(place: Place, layer: Descriptor) -> bool:
    """Whether it is JSON: attestations and signatures have an image's configuration, and no file system.

    The media type alone is no proof, for some clients unpack whatever a layer is called.
    """
    if not layer.media_type.endswith("+json"):
        return False
    try:
        with closing(place.open(layer)) as stream:
            head = b""
            while len(head) < tar.BLOCK and (more := stream.read(tar.BLOCK - len(head))):
                head += more
    except Refusal:
        return False
    return head.lstrip().startswith(b"{") and not tar.is_header(head)


def configured(image: Image, raw: bytes) -> Image:
    """The image with what its configuration says of it."""
    try:
        config = json.loads(raw)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        return replace(image, trouble="its configuration is not a JSON object")
    return replace(
        image,
        platform=_platform(config) or image.platform,
        created=_moment(config.get("created")),
        history=tuple(_commands(config.get("history"))),
        base=image.base or _base(_labels(config)),
    )


def _commands(history: object) -> Iterator[str]:
    """The commands that made layers; entries without a layer of their own are no part of it."""
    for entry in history if isinstance(history, list) else ():
        if isinstance(entry, dict) and entry.get("empty_layer") is not True:
            said = entry.get("created_by")
            yield encodable(said[:COMMAND_AT_MOST]) if isinstance(said, str) else ""


def _labels(config: dict[str, Any]) -> Mapping[str, object]:
    """Builders without annotations say the same in labels."""
    match config.get("config"):
        case {"Labels": dict(labels)}:
            return labels
    return {}


def _base(known: Mapping[str, object]) -> BaseName | None:
    name, digest = known.get(BASE_NAME), known.get(BASE_DIGEST)
    said = encodable(name[:COMMAND_AT_MOST]) if isinstance(name, str) else ""
    found = digests.parse(digest) if isinstance(digest, str) and digests.is_digest(digest) else None
    return BaseName(said, found) if said or found else None


def _moment(text: object) -> str:
    """A time as 2026-01-31T00:00:00Z; empty where it is none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return ""
    return "" if found is None or found.tzinfo is None else f"{found.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _platforms(index: Manifest) -> dict[str, str]:
    """What an index says of its entries: used where a configuration says nothing."""
    entries = json.loads(index.raw).get("manifests") or []
    return {entry["digest"]: _platform(entry.get("platform")) for entry in entries}


def _platform(fields: object) -> str:
    match fields:
        case {"os": str(system), "architecture": str(architecture), **more}:
            variant = more.get("variant")
            parts = (system, architecture, *([variant] if isinstance(variant, str) and variant else []))
            return encodable("/".join(part[:64] for part in parts))
    return ""


def is_for(platform: str, wanted: str | None) -> bool:
    """Whether something for ``platform`` is asked for by ``linux/arm64``: then its variants are, too."""
    return wanted is None or platform == wanted or platform.startswith(f"{wanted}/")


def require_some(found: Sequence[Image]) -> None:
    """Nothing where at least one could be read. Raises ManifestInvalid with the first trouble."""
    if all(image.trouble for image in found):
        raise ManifestInvalid(found[0].trouble if found else "there is no image in it")
