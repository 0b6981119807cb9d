"""Bills of materials that somebody attached to an image: found among its referrers, given to the reader as a layer.

They are a stranger's bytes as layers are, so it is the process that reads layers, without rights, that parses them.
"""

import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wharfinger.errors import ManifestInvalid, Refusal
from wharfinger.remote import referrers
from wharfinger.remote.references import ImageReference
from wharfinger.remote.repositories import Repositories
from wharfinger.scanning.cataloguing import LayerSource
from wharfinger.scanning.packages import Problem
from wharfinger.scanning.targets.place import Place, whole
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec import media_types
from wharfinger.spec.digest import Digest

TYPES: Mapping[str, str] = {
    "application/vnd.cyclonedx+json": "bom.cdx.json",
    "application/spdx+json": "bom.spdx.json",
    "text/spdx+json": "bom.spdx.json",
}
"""The media types, and the file names by which a bill in an image is known for one."""
BILLS_AT_MOST = 16
BYTES_AT_MOST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill of materials: the artifact that it is in, and its bytes as a layer of one file."""

    artifact: Digest
    layer: LayerSource


def attached(
    repositories: Repositories, reference: ImageReference, place: Place, image: Digest
) -> tuple[list[Bill], list[Problem]]:
    """The bills of an image, and those that could not be had."""
    bills: list[Bill] = []
    problems: list[Problem] = []
    try:
        found = list(_listed(repositories, reference, image))[:BILLS_AT_MOST]
    except Refusal as refusal:
        return [], [Problem(image, "", f"its referrers cannot be listed: {refusal.message}")]
    for digest in found:
        try:
            bills.append(_bill(place, digest))
        except Refusal as refusal:
            problems.append(Problem(digest, "", refusal.message))
    return bills, problems


def _listed(repositories: Repositories, reference: ImageReference, image: Digest) -> Iterator[Digest]:
    for entry in referrers.listed(repositories, reference, image):
        match entry:
            case {"artifactType": str(kind), "digest": str(digest)} if kind in TYPES and digests.is_digest(digest):
                yield digests.parse(digest)


def _bill(place: Place, digest: Digest) -> Bill:
    manifest = manifests.parse(place.manifest(digest), media_types.OCI_MANIFEST, digest)
    for blob in manifest.blobs[1:]:
        if blob.media_type in TYPES:
            return Bill(digest, _layer(TYPES[blob.media_type], whole(place, blob, most=BYTES_AT_MOST)))
    raise ManifestInvalid(f"{digest} says that it is a bill of materials, and has none in it")


def _layer(name: str, content: bytes) -> LayerSource:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    raw: Any = packed.getvalue()
    return LayerSource(digests.of(raw), "application/vnd.oci.image.layer.v1.tar", lambda: io.BytesIO(raw))
