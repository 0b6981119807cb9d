"""What is known of the past: recorded pulls, where tags were, and what is in the trash by now."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from wharfinger.meta.lifecycle_facts import Row, in_microseconds
from wharfinger.meta.schema_access import audit_records
from wharfinger.meta.schema_tagging import tag_history
from wharfinger.meta.schema_trash import trash, trash_children
from wharfinger.spec.names import RepoName

PULLS_AT_MOST = 200_000


def pulled_repositories(tx: Connection, since: float) -> list[RepoName]:
    """Those that somebody pulled from since then, by name."""
    records = audit_records.c
    query = select(records.repository).where(records.at >= since, records.action == "pull").distinct()
    return sorted(RepoName(name) for name in tx.execute(query).scalars() if name is not None)


def pulls(tx: Connection, repository: RepoName, since: float) -> Sequence[Row]:
    """(first, last, how many, account, tag, digest) of recorded pulls, the oldest first; times in microseconds."""
    records = audit_records.c
    columns = (in_microseconds(records.at), in_microseconds(records.last_at), records.count)
    query = select(*columns, records.account, records.tag, records.digest)
    query = query.where(records.repository == repository, records.at >= since, records.action == "pull")
    return tx.execute(query.order_by(records.at, records.id).limit(PULLS_AT_MOST)).all()


def tag_events(tx: Connection, repository_id: int) -> Sequence[Row]:
    """(tag, digest or None, when) of every change of a tag, the oldest first."""
    events = tag_history.c
    query = select(events.tag, events.digest, in_microseconds(events.at)).where(events.repository_id == repository_id)
    return tx.execute(query.order_by(events.id)).all()


def trashed(tx: Connection, repository_id: int) -> tuple[Sequence[Row], Sequence[Row]]:
    """(digest, pushed, subject) of what is in the trash, and (index, child) of it."""
    gone, edges = trash.c, trash_children.c
    images = select(gone.digest, in_microseconds(gone.pushed_at), gone.subject).where(
        gone.repository_id == repository_id
    )
    children = select(edges.manifest, edges.digest).where(edges.repository_id == repository_id)
    return tx.execute(images).all(), tx.execute(children).all()
