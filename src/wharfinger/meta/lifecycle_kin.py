"""What belongs together with one image: for looking at it without reading a whole repository."""

import re
from collections.abc import Callable, Iterator

from sqlalchemy import Connection, select

from wharfinger.meta.schema import manifest_children, manifests, tags
from wharfinger.meta.sql import chunks
from wharfinger.meta.trash import reference_tags
from wharfinger.spec.digest import Digest

KIN_AT_MOST = 5000
_REFERS = re.compile(r"sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?", re.ASCII)


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
    edges, known = manifest_children.c, manifests.c
    here = edges.repository_id == repository_id
    children = select(edges.present).where(here, edges.manifest.in_(some), edges.present.is_not(None))
    yield from tx.execute(children).scalars()
    yield from tx.execute(select(edges.manifest).where(here, edges.present.in_(some))).scalars()
    own = known.repository_id == repository_id
    yield from tx.execute(select(known.digest).where(own, known.subject.in_(some))).scalars()
    subjects = set(tx.execute(select(known.subject).where(own, known.digest.in_(some))).scalars()) - {None}
    names = select(tags.c.name).where(tags.c.repository_id == repository_id, tags.c.digest.in_(some))
    named = (_REFERS.fullmatch(name) for name in tx.execute(names).scalars())
    subjects |= {f"sha256:{match[1]}" for match in named if match}
    for those in chunks(sorted(subjects)):
        yield from tx.execute(select(known.digest).where(own, known.digest.in_(those))).scalars()
    about = [name for one in some for name in reference_tags(Digest(one))]
    for names_of in chunks(about):
        query = select(tags.c.digest).where(tags.c.repository_id == repository_id, tags.c.name.in_(names_of))
        yield from tx.execute(query).scalars()


def tagged(tx: Connection, repository_id: int, is_wanted: Callable[[str], bool]) -> set[str]:
    """The images of the repository that have a tag that is wanted."""
    query = select(tags.c.name, tags.c.digest).where(tags.c.repository_id == repository_id)
    return {digest for name, digest in tx.execute(query) if is_wanted(name)}
