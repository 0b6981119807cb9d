"""An OCI layout, in a folder or in an archive."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from wharfinger.errors import ManifestInvalid, ManifestUnknown
from wharfinger.scanning.targets.files import Files
from wharfinger.scanning.targets.place import CHUNK, Bytes, Root
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest

NAMES = ("org.opencontainers.image.ref.name", "io.containerd.image.name")


class Layout:
    """Reads by digest; whether what is there has it, whoever reads sees."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def roots(self, tag: str | None = None) -> list[Root]:
        """What index.json names, or what has the tag there. Raises Refusal."""
        return roots(read(self._files, "index.json"), tag, self._files.where)

    def manifest(self, digest: Digest) -> bytes:
        return read(self._files, _name(digest))

    def open(self, blob: Descriptor) -> Bytes:
        return self._files.open(_name(blob.digest))


def read(files: Files, name: str) -> bytes:
    """A file as large as a manifest may be. Raises ManifestInvalid where it is larger."""
    raw = bytearray()
    with closing(files.open(name)) as stream:
        while chunk := stream.read(CHUNK):
            raw += chunk
            if len(raw) > manifests.MAX_BYTES:
                raise ManifestInvalid(f"{name} of {files.where} has more than {manifests.MAX_BYTES} bytes")
    return bytes(raw)


def roots(raw: bytes, tag: str | None, where: str) -> list[Root]:
    """What an index.json names. Raises ManifestInvalid, and ManifestUnknown where nothing has the tag."""
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"the index.json of {where} is not JSON") from error
    entries = fields.get("manifests") if isinstance(fields, dict) else None
    if not isinstance(entries, list):
        raise ManifestInvalid(f"the index.json of {where} names no manifests")
    found = [_root(entry, where) for entry in entries if tag is None or _is_called(entry, tag)]
    if not found:
        raise ManifestUnknown(f"{where} has nothing {'in it' if tag is None else f'with the tag {tag}'}")
    return list({root.digest: root for root in found}.values())


def _root(entry: object, where: str) -> Root:
    match entry:
        case {"digest": str(digest), "mediaType": str(media_type)} if digests.is_digest(digest):
            return Root(digests.parse(digest), media_type)
    raise ManifestInvalid(f"the index.json of {where} has an entry without a digest or media type")


def _is_called(entry: object, tag: str) -> bool:
    annotations = entry.get("annotations") if isinstance(entry, dict) else None
    known: Mapping[str, Any] = annotations if isinstance(annotations, dict) else {}
    names: Sequence[Any] = [known.get(name) for name in NAMES]
    return any(isinstance(name, str) and (name == tag or name.endswith(f":{tag}")) for name in names)


def _name(digest: Digest) -> str:
    return f"blobs/{digest.replace(':', '/')}"
