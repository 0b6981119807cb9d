"""Which manifests are about another: as its registry lists them, or as the tag does that stands in for such a list."""

import json
from collections.abc import Sequence
from typing import Any

from wharfinger.errors import ManifestInvalid, ManifestUnknown
from wharfinger.remote.references import ImageReference
from wharfinger.remote.repositories import Repositories, require_found
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest

_WITHOUT_REFERRERS = frozenset({400, 404, 405, 501})


def listed(repositories: Repositories, reference: ImageReference, subject: Digest) -> Sequence[Any]:
    """The descriptors, as they were listed. Raises Refusal."""
    answer = repositories.referrers(reference, subject)
    if answer.status in _WITHOUT_REFERRERS:
        return tagged(repositories, reference, subject)
    require_found(answer, reference)
    return _entries(answer.content, "the list of referrers")


def tagged(repositories: Repositories, reference: ImageReference, subject: Digest) -> Sequence[Any]:
    """The list that registries without the API are given under a tag (spec.md, "Referrers Tag Schema")."""
    place = ImageReference(reference.name, reference.registry, reference.repository, digests.referrers_tag(subject))
    try:
        raw = repositories.manifest(place).raw
    except ManifestUnknown:
        return []
    return _entries(raw, f"{place}: the list of referrers there")


def _entries(raw: bytes, what: str) -> Sequence[Any]:
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"{what} is not JSON") from error
    found = fields.get("manifests") if isinstance(fields, dict) else None
    return found if isinstance(found, list) else []
