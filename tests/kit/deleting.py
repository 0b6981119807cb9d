"""What ``BlobStore.delete_many`` promises, done one by one, for stores that count, fail or stop at each."""

from collections.abc import Mapping

from wharfinger.blobs.deleting import why_not_deleted
from wharfinger.blobs.store import BlobStore
from wharfinger.errors import Refusal
from wharfinger.spec.digest import Digest
from wharfinger.spec.locations import Location


async def delete_each(store: BlobStore, sealed: Mapping[Location, Digest]) -> dict[Location, Refusal]:
    """Why those are not gone that are not."""
    found = {location: await why_not_deleted(store, location, digest) for location, digest in sealed.items()}
    return {location: why for location, why in found.items() if why is not None}
