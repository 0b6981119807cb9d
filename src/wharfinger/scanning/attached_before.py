"""VEX documents that were pushed before any were noticed: looked for once after an upgrade.

The migration asks for it as a job. Each page asks for the next one in its own transaction, so that it goes on where it
was, whoever dies. Nobody knows who brought them: they count where a rule trusts whoever may push.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import jobs, vex_before
from wharfinger.meta.vex_before import Candidate, Place
from wharfinger.scanning.trusting import KIND
from wharfinger.scanning.vex import attached
from wharfinger.spec import manifest as spec
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import Tag

BEFORE = "before"
"""The key of the job."""
PAGE = 100

_PAGES: Mapping[str, Callable[[Connection, Place, int], Sequence[Candidate]]] = {
    "referrers": vex_before.referrers,
    "tags": vex_before.tagged,
}


def look(tx: Connection, payload: Mapping[str, Any], ask: Callable[[Candidate], None], now: float) -> None:
    """Note what there is on one page, let it be read, and ask for the next page."""
    what, after = payload.get("what", "referrers"), payload.get("after", ())
    page = _PAGES[what](tx, after, PAGE)
    for candidate in page:
        subject = _subject(candidate)
        if subject is not None and vex_before.notice(tx, candidate, subject):
            ask(candidate)
    if page:
        jobs.enqueue(tx, KIND, BEFORE, {"what": what, "after": list(page[-1].place)}, now)
    elif what == "referrers":
        jobs.enqueue(tx, KIND, BEFORE, {"what": "tags"}, now)


def among(tx: Connection, repository_id: int, digests: Sequence[Digest]) -> Iterator[tuple[Digest, Digest]]:
    """Those of these that may be documents and that nobody has noticed, with what they are about.

    What lay in the trash at the upgrade was not looked at then.
    """
    for candidate in vex_before.unnoticed(tx, repository_id, digests):
        subject = _subject(candidate)
        if subject is not None:
            yield candidate.digest, subject


def _subject(candidate: Candidate) -> Digest | None:
    """What it is about; None of what cannot be a VEX document."""
    manifest = spec.parse(candidate.raw, candidate.media_type, candidate.digest)
    if not attached.parts(manifest):
        return None
    return attached.subject_of(Tag(candidate.tag)) if candidate.tag else manifest.subject
