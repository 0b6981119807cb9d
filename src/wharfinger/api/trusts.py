"""Issuers of workload tokens, and the rules by which workloads act as service accounts."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from wharfinger.access.actions import Action
from wharfinger.access.claims import Finding
from wharfinger.access.trusting import Tried, Trusting, WantedIssuer, WantedTrust
from wharfinger.api.routes import Anyone, By, Route
from wharfinger.meta.grants import IssuerRow, TrustRow

Url = Annotated[str, Query(description="the issuer's URL")]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NewIssuer(_Request):
    """Keys are fetched from the issuer unless ``jwks``, the text of a JSON Web Key Set, is given.

    With ``private`` they may be fetched from a private network. With ``replace`` the issuer is there already.
    """

    url: str
    audience: str
    jwks: str | None = None
    private: bool = False
    replace: bool = False


class IssuerView(BaseModel):
    """``keys`` is ``fetched`` or ``given``."""

    url: str
    audience: str
    keys: str
    private: bool
    created_at: float

    @classmethod
    def of(cls, row: IssuerRow) -> "IssuerView":
        """What may be told of an issuer."""
        keys = "fetched" if row.jwks is None else "given"
        return cls(url=row.url, audience=row.audience, keys=keys, private=row.private, created_at=row.created_at)


class Issuers(BaseModel):
    issuers: list[IssuerView]


class NewTrust(_Request):
    """``claims``: claim → a value or several, of which the token must have one; every claim must match.

    A claim that begins with a slash is a JSON pointer: ``/kubernetes.io/namespace``.
    """

    account: str
    issuer: str
    claims: dict[str, str | list[str]]
    allow_names: bool = False


class TrustView(BaseModel):
    id: int
    account: str
    issuer: str
    claims: dict[str, list[str]]
    created_at: float
    created_by: str
    warnings: list[str] = []

    @classmethod
    def of(cls, row: TrustRow, warnings: list[str] | None = None) -> "TrustView":
        """What may be told of a rule."""
        claims = {name: list(values) for name, values in row.claims.items()}
        return cls(
            id=row.id,
            account=row.account,
            issuer=row.issuer,
            claims=claims,
            created_at=row.created_at,
            created_by=row.created_by,
            warnings=warnings or [],
        )


class Trusts(BaseModel):
    trusts: list[TrustView]


class TokenToTry(_Request):
    account: str
    token: str


class FindingView(BaseModel):
    claim: str
    wanted: list[str]
    found: str
    matches: bool

    @classmethod
    def of(cls, finding: Finding) -> "FindingView":
        """One claim of a rule, and what the token has there."""
        return cls(claim=finding.claim, wanted=list(finding.wanted), found=finding.found, matches=finding.matches)


class TriedRule(BaseModel):
    id: int
    claims: list[FindingView]


class TriedView(BaseModel):
    """Whether the token would be exchanged, why it would not, what it claims, and how each rule finds it."""

    accepted: bool
    why: str | None
    claims: dict[str, str]
    rules: list[TriedRule]

    @classmethod
    def of(cls, tried: Tried) -> "TriedView":
        """The same, as JSON."""
        rules = [TriedRule(id=id, claims=[FindingView.of(each) for each in found]) for id, found in tried.rules.items()]
        return cls(accepted=tried.accepted, why=tried.why, claims=dict(tried.claims), rules=rules)


class TrustHandlers:
    """Who is trusted to say who a workload is. An issuer's URL has slashes, so it is in the query."""

    def __init__(self, trusting: Trusting) -> None:
        self._trusting = trusting

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/issuers", self.list_issuers, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/issuers", self.add_issuer, Action.ADMIN, 201),
            Route("DELETE", "/issuers", self.remove_issuer, Action.ADMIN),
            Route("GET", "/trusts", self.list_trusts, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/trusts", self.add_trust, Anyone.WITH_AN_ACCOUNT, 201),
            Route("POST", "/trusts/test", self.try_token, Anyone.WITH_AN_ACCOUNT),
            Route("DELETE", "/trusts/{id}", self.remove_trust, Anyone.WITH_AN_ACCOUNT, 204),
        ]

    async def list_issuers(self) -> Issuers:
        """Every issuer that is registered, and the audience that its tokens need here."""
        return Issuers(issuers=[IssuerView.of(row) for row in await self._trusting.issuers()])

    async def add_issuer(self, by: By, new: NewIssuer) -> IssuerView:
        """Register an issuer, or replace what is known of one. Unless given, its keys are fetched at once."""
        wanted = WantedIssuer(new.url, new.audience, new.jwks, new.private)
        put = self._trusting.replace_issuer if new.replace else self._trusting.add_issuer
        return IssuerView.of(await put(by, wanted))

    async def remove_issuer(self, by: By, url: Url) -> Trusts:
        """Remove an issuer with its rules, which are in the answer; tokens that were had by them end."""
        return Trusts(trusts=[TrustView.of(row) for row in await self._trusting.remove_issuer(by, url)])

    async def list_trusts(self, by: By) -> Trusts:
        """The rules of accounts that the caller owns; an auditor or administrator sees all."""
        return Trusts(trusts=[TrustView.of(row) for row in await self._trusting.visible(by)])

    async def add_trust(self, by: By, new: NewTrust) -> TrustView:
        """Let workloads with these claims act as a service account; for its owner and for administrators."""
        wanted = WantedTrust(new.account, new.issuer, new.claims, new.allow_names)
        return TrustView.of(*await self._trusting.add(by, wanted))

    async def try_token(self, by: By, new: TokenToTry) -> TriedView:
        """How a workload's token would fare as a service account, claim by claim; it is not exchanged."""
        return TriedView.of(await self._trusting.try_out(by, new.account, new.token))

    async def remove_trust(self, by: By, id: int) -> None:
        """Take a rule back, with the access tokens that were had by it."""
        await self._trusting.remove(by, id)
