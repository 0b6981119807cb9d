"""Who a person is at the identity provider or in the directory, for administrators."""

from wharfinger.access.actions import Action
from wharfinger.access.people import People
from wharfinger.api.models import Identities, IdentityView
from wharfinger.api.routes import By, Route
from wharfinger.meta.identities import IdentityRow


class IdentityHandlers:
    """Saying that somebody elsewhere is somebody here, which nothing else ever does for an account that is there."""

    def __init__(self, people: People) -> None:
        self._people = people

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/identities", self.list_identities, Action.ADMIN),
            Route("POST", "/identities", self.link, Action.ADMIN, 201),
            Route("POST", "/identities/remove", self.unlink, Action.ADMIN, 204),
        ]

    async def list_identities(self) -> Identities:
        """Every identity, by account."""
        rows = await self._people.list()
        return Identities(
            identities=[IdentityView(account=row.account, issuer=row.issuer, subject=row.subject) for row in rows]
        )

    async def link(self, by: By, new: IdentityView) -> IdentityView:
        """Let an account be logged in to by a subject of an issuer."""
        await self._people.link(by, IdentityRow(new.issuer, new.subject, new.account))
        return new

    async def unlink(self, by: By, old: IdentityView) -> None:
        """Take that back; the account's logins end. Issuers and subjects have slashes: hence no path of their own."""
        await self._people.unlink(by, IdentityRow(old.issuer, old.subject, old.account))
