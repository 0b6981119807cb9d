"""What excuses findings, put together once for whoever wires."""

from collections.abc import Callable
from dataclasses import dataclass

from wharfinger.meta.db import Database
from wharfinger.scanning.books import Books
from wharfinger.scanning.documents import Documents
from wharfinger.scanning.exceptions import Concerned, Exceptions


@dataclass(frozen=True, slots=True)
class Excusing:
    """Exceptions, VEX documents, and what is read of all excuses when something is judged."""

    exceptions: Exceptions
    documents: Documents
    books: Books


def build(db: Database, now: Callable[[], float], books: Books, *, longest: float, changed: Concerned) -> Excusing:
    """The services over one database. ``longest`` is how many seconds an exception may last.

    ``changed`` is told of images that may be judged otherwise now, in the transaction in which an excuse changes.
    """
    exceptions = Exceptions(db, now, longest=longest, changed=changed)
    return Excusing(exceptions, Documents(db, now, changed=changed), books)
