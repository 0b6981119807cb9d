"""What the collector looks at when its time has come: links that may be needed no more, and blobs likewise.

Whoever takes away a live reference says so here, in the same transaction; whoever is told that something exists has
the review moved first. An entry too many costs one look; one too few would keep bytes for ever.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, Table, delete, select

from wharfinger.meta.schema import blob_links
from wharfinger.meta.schema_collection import blob_reviews, link_reviews
from wharfinger.meta.sql import chunks, insert
from wharfinger.spec.digest import Digest


def note_links(tx: Connection, repository_id: int, digests: Iterable[Digest], due_at: float) -> None:
    """Look at these links of the repository not before ``due_at``; those it does not hold are passed over."""
    for chunk in chunks(sorted(set(digests))):
        held = select(blob_links.c.digest).where(
            blob_links.c.repository_id == repository_id, blob_links.c.digest.in_(chunk)
        )
        rows = [
            {"repository_id": repository_id, "digest": digest, "due_at": due_at}
            for digest in sorted(tx.execute(held).scalars())
        ]
        _put(tx, link_reviews, rows, ["repository_id", "digest"])


def note_blobs(tx: Connection, digests: Iterable[Digest], due_at: float) -> None:
    """Look at these blobs, whoever holds them, not before ``due_at``."""
    for chunk in chunks(sorted(set(digests))):
        _put(tx, blob_reviews, [{"digest": digest, "due_at": due_at} for digest in chunk], ["digest"])


def note_unlinking(tx: Connection, repository_id: int, digest: Digest, due_at: float) -> None:
    """The repository is about to hold the blob no more: look at the blob instead of the link."""
    these = (link_reviews.c.repository_id == repository_id) & (link_reviews.c.digest == digest)
    tx.execute(delete(link_reviews).where(these))
    note_blobs(tx, [digest], due_at)


def _put(tx: Connection, table: Table, rows: list[dict[str, object]], key: list[str]) -> None:
    if not rows:
        return
    put = insert(tx, table)
    later = {"due_at": put.excluded.due_at}
    tx.execute(
        put.on_conflict_do_update(index_elements=key, set_=later, where=table.c.due_at < put.excluded.due_at), rows
    )
