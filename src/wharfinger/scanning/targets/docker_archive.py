"""What ``docker save`` and its kin write, by manifest.json: layers by file name, known by what is hashed here."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from wharfinger.errors import DigestInvalid, ManifestInvalid, ManifestUnknown, Refusal
from wharfinger.remote import references
from wharfinger.scanning import unpacking
from wharfinger.scanning.limits import Limits, Unreadable
from wharfinger.scanning.targets.files import Files
from wharfinger.scanning.targets.images import Image, configured
from wharfinger.scanning.targets.layout import read
from wharfinger.scanning.targets.place import CHUNK, Bytes, hashed
from wharfinger.spec import digest as digests
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest

LAYER = "application/vnd.docker.image.rootfs.diff.tar"
LAYERS_AT_MOST = 1_000


class DockerArchive:
    """An image there has no manifest; it goes by the digest of its configuration, as ``docker images`` shows it."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._names: dict[Digest, str] = {}

    def images(self, tag: str | None = None) -> list[Image]:
        """All images, or those with the tag. Raises Refusal."""
        found = {image.digest: image for image in self._images(tag)}
        if not found:
            raise ManifestUnknown(f"{self._files.where} has nothing {'in it' if tag is None else f'called {tag}'}")
        return sorted(found.values(), key=lambda image: (image.platform, image.digest))

    def open(self, blob: Descriptor) -> Bytes:
        return self._files.open(self._names[blob.digest])

    def _images(self, tag: str | None) -> Iterator[Image]:
        try:
            entries = json.loads(read(self._files, "manifest.json"))
        except (ValueError, RecursionError) as error:
            raise ManifestInvalid(f"the manifest.json of {self._files.where} is not JSON") from error
        for entry in entries if isinstance(entries, list) else []:
            match entry:
                case {"Config": str(config), "Layers": list(layers)} if len(layers) <= LAYERS_AT_MOST:
                    if tag is None or _is_called(entry, tag):
                        yield self._image(config, layers)
                case _:
                    raise ManifestInvalid(f"the manifest.json of {self._files.where} has an entry that is no image")

    def _image(self, config: str, names: list[Any]) -> Image:
        raw = read(self._files, config)
        digest = digests.of(raw)
        image = configured(Image(digest, ""), raw)
        if image.trouble:
            return image
        try:
            _require_named_so(config, digest)
            layers = tuple(
                self._layer(str(name), id) for name, id in zip(names, _diff_ids(raw, len(names)), strict=True)
            )
        except Refusal as refusal:
            return Image(digest, image.platform, trouble=refusal.message)
        return replace(image, layers=layers)

    def _layer(self, name: str, diff_id: str) -> Descriptor:
        """The layer, hashed as it stands, and unpacked where it is compressed: only that is in the configuration."""
        with closing(self._files.open(name)) as stream:
            digest, size = hashed(stream)
        if digest != diff_id:
            with closing(self._files.open(name)) as stream:
                unpacked, _ = hashed(_Unpacked(stream))
            if unpacked != diff_id:
                raise DigestInvalid(f"the layer {name} is not the one that the configuration names")
        self._names[digest] = name
        return Descriptor(LAYER, digest, size, {})


class _Unpacked:
    """The bytes of a layer before it was compressed."""

    def __init__(self, stream: Bytes) -> None:
        self._chunks = unpacking.chunks(stream)
        self._left = Limits().unpacked

    def read(self, _size: int = CHUNK, /) -> bytes:
        try:
            chunk = next(self._chunks, b"")
        except Unreadable as error:
            raise DigestInvalid(f"a layer cannot be unpacked: {error}") from error
        self._left -= len(chunk)
        if self._left < 0:
            raise DigestInvalid("a layer is unpacked more than is looked at")
        return chunk

    def close(self) -> None:
        """The stream is closed by whoever opened it."""


def _diff_ids(raw: bytes, count: int) -> list[str]:
    rootfs = json.loads(raw).get("rootfs")
    found = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(found, list) or len(found) != count or not all(isinstance(id, str) for id in found):
        raise ManifestInvalid("its configuration names other layers than its manifest")
    return found


def _require_named_so(name: str, digest: Digest) -> None:
    """A name that is a digest must be the content's own."""
    stem = name.rpartition("/")[2].removesuffix(".json").removeprefix("sha256:")
    if digests.is_digest(f"sha256:{stem}") and digest != f"sha256:{stem}":
        raise DigestInvalid(f"the configuration {name} has another digest")


def _is_called(entry: Mapping[str, Any], tag: str) -> bool:
    names = entry.get("RepoTags") or []
    return any(isinstance(name, str) and (name.endswith(f":{tag}") or _same(name, tag)) for name in names)


def _same(one: str, other: str) -> bool:
    """Whether two names are of one image: some programs write docker.io before what others leave out."""
    if not (references.is_reference(one) and references.is_reference(other)):
        return one == other
    a, b = references.parse(one), references.parse(other)
    return (a.registry, a.repository, a.meant_tag) == (b.registry, b.repository, b.meant_tag)
