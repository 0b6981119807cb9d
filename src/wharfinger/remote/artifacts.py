"""An artifact about an image, beside it in its repository: pushed, and found again by whoever asks for referrers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wharfinger.errors import ManifestInvalid, ManifestUnknown
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
    """Push ``raw`` as an artifact about ``subject``; the same again is the same artifact. Raises Refusal."""
    empty = b"{}"
    for content in (empty, raw):
        pusher.blob(reference, _content(content))
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
    if not pusher.referrer(reference, manifest):
        entry = {**_descriptor(media_types.OCI_MANIFEST, manifest), "artifactType": artifact_type}
        _list(pusher, repositories, reference, subject.digest, entry)
    return digests.of(manifest)


def _list(
    pusher: Pusher, repositories: Repositories, reference: ImageReference, subject: Digest, entry: dict[str, Any]
) -> None:
    """Add to the index by which older registries list referrers (spec.md, "Referrers Tag Schema")."""
    tag = subject.replace(":", "-")
    listed = _listed(repositories, reference, tag)
    if any(each.get("digest") == entry["digest"] for each in listed if isinstance(each, dict)):
        return
    fields = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [*listed, entry]}
    pusher.manifest(reference, json.dumps(fields).encode(), media_types.OCI_INDEX, tag=tag)


def _listed(repositories: Repositories, reference: ImageReference, tag: str) -> list[Any]:
    tagged = ImageReference(reference.name, reference.registry, reference.repository, tag)
    try:
        fields = json.loads(repositories.manifest(tagged).raw)
    except ManifestUnknown:
        return []
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"{tagged}: the list of referrers there is not JSON") from error
    found = fields.get("manifests") if isinstance(fields, dict) else None
    return found if isinstance(found, list) else []


def _descriptor(media_type: str, raw: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digests.of(raw), "size": len(raw)}


def _content(raw: bytes) -> Content:
    @contextmanager
    def opened() -> Iterator[tuple[bytes]]:
        yield (raw,)

    return Content(digests.of(raw), len(raw), opened)
