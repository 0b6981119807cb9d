"""What a pull of an image would be answered now, told to who asks without pulling: a pipeline that just pushed it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.meta import gates as rows
from wharfinger.meta import glass, jobs, repos, vex, vex_attached
from wharfinger.meta.gates import Holder
from wharfinger.meta.glass import Glass
from wharfinger.scanning import trusting
from wharfinger.scanning.admission import counting
from wharfinger.scanning.admission.book import Gates
from wharfinger.scanning.admission.counting import Told
from wharfinger.scanning.admission.deciding import Answer, decide
from wharfinger.scanning.admission.rules import Joined
from wharfinger.scanning.admission.weighing import Against, weigh
from wharfinger.scanning.books import Book, Books, names_in
from wharfinger.scanning.pushed import Scanned
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName


@dataclass(frozen=True, slots=True)
class Outlook:
    """The answer, and all that the rules of the repository have against the image.

    ``rules`` are the names of those that cover the repository, and ``policy`` changes when one of them does.
    ``settled`` is false while the image has no row by these rules, or waits to be judged by other rules about the VEX
    documents that lie beside it. The answer is the gate's own: ``grandfathered`` and ``glass`` say why a pull may pass
    all the same.
    """

    answer: Answer
    policy: str
    rules: tuple[str, ...]
    settled: bool
    against: tuple[Against, ...]
    grandfathered: bool = False
    glass: Glass | None = None


def of(
    tx: Connection, gates: Gates, books: Books, repository: RepoName, images: Sequence[Scanned], now: float
) -> Mapping[Digest, Outlook]:
    """Of each of these images of the repository; nothing where no rule covers it."""
    rules = gates.within(repository)
    if rules is None:
        return {}
    changed_at = rows.advisories_at(tx)
    age = math.inf if changed_at is None else now - changed_at
    named = {name for each in images for name in names_in(each.report.get("findings", ()))}
    told = counting.told_by_others(tx, [each.digest for each in images])
    named |= {item.id.upper() for some in told.values() for _, report in some for item in report.items}
    book = books.load(tx, now, named)
    changing = bool(jobs.waiting_for(tx, trusting.KIND, [trusting.ALL]))
    return {
        each.digest: _of(tx, rules, book, repository, each, told.get(each.digest, ()), age, now, changing=changing)
        for each in images
    }


def _of(
    tx: Connection,
    rules: Joined,
    book: Book,
    repository: RepoName,
    image: Scanned,
    told: Told,
    age: float,
    now: float,
    *,
    changing: bool,
) -> Outlook:
    is_image, verdict = image.state != "nothing-to-scan", image.verdict
    repository_id, row = repos.require(tx, repository), rows.find(tx, repository, image.digest)
    answer = decide(rules, row, now, age, lambda: is_image)
    holder = Holder(repository_id, repository, image.digest, now)
    known = [] if verdict is None else counting.counted_in(tx, book, holder, verdict, told, now)
    status = None if verdict is None else verdict.status
    return Outlook(
        answer,
        rules.id,
        tuple(rule.name for rule in rules.rules),
        settled=not is_image
        or (row is not None and row.rules == rules.id and not (changing and _has_documents(tx, repository, image))),
        against=tuple(weigh(rules, status, known, age, now)) if is_image else (),
        grandfathered=rows.is_grandfathered(tx, repository_id, image.digest, now),
        glass=glass.of_one(tx, repository_id, image.digest, now),
    )


def _has_documents(tx: Connection, repository: RepoName, image: Scanned) -> bool:
    """Whether the image stands as it does by documents, while it may be another's word that counts by now."""
    return bool(vex_attached.about(tx, repository, [image.digest, *vex.indexes_of(tx, repository, image.digest)]))
