"""What the routes that look at access give."""

from pydantic import BaseModel

from wharfinger.access.explaining import Explanation
from wharfinger.access.findings import Finding
from wharfinger.access.matrix import Row
from wharfinger.access.oversight import Page
from wharfinger.access.review import Review


class NearView(BaseModel):
    """Something that would change the answer: a role, pattern, tag, time, network, deny, group, account or grant."""

    aspect: str
    grant: str | None
    text: str


class ExplanationView(BaseModel):
    """The answer, the grant behind it, what would change it, and the commands that would allow it."""

    allowed: bool
    grant: str | None
    reason: str
    near: list[NearView]
    commands: list[str]

    @classmethod
    def of(cls, found: Explanation) -> "ExplanationView":
        """What is told of an explanation."""
        return cls(
            allowed=found.allowed,
            grant=str(found.grant) if found.grant else None,
            reason=found.reason,
            near=[NearView(aspect=n.aspect, grant=str(n.grant) if n.grant else None, text=n.text) for n in found.near],
            commands=list(found.commands),
        )


class RowView(BaseModel):
    """``effect`` is allow or deny; ``via`` is the account itself, a group or anonymous."""

    account: str
    effect: str
    actions: list[str]
    where: str
    role: str
    via: str
    tags: list[str]
    networks: list[str]
    until: float | None
    grant: int

    @classmethod
    def of(cls, row: Row) -> "RowView":
        """What is told of a row."""
        return cls(
            account=row.account,
            effect=row.effect,
            actions=list(row.actions),
            where=row.where,
            role=row.grant.role,
            via=row.grant.principal,
            tags=list(row.grant.tags),
            networks=[str(network) for network in row.grant.networks],
            until=row.grant.until,
            grant=row.grant.id,
        )


class MatrixView(BaseModel):
    """``next`` is the ``last`` of the next page; null when this is the end."""

    rows: list[RowView]
    next: str | None

    @classmethod
    def of(cls, page: Page) -> "MatrixView":
        """What is told of a page."""
        return cls(rows=[RowView.of(row) for row in page.rows], next=page.next)


class FindingView(BaseModel):
    """``severity`` is high, medium, low or note; ``commands`` put it right."""

    id: str
    rule: str
    severity: str
    subject: str
    reason: str
    commands: list[str]

    @classmethod
    def of(cls, found: Finding) -> "FindingView":
        """What is told of a finding."""
        return cls(
            id=found.id,
            rule=found.rule,
            severity=found.severity.word,
            subject=found.subject,
            reason=found.reason,
            commands=list(found.commands),
        )


class ReviewView(BaseModel):
    """The worst first. ``total`` is how many there are, should not all be here."""

    findings: list[FindingView]
    total: int
    notes: list[str]
    since: float
    until: float

    @classmethod
    def of(cls, found: Review, at_most: int) -> "ReviewView":
        """What is told of a review."""
        return cls(
            findings=[FindingView.of(each) for each in found.findings[:at_most]],
            total=len(found.findings),
            notes=list(found.notes),
            since=found.since,
            until=found.until,
        )
