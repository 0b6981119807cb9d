"""What of the answer to ``wharf find`` is excused where: the same that a verdict shows, for what was asked about."""

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from wharfinger.meta.finding import Known
from wharfinger.scanning import excusing
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

    def of(
        self,
        tx: Connection,
        repository: RepoName,
        image: Known,
        findings: Sequence[Fields],
        indexes: Collection[Digest],
    ) -> Sequence[Excused]:
        """What is excused of the findings of an image, each with its ``purl``, in a repository that has it.

        ``indexes`` are those of that repository that it is in.
        """
        excuses = self._book.about(tx, repository, image.digest, findings, indexes)
        if not excuses.exceptions and not excuses.statements:
            return ()
        whole = _whole(image, findings) if excuses.statements else None
        judged = excusing.excused(findings, repository, image.digest, excuses, self._now, image=whole)
        return list(_said(judged))


def _whole(image: Known, findings: Sequence[Fields]) -> Fields:
    """As much of its report as statements are compared with."""
    catalogue = msgspec.json.decode(zlib.decompress(image.catalogue))
    return {**catalogue, "platform": image.platform, "findings": findings}


def _said(judged: Iterable[Fields]) -> Iterator[Excused]:
    for each in judged:
        if each["suppressed"] is not None:
            yield Excused(each["id"], each["purl"], each["suppressed"])
