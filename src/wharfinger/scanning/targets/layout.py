"""A folder with an OCI layout."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from wharfinger.errors import BlobUnknown, ManifestInvalid, ManifestUnknown, Refusal, RequestInvalid
from wharfinger.scanning.targets.place import CHUNK, Root, verified
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest

REF_NAME = "org.opencontainers.image.ref.name"
FULL_NAME = "io.containerd.image.name"


class Layout:
    """Reads from the folder; nothing outside of it, whatever its index says."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not folder.is_dir():
            raise RequestInvalid(f"{folder} is not a folder")

    def roots(self, tag: str | None = None) -> list[Root]:
        """What index.json names, or what has the tag there. Raises Refusal."""
        with _opened(self._folder / "index.json", f"{self._folder} has no index.json, so it is no OCI layout") as file:
            raw = file.read(manifests.MAX_BYTES + 1)
        return roots(raw, tag, str(self._folder))

    def manifest(self, digest: Digest) -> bytes:
        with self._open(digest) as file:
            raw = file.read(manifests.MAX_BYTES + 1)
        if len(raw) > manifests.MAX_BYTES:
            raise ManifestInvalid(f"{digest} is no manifest: it has more than {manifests.MAX_BYTES} bytes")
        return b"".join(verified((raw,), digest))

    @contextmanager
    def blob(self, blob: Descriptor) -> Iterator[Iterator[bytes]]:
        with self._open(blob.digest) as file:
            yield verified(iter(lambda: file.read(CHUNK), b""), blob.digest, blob.size)

    def _open(self, digest: Digest) -> BinaryIO:
        algorithm, _, encoded = digest.partition(":")
        return _opened(self._folder / "blobs" / algorithm / encoded, f"{self._folder} does not have {digest}")


def roots(raw: bytes, tag: str | None, where: str) -> list[Root]:
    """What an index.json names. Raises ManifestInvalid, and ManifestUnknown where nothing has the tag."""
    if len(raw) > manifests.MAX_BYTES:
        raise ManifestInvalid(f"the index.json of {where} has more than {manifests.MAX_BYTES} bytes")
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
    annotations: Mapping[str, Any] = entry.get("annotations") or {} if isinstance(entry, dict) else {}
    names: Sequence[Any] = [annotations.get(REF_NAME), annotations.get(FULL_NAME)]
    return any(isinstance(name, str) and (name == tag or name.endswith(f":{tag}")) for name in names)


def _opened(path: Path, missing: str) -> BinaryIO:
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BlobUnknown(missing) from error
    except OSError as error:
        raise Refusal(f"cannot read {path}: {error.strerror}") from error
