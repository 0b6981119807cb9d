"""Manifests: what a registry must understand of them before it takes them (image-spec, manifest.md, image-index.md).

The bytes are kept as they came. Reading them answers four questions: is this what its media type says it is,
which blobs and manifests does it need, which manifest is it about, and how do referrers describe it.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from wharfinger.errors import DigestInvalid, ManifestInvalid
from wharfinger.spec import descriptor as descriptors
from wharfinger.spec import digest as digests
from wharfinger.spec import media_types
from wharfinger.spec.descriptor import Descriptor, RawDescriptor
from wharfinger.spec.digest import Digest

MAX_BYTES = 4 * 1024 * 1024
"""The size that clients and registries SHOULD support (spec.md, "Pushing Manifests") is also our limit."""
MAX_DEPTH = 32

_T = TypeVar("_T")

_UNSPECIFIC = frozenset({"", "application/json", "application/octet-stream"})
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class _Image(msgspec.Struct, rename="camel"):
    schema_version: int
    config: RawDescriptor
    layers: list[RawDescriptor] | None = None
    media_type: str | None = None
    artifact_type: str | None = None
    subject: RawDescriptor | None = None
    annotations: dict[str, str] | None = None


class _Index(msgspec.Struct, rename="camel"):
    schema_version: int
    manifests: list[RawDescriptor] | None = None
    media_type: str | None = None
    artifact_type: str | None = None
    subject: RawDescriptor | None = None
    annotations: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or index that was understood. ``raw`` is exactly what was pushed, and ``digest`` names it."""

    raw: bytes
    digest: Digest
    media_type: str
    artifact_type: str | None
    subject: Digest | None
    annotations: dict[str, str]
    blobs: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]


def parse(raw: bytes, content_type: str, digest: Digest | None = None) -> Manifest:
    """The manifest that ``raw`` is, pushed with ``content_type`` and, if by digest, under ``digest``.

    Raises DigestInvalid when ``raw`` has another digest, ManifestInvalid when it is not a manifest we can keep.
    """
    actual = digests.of(raw, digests.algorithm(digest) if digest else digests.CANONICAL)
    if digest is not None and actual != digest:
        raise DigestInvalid(f"the manifest's digest is {actual}, not {digest}", digest=digest, actual=actual)
    fields = _read(raw)
    media_type = _media_type(fields, media_types.bare(content_type))
    if media_type in media_types.INDEXES:
        return _index(raw, actual, media_type, _typed(raw, _Index))
    return _image(raw, actual, media_type, _typed(raw, _Image))


def _read(raw: bytes) -> dict[str, Any]:
    """The fields of a JSON object without duplicate keys, which two readers could understand differently."""
    _require_shallow(raw)
    try:
        fields = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ManifestInvalid(f"the manifest is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ManifestInvalid("the manifest is not a JSON object")
    return fields


def _require_shallow(raw: bytes) -> None:
    depth = 0
    for match in _STRUCTURE.finditer(raw):
        if match[0] in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ManifestInvalid(f"the manifest nests deeper than {MAX_DEPTH} levels")
        elif match[0] in b"]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ManifestInvalid(f"the manifest has the key {twice[:80]!r} twice in one object")
    return fields


def _no_constant(name: str) -> None:
    raise ManifestInvalid(f"the manifest is not JSON: {name} is not a JSON number")


def _media_type(fields: dict[str, Any], content_type: str) -> str:
    """The one type that Content-Type and ``mediaType`` agree on and that we keep."""
    declared = fields.get("mediaType") or None
    if declared is not None and not isinstance(declared, str):
        raise ManifestInvalid("mediaType is not a string")
    if content_type in media_types.DOCKER_SCHEMA1 or fields.get("schemaVersion") == 1:
        raise ManifestInvalid("Docker schema 1 manifests are not supported: push this image with a current client")
    media_type = declared if content_type in _UNSPECIFIC else content_type
    if media_type is None:
        raise ManifestInvalid("neither Content-Type nor mediaType says what kind of manifest this is")
    if declared is not None and declared != media_type:
        raise ManifestInvalid(f"mediaType is {declared[:120]!r}, but Content-Type is {media_type[:120]!r}")
    if media_type not in media_types.MANIFESTS | media_types.INDEXES:
        known = ", ".join(sorted(media_types.MANIFESTS | media_types.INDEXES))
        raise ManifestInvalid(f"unsupported manifest media type {media_type[:120]!r}: use one of {known}")
    return media_type


def _typed(raw: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise ManifestInvalid(f"the manifest does not have the fields of its media type: {error}") from error


def _image(raw: bytes, digest: Digest, media_type: str, image: _Image) -> Manifest:
    _require_schema_2(image.schema_version)
    layers = [descriptors.parse(layer, f"layers[{i}]") for i, layer in enumerate(image.layers or [])]
    return Manifest(
        raw=raw,
        digest=digest,
        media_type=media_type,
        # "If the artifactType is empty or missing [...] the config descriptor mediaType value": spec.md, referrers.
        artifact_type=image.artifact_type or image.config.media_type,
        subject=_subject(image.subject),
        annotations=image.annotations or {},
        blobs=(descriptors.parse(image.config, "config"), *layers),
        children=(),
    )


def _index(raw: bytes, digest: Digest, media_type: str, index: _Index) -> Manifest:
    _require_schema_2(index.schema_version)
    return Manifest(
        raw=raw,
        digest=digest,
        media_type=media_type,
        artifact_type=index.artifact_type or None,
        subject=_subject(index.subject),
        annotations=index.annotations or {},
        blobs=(),
        children=tuple(descriptors.parse(child, f"manifests[{i}]") for i, child in enumerate(index.manifests or [])),
    )


def _require_schema_2(version: int) -> None:
    if version != 2:
        raise ManifestInvalid(f"schemaVersion is {version}; only 2 is supported")


def _subject(raw: RawDescriptor | None) -> Digest | None:
    return descriptors.parse(raw, "subject").digest if raw else None
