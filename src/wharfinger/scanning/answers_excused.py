"""What of the answer to ``wharf find`` is excused where: the same that a verdict shows, for what was asked about."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import verdicts
from wharfinger.scanning import excusing, reports
from wharfinger.scanning.books import Book, Books, names_in
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Excused:
    """A vulnerability of a package that something excuses in a repository: by what, by whom, and until when."""

    id: str
    purl: str
    why: str


class Excusing:
    """What is stored that may excuse any of these findings; read once for a page of images."""

    def __init__(self, tx: Connection, books: Books, now: float, findings: Iterable[Fields]) -> None:
        self._now = now
        names = names_in(findings)
        self._book = books.load(tx, now, names) if names else Book((), {})

    def of(self, tx: Connection, repository: RepoName, digest: Digest, findings: Sequence[Fields]) -> Sequence[Excused]:
        """What is excused of the findings of an image, each with its ``purl``, in a repository that has it."""
        excuses = self._book.about(tx, repository, digest, findings)
        if not excuses.exceptions and not excuses.statements:
            return ()
        image = None
        if excuses.statements:
            image = {**reports.report(tx, verdicts.find(tx, [digest])[digest]), "findings": findings}
        judged = excusing.excused(findings, repository, digest, excuses, self._now, image=image)
        return list(_said(judged))


def _said(judged: Iterable[Fields]) -> Iterator[Excused]:
    for each in judged:
        if each["suppressed"] is not None:
            yield Excused(each["id"], each["purl"], each["suppressed"])
