"""Manifests: what a registry must understand of them before it takes them (image-spec, manifest.md, image-index.md).

The bytes are kept as they came. Reading them answers four questions: is this what its media type says it is,
which blobs and manifests does it need, which manifest is it about, and how do referrers describe it.
"""

import json
from collections import Counter
from dataclasses import dataclass
from itertools import chain
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
MAX_STRUCTURES = 100_000
"""Objects and lists together: 4 MiB of descriptors have fewer, while 4 MiB of ``{},`` would take 9 s and 500 MB."""

_T = TypeVar("_T")

_UNSPECIFIC = frozenset({"", "application/json", "application/octet-stream"})
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NAMES = (
    *("schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject"),
    *("annotations", "digest", "size", "data", "urls"),
)
_FOLDED = {name.casefold(): name for name in _NAMES}


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
    _require_one_reading(fields, media_type)
    if media_type in media_types.INDEXES:
        return _index(raw, actual, media_type, _typed(raw, _Index))
    return _image(raw, actual, media_type, _typed(raw, _Image))


def _read(raw: bytes) -> dict[str, Any]:
    """The fields of a JSON object without duplicate keys, which two readers could understand differently."""
    _require_bounded(raw)
    try:
        fields = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except ValueError as error:  # not JSON, not UTF-8, or a number of more digits than Python converts
        raise ManifestInvalid(f"the manifest is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ManifestInvalid("the manifest is not a JSON object")
    return fields


def _require_bounded(raw: bytes) -> None:
    """Refuse, before anything is built, what would exhaust the stack or the memory of whoever parses it."""
    # Without its escapes, a string is what stands between two quotes; so every second piece is outside of strings.
    outside = raw.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2]
    brackets = b"".join(outside).translate(None, _ALL_BUT_BRACKETS)
    if len(brackets) > 2 * MAX_STRUCTURES:
        raise ManifestInvalid(f"the manifest has more than {MAX_STRUCTURES} objects and lists")
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise ManifestInvalid(f"the manifest nests deeper than {MAX_DEPTH} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
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


def _require_one_reading(fields: dict[str, Any], media_type: str) -> None:
    """Refuse what another reader takes for other content than we do, and so would run layers that nobody scanned."""
    foreign = ("config", "layers") if media_type in media_types.INDEXES else ("manifests",)
    for name in (*foreign, "fsLayers"):
        if fields.get(name):
            raise ManifestInvalid(f"{name!r} does not belong into a manifest of type {media_type}")
    lists = (fields.get("layers"), fields.get("manifests"))
    parts = [fields.get("config"), fields.get("subject"), *chain(*(part for part in lists if isinstance(part, list)))]
    for key in chain(fields, *(part for part in parts if isinstance(part, dict))):
        # Go, and so most clients, match field names whatever their case.
        if _FOLDED.get(key.casefold(), key) != key:
            raise ManifestInvalid(f"the key {key[:80]!r} must be written {_FOLDED[key.casefold()]!r}")


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
        artifact_type=descriptors.media_type(image.artifact_type or image.config.media_type, "artifactType"),
        subject=_subject(image.subject),
        annotations=descriptors.annotations(image.annotations, "annotations"),
        blobs=(descriptors.parse(image.config, "config"), *layers),
        children=(),
    )


def _index(raw: bytes, digest: Digest, media_type: str, index: _Index) -> Manifest:
    _require_schema_2(index.schema_version)
    entries = [descriptors.parse(entry, f"manifests[{i}]") for i, entry in enumerate(index.manifests or [])]
    return Manifest(
        raw=raw,
        digest=digest,
        media_type=media_type,
        artifact_type=descriptors.media_type(index.artifact_type or "", "artifactType") or None,
        subject=_subject(index.subject),
        annotations=descriptors.annotations(index.annotations, "annotations"),
        # What no manifest of ours can be is a blob: BuildKit keeps its cache as an index of layers.
        blobs=tuple(entry for entry in entries if not entry.is_manifest),
        children=tuple(entry for entry in entries if entry.is_manifest),
    )


def _require_schema_2(version: int) -> None:
    if version != 2:
        raise ManifestInvalid(f"schemaVersion is {version}; only 2 is supported")


def _subject(raw: RawDescriptor | None) -> Digest | None:
    return descriptors.parse(raw, "subject").digest if raw else None
