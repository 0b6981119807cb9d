"""An artifact about an image, beside it in its repository: pushed, and found again by whoever asks for referrers."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from wharfinger.errors import ManifestUnknown
from wharfinger.remote import referrers
from wharfinger.remote.pushing import Content, Pusher
from wharfinger.remote.references import ImageReference
from wharfinger.remote.repositories import Repositories
from wharfinger.spec import digest as digests
from wharfinger.spec import media_types
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest

EMPTY = "application/vnd.oci.empty.v1+json"
CREATED = "org.opencontainers.image.created"


def attach(
    pusher: Pusher,
    repositories: Repositories,
    reference: ImageReference,
    subject: Descriptor,
    artifact_type: str,
    raw: bytes,
    created: str,
) -> Digest:
    """Have ``raw`` there as an artifact about ``subject``. What is there is not pushed again. Raises Refusal."""
    empty = b"{}"
    fields = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": _descriptor(EMPTY, empty),
        "layers": [_descriptor(artifact_type, raw)],
        "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
        "annotations": {CREATED: created},
    }
    manifest = json.dumps(fields, separators=(",", ":")).encode()
    if _is_there(repositories, reference, subject.digest, digests.of(manifest)):
        return digests.of(manifest)
    for content in (empty, raw):
        pusher.blob(reference, _content(content))
    if not pusher.referrer(reference, manifest):
        entry = {**_descriptor(media_types.OCI_MANIFEST, manifest), "artifactType": artifact_type}
        _list(pusher, repositories, reference, subject.digest, entry)
    return digests.of(manifest)


def _is_there(repositories: Repositories, reference: ImageReference, subject: Digest, artifact: Digest) -> bool:
    """Whether it is listed, and not by a list that has outlived it."""
    if not _is_among(artifact, referrers.listed(repositories, reference, subject)):
        return False
    try:
        repositories.manifest(reference, artifact)
    except ManifestUnknown:
        return False
    return True


def _is_among(digest: str, entries: Sequence[Any]) -> bool:
    return any(each.get("digest") == digest for each in entries if isinstance(each, dict))


def _list(
    pusher: Pusher, repositories: Repositories, reference: ImageReference, subject: Digest, entry: dict[str, Any]
) -> None:
    """Add to the index by which older registries list referrers (spec.md, "Referrers Tag Schema")."""
    listed = referrers.tagged(repositories, reference, subject)
    if _is_among(entry["digest"], listed):
        return
    fields = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [*listed, entry]}
    tag = digests.referrers_tag(subject)
    pusher.manifest(reference, json.dumps(fields).encode(), media_types.OCI_INDEX, tag=tag)


def _descriptor(media_type: str, raw: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digests.of(raw), "size": len(raw)}


def _content(raw: bytes) -> Content:
    @contextmanager
    def opened() -> Iterator[tuple[bytes]]:
        yield (raw,)

    return Content(digests.of(raw), len(raw), opened)
