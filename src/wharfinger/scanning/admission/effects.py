"""What a change of gate rules does to the images that are there: which could be pulled, and would be refused."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from wharfinger.access.policy_things import Item
from wharfinger.meta import gates as rows
from wharfinger.meta import in_use, manifests, pulls, repos, scanners, verdicts
from wharfinger.meta.gates import Holder
from wharfinger.meta.verdicts import Verdict
from wharfinger.scanning import pushed
from wharfinger.scanning.adapters import merging
from wharfinger.scanning.admission.book import GateBook, Gates, compiled
from wharfinger.scanning.admission.counting import counted_in, told_by_others
from wharfinger.scanning.admission.rules import Joined, Known, Outcome
from wharfinger.scanning.admission.standing import standing
from wharfinger.scanning.books import Book, Books
from wharfinger.spec import manifest as spec
from wharfinger.spec.names import RepoName

IMAGES_AT_MOST = 5_000
"""Images that are looked at; whoever plans must not wait for a million."""
RECENTLY = 30 * 86400.0
EXAMPLES = 3
PAGE = 500


@dataclass(slots=True)
class _Found:
    """What is otherwise by the change."""

    seen: int = 0
    refused: list[Holder] = field(default_factory=list)
    used: int = 0
    pulled: int = 0
    admitted: int = 0


class Effects:
    """Says what becomes of pulls in the repositories that a changed rule is about."""

    def __init__(self, book: GateBook, books: Books, now: Callable[[], float]) -> None:
        self._book = book
        self._books = books
        self._now = now

    def __call__(self, tx: Connection, before: Item | None, after: Item | None, whole: Sequence[Item]) -> str:
        """What would be refused that can be pulled now, and the other way round, with all rules as they will be."""
        changed = compiled("changed", [each.plain for each in (before, after) if each is not None])
        old, new = self._book.read(tx), compiled("new", [each.plain for each in whole])
        found, excuses = _Found(), self._books.load(tx, self._now())
        for repository in _concerned(tx, changed):
            self._look(tx, repository, old.within(repository), new.within(repository), excuses, found)
            if found.seen >= IMAGES_AT_MOST:
                break
        return _told(found) + _unknown(tx, changed)

    def _look(
        self, tx: Connection, repository: RepoName, old: Joined | None, new: Joined | None, book: Book, found: _Found
    ) -> None:
        now, id = self._now(), repos.require(tx, repository)
        images = rows.images_of(tx, repository, IMAGES_AT_MOST - found.seen)
        known = verdicts.find(tx, [each.digest for each in images])
        told = told_by_others(tx, known)
        used, pulled = in_use.digests(tx, id), pulls.last(tx, id)
        for image in images:
            verdict = known.get(image.digest)
            if verdict is None and not _is_image(tx, image):
                continue
            counted = [] if verdict is None else counted_in(tx, book, image, verdict, told.get(image.digest, ()), now)
            was, is_ = (_is_refused(rules, verdict, counted, now) for rules in (old, new))
            found.seen += 1
            found.admitted += was and not is_
            if is_ and not was:
                found.refused.append(image)
                found.used += image.digest in used
                found.pulled += pulled.get(image.digest, 0.0) > now - RECENTLY


def _is_refused(rules: Joined | None, verdict: Verdict | None, findings: Sequence[Known], now: float) -> bool:
    if rules is None:
        return False
    if verdict is None:
        return rules.placed("unscanned").outcome is Outcome.BLOCK
    return standing(rules, verdict.status, findings).at(now)[0] is Outcome.BLOCK


def _is_image(tx: Connection, image: Holder) -> bool:
    stored = manifests.find(tx, image.repository, image.digest)
    return stored is not None and pushed.is_image(spec.parse(stored.raw, stored.media_type, stored.digest))


def _concerned(tx: Connection, changed: Gates) -> Iterator[RepoName]:
    last = ""
    while page := repos.page(tx, last, PAGE):
        yield from (each for each in page if changed.within(each) is not None)
        last = page[-1]


def _unknown(tx: Connection, changed: Gates) -> str:
    """Scanners that a rule names and that are not there: of them nothing counts, and a typing error is silent."""
    known = {merging.OURS, *(each.name for each in scanners.every(tx))}
    missing = sorted({name for rule in changed.rules for name in rule.scanners or ()} - known)
    return f"; there is no scanner {', '.join(missing)}" if missing else ""


def _told(found: _Found) -> str:
    least = "at least " if found.seen >= IMAGES_AT_MOST else ""
    of = f"of {least}{found.seen} image{'' if found.seen == 1 else 's'} in its repositories"
    said = []
    if found.refused:
        some = [f"{each.repository}@{each.digest[:19]}" for each in found.refused[:EXAMPLES]]
        more = ", …" if len(found.refused) > EXAMPLES else ""
        said.append(
            f"{len(found.refused)} would be refused ({', '.join(some)}{more}), of which {found.used} in use and "
            f"{found.pulled} pulled in the last 30 days"
        )
    if found.admitted:
        said.append(f"{found.admitted} would be refused no more")
    return f"{of}, {'; '.join(said)}" if said else f"{of}, none is decided otherwise"
