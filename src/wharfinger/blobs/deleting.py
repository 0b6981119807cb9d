"""Deleting, and seeing that it is gone."""

from wharfinger.blobs.store import BlobStore
from wharfinger.errors import Refusal, Unavailable
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location


def still_there() -> Refusal:
    """Why something is not gone although the store says that it was deleted."""
    return Unavailable("the bytes were deleted, and are still there")


async def why_not_deleted(store: BlobStore, location: Location, digest: Digest) -> Refusal | None:
    """Delete it; None once it is seen to be gone."""
    try:
        await store.delete(location, digest)
    except Refusal as refusal:
        return refusal
    return await why_left(store, location)


async def why_left(store: BlobStore, location: Location) -> Refusal | None:
    """None where nothing is there, after it was deleted."""
    try:
        size = await store.size(location)
    except Refusal as refusal:
        return refusal
    return None if size is None else still_there()
