"""Which layers of an image are those of the image that it says it was built upon: seen in that image's manifest."""

from collections.abc import Callable, Iterator, Sequence

from wharfinger.errors import ManifestUnknown, Refusal
from wharfinger.remote import references
from wharfinger.remote.references import ImageReference
from wharfinger.remote.repositories import Repositories
from wharfinger.scanning.answers.origins import Base
from wharfinger.scanning.targets.images import BaseName, Image
from wharfinger.scanning.targets.place import Place
from wharfinger.spec import manifest as manifests
from wharfinger.spec.digest import Digest

CHILDREN_AT_MOST = 32

Manifests = Callable[[BaseName, Digest], bytes]
"""The manifest with a digest, looked for where the base may be. Raises Refusal."""


def found(image: Image, manifest: Manifests) -> Base:
    """The base of an image, with as many of its layers as are known to be the base's."""
    said = image.base
    if said is None:
        return Base(reason="the image does not say what it was built upon")
    if said.digest is None:
        return Base(said.name, reason="the image says no digest of what it was built upon")
    own = [each.digest for each in image.layers or ()]
    try:
        counts = [len(each) for each in _layers(manifest, said, said.digest) if each and own[: len(each)] == each]
    except Refusal as refusal:
        return Base(said.name, said.digest, reason=f"its manifest cannot be had: {refusal.message}")
    if not counts:
        return Base(said.name, said.digest, reason="its layers are not the lowest of this image")
    return Base(said.name, said.digest, max(counts))


def in_place(place: Place, _: BaseName, digest: Digest) -> bytes:
    """The manifest where the image itself is."""
    return place.manifest(digest)


def in_registry(
    repositories: Repositories, target: ImageReference, place: Place, base: BaseName, digest: Digest
) -> bytes:
    """The same, or in the repository that the image names, if it is of the same registry.

    Others are not asked: whoever made an image would say whom this machine talks to.
    """
    try:
        return place.manifest(digest)
    except ManifestUnknown:
        if not references.is_reference(base.name):
            raise
    named = references.parse(base.name)
    if named.registry != target.registry:
        raise ManifestUnknown(f"it is not in this repository, and {named.registry} is not asked")
    return repositories.manifest(named, digest).raw


def _layers(manifest: Manifests, base: BaseName, digest: Digest) -> Iterator[Sequence[Digest]]:
    """The layers of the base, or of each image of an index."""
    found = manifests.parse(manifest(base, digest), "", digest)
    if not found.children:
        yield [each.digest for each in found.blobs[1:]]
        return
    for child in found.children[:CHILDREN_AT_MOST]:
        yield [each.digest for each in manifests.parse(manifest(base, child.digest), "", child.digest).blobs[1:]]
