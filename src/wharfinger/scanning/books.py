"""Everything that may excuse a finding, as it is stored now: read once, then asked of each image.

Whoever judges many images loads all of it once; whoever judges one says which vulnerabilities it has.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from wharfinger.meta import exceptions, vex, vex_attached
from wharfinger.meta.vex import Document, Kept
from wharfinger.scanning import attached, trusting
from wharfinger.scanning.exceptions import excuse, selector_of
from wharfinger.scanning.excuses import Excuse, Excuses
from wharfinger.scanning.trust import NOBODY, Trust
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
    trust: Trust = NOBODY
    has_attached: bool = False
    """Whether any document beside an image may count."""

    def may_state(self, names: Collection[str]) -> bool:
        """Whether a statement may be about vulnerabilities of these names in some image."""
        return bool(self.has_attached and names) or not self.said.keys().isdisjoint(names)

    def excepted(self, names: Collection[str]) -> tuple[Excuse, ...]:
        """The exceptions for vulnerabilities of these names, in whatever packages and images."""
        return tuple(each for each in self.exceptions if each.vulnerability in names)

    def about(
        self,
        tx: Connection,
        repository: RepoName,
        digest: Digest,
        findings: Iterable[Mapping[str, Any]],
        indexes: Collection[Digest] | None = None,
    ) -> Excuses:
        """What may matter to this image, whose findings these are. It is in ``indexes``, where that is known."""
        names = names_in(findings)
        known = {each.order: each for name in names for each in self.said.get(name, ())}
        there = [each for each in self.exceptions if each.vulnerability in names]
        beside = self.has_attached and bool(names)
        if not known and not there and not beside:
            return Excuses()
        roots = vex.indexes_of(tx, repository, digest) if indexes is None else indexes
        said = [each.statement for _, each in sorted(known.items()) if each.repositories.matches(repository)]
        if beside:  # before what was imported: of two of the same time that one counts which somebody has approved
            said = [*self._attached(tx, repository, [digest, *roots], names), *said]
        about = [each for each in there if each.is_about_image(repository, {digest, *roots})]
        return Excuses(tuple(about), tuple(said), frozenset(roots))

    def _attached(
        self, tx: Connection, repository: RepoName, subjects: Sequence[Digest], names: Collection[str]
    ) -> list[Statement]:
        found = attached.statements(tx, self.trust, repository, subjects)
        return [each for each in found if not {name.upper() for name in each.vulnerabilities}.isdisjoint(names)]


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
        trust = trusting.in_force(tx)
        has_attached = bool(trust.rules) and vex_attached.any_read(tx)
        return Book(found, {name: tuple(theirs) for name, theirs in said.items()}, trust, has_attached)


def names_in(findings: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every name that the vulnerabilities of these findings have, in capitals."""
    return {str(name).upper() for each in findings for name in (each["id"], *each["aliases"], *each["advisories"])}


def _said(kept: Kept, document: Document) -> _Said:
    statement = stored.statement(kept.body)
    author = f" by {document.author}" if document.author else ""
    where = f"{statement.where}, VEX document {document.id}{author}, imported by {document.imported_by}"
    return _Said((kept.document, kept.position), replace(statement, where=where), selector_of(document.repositories))
