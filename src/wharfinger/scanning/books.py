"""Everything that may excuse a finding, as it is stored now: read once, then asked of each image.

Whoever judges many images loads all of it once; whoever judges one says which vulnerabilities it has.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import exceptions, vex
from wharfinger.meta.vex import Document, Kept
from wharfinger.scanning.exceptions import excuse, selector_of
from wharfinger.scanning.excuses import Excuse, Excuses
from wharfinger.scanning.vex import stored
from wharfinger.scanning.vex.statements import Statement
from wharfinger.select.selectors import Selector
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName


@dataclass(frozen=True, slots=True)
class _Said:
    """A statement, which of all it is, and where it counts."""

    order: tuple[int, int]
    statement: Statement
    repositories: Selector


@dataclass(frozen=True, slots=True)
class Book:
    """What was stored at one moment."""

    exceptions: tuple[Excuse, ...]
    said: Mapping[str, tuple[_Said, ...]] = field(repr=False)

    def about(
        self, tx: Connection, repository: RepoName, digest: Digest, findings: Iterable[Mapping[str, Any]]
    ) -> Excuses:
        """What may matter to this image, whose findings these are."""
        names = names_in(findings)
        known = {each.order: each for name in names for each in self.said.get(name, ())}
        there = [each for each in self.exceptions if each.vulnerability in names]
        if not known and not there:
            return Excuses()
        roots = vex.indexes_of(tx, repository, digest)
        said = [each.statement for _, each in sorted(known.items()) if each.repositories.matches(repository)]
        about = [each for each in there if each.is_about_image(repository, {digest, *roots})]
        return Excuses(tuple(about), tuple(said), frozenset(roots))


class Books:
    """What is stored, for whoever judges."""

    def load(self, tx: Connection, now: float, names: Collection[str] | None = None) -> Book:
        """All that counts now; of statements those about vulnerabilities of these names, or every one."""
        found = tuple(excuse(each) for each in exceptions.in_force(tx, now))
        documents = {each.id: each for each in vex.every(tx)}
        said: dict[str, list[_Said]] = {}
        for kept in vex.statements(tx, names) if documents else ():
            document = documents.get(kept.document)
            if document is not None:
                each = _said(kept, document)
                for name in each.statement.vulnerabilities:
                    said.setdefault(name.upper(), []).append(each)
        return Book(found, {name: tuple(theirs) for name, theirs in said.items()})


def names_in(findings: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every name that the vulnerabilities of these findings have, in capitals."""
    return {str(name).upper() for each in findings for name in (each["id"], *each["aliases"], *each["advisories"])}


def _said(kept: Kept, document: Document) -> _Said:
    statement = stored.statement(kept.body)
    author = f" by {document.author}" if document.author else ""
    where = f"{statement.where}, VEX document {document.id}{author}, imported by {document.imported_by}"
    return _Said((kept.document, kept.position), replace(statement, where=where), selector_of(document.repositories))
