"""What belongs together with one image: for looking at it without reading a whole repository."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import BindParameter, CompoundSelect, Connection, Select, bindparam, null, select, union_all

from wharfinger.meta.lifecycle_facts import in_microseconds
from wharfinger.meta.schema import manifest_children, manifests, tags
from wharfinger.meta.sql import chunks
from wharfinger.meta.trash import reference_tags
from wharfinger.select.selectors import Selector
from wharfinger.spec.digest import Digest

KIN_AT_MOST = 5000
_REFERS = re.compile(r"sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?", re.ASCII)
_AFTER_ALL = "\x7f"  # comes after whatever a tag's name may have


def kin(tx: Connection, repository_id: int, digest: Digest) -> set[str] | None:
    """The image, and whatever is index, child, subject or referrer of it, however far; None when that is too much."""
    found, waiting = {str(digest)}, [str(digest)]
    while waiting:
        seen = {one for some in chunks(waiting) for one in _beside(tx, repository_id, some)}
        waiting = sorted(seen - found)
        found |= seen
        if len(found) > KIN_AT_MOST:
            return None
    return found


def _beside(tx: Connection, repository_id: int, some: list[str]) -> Iterator[str]:
    about = [name for one in some for name in reference_tags(Digest(one))]
    named: set[str] = set()
    for kin, name in tx.execute(_BESIDE, {"id": repository_id, "some": some, "about": about}):
        if kin is not None:
            yield kin
        elif match := _REFERS.fullmatch(name):
            named.add(f"sha256:{match[1]}")
    for those in chunks(sorted(named)):
        yield from tx.execute(_PRESENT, {"id": repository_id, "some": those}).scalars()


def _statement() -> CompoundSelect[Any]:
    """All of it in one statement: (digest, None), or (None, name) of the own tags."""
    edges, known, subject = manifest_children.c, manifests.c, manifests.alias("subject").c
    id: BindParameter[int] = bindparam("id")
    some: BindParameter[str] = bindparam("some", expanding=True)
    about: BindParameter[str] = bindparam("about", expanding=True)
    no_name = null().label("name")
    named = tags.c.repository_id == id
    is_subject = (subject.repository_id == known.repository_id) & (subject.digest == known.subject)
    return union_all(
        select(edges.present, no_name).where(
            edges.repository_id == id, edges.manifest.in_(some), edges.present.is_not(None)
        ),
        select(edges.manifest, no_name).where(edges.repository_id == id, edges.present.in_(some)),
        select(known.digest, no_name).where(known.repository_id == id, known.subject.in_(some)),
        select(subject.digest, no_name).where(known.repository_id == id, known.digest.in_(some), is_subject),
        select(tags.c.digest, no_name).where(named, tags.c.name.in_(about)),
        select(null(), tags.c.name).where(named, tags.c.digest.in_(some)),
    )


_BESIDE = _statement()
_PRESENT = select(manifests.c.digest).where(
    manifests.c.repository_id == bindparam("id"), manifests.c.digest.in_(bindparam("some", expanding=True))
)
"""Made once, because making a statement takes longer than running it."""


def tagged(tx: Connection, repository_id: int, selector: Selector) -> set[str]:
    """The images of the repository that have a tag that is selected."""
    query = _named_like(select(tags.c.name, tags.c.digest), repository_id, selector)
    return {digest for name, digest in tx.execute(query) if selector.matches(name)}


def newest_first(tx: Connection, repository_id: int, selector: Selector, page: int) -> Iterator[tuple[str, str, int]]:
    """(name, digest, moved) of the tags that are selected, those moved last first: a page, then all the rest.

    A name that only says what a signature belongs to is no tag here.
    """
    moved = in_microseconds(tags.c.moved_at)
    query = _named_like(select(tags.c.name, tags.c.digest, moved), repository_id, selector)
    query = query.order_by(tags.c.moved_at.desc(), tags.c.name)
    first = tx.execute(query.limit(page)).all()
    yield from _selected(first, selector)
    if len(first) == page:
        yield from _selected(tx.execute(query.offset(page)), selector)


def _selected(rows: Iterable[Any], selector: Selector) -> Iterator[tuple[str, str, int]]:
    for name, digest, moved in rows:
        if selector.matches(name) and not _REFERS.fullmatch(name):
            yield name, digest, moved


def _named_like(query: Select[Any], repository_id: int, selector: Selector) -> Select[Any]:
    """The tags of the repository that may be meant, as far as an index can tell."""
    query, begins = query.where(tags.c.repository_id == repository_id), selector.literal_prefix
    if begins and begins.isascii() and begins.isprintable():
        query = query.where(tags.c.name >= begins, tags.c.name < begins + _AFTER_ALL)
    return query
