"""What excuses findings, put together once for whoever wires."""

from collections.abc import Callable
from dataclasses import dataclass

from wharfinger.blobs.store import BlobStore
from wharfinger.meta.db import Database
from wharfinger.scanning.attached import AttachedDocuments
from wharfinger.scanning.books import Books
from wharfinger.scanning.documents import Documents
from wharfinger.scanning.exceptions import Concerned, Exceptions


@dataclass(frozen=True, slots=True)
class Excusing:
    """Exceptions, VEX documents that were imported and that lie beside images, and what is read of all when judging."""

    exceptions: Exceptions
    documents: Documents
    attached: AttachedDocuments
    books: Books


def build(
    db: Database, store: BlobStore, now: Callable[[], float], books: Books, *, longest: float, changed: Concerned
) -> Excusing:
    """The services over one database. ``longest`` is how many seconds an exception may last.

    ``changed`` is told of images that may be judged otherwise now, in the transaction in which an excuse changes.
    """
    exceptions = Exceptions(db, now, longest=longest, changed=changed)
    documents, attached = Documents(db, now, changed=changed), AttachedDocuments(db, store, now, changed)
    return Excusing(exceptions, documents, attached, books)
