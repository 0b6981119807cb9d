"""The page with somebody's personal access tokens."""

from starlette.responses import Response
from starlette.routing import Route

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.errors import GrantUnknown, RequestInvalid
from wharfinger.ui.services import Services
from wharfinger.ui.visit import Visit, handler

DAYS = (7, 30, 90, 365)
USUAL_DAYS = 30
ACTIONS = {
    Action.PULL: "pull images",
    Action.PUSH: "push images and new tags",
    Action.TAG: "move and remove tags",
    Action.DELETE: "delete images",
}
"""What a token on this page can be for; what else there is takes the command line."""


class TokenPages:
    """List, make, revoke."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._secrets = services.secrets

    def routes(self) -> list[Route]:
        made = self._services
        return [
            Route("/tokens", handler(made, self.show, logged_in=True), methods=["GET"]),
            Route("/tokens", handler(made, self.change, logged_in=True), methods=["POST"]),
        ]

    async def show(self, visit: Visit) -> Response:
        """The list, and the form for another one."""
        return await self._page(visit)

    async def change(self, visit: Visit) -> Response:
        """Make one or revoke one."""
        revoked = visit.field("revoke")
        if revoked:
            await self._revoke(visit.caller, revoked)
            return visit.go("/tokens")
        days = visit.field("days")
        if days not in {str(each) for each in DAYS}:
            raise RequestInvalid(f"a token from this page lasts {', '.join(map(str, DAYS))} days")
        made = await self._secrets.add_token(
            visit.caller,
            visit.field("label").strip(),
            [word for word in visit.form.get("action", ()) if word in ACTIONS],
            visit.field("patterns").replace(",", " ").split(),
            self._services.now() + int(days) * 86400,
        )
        return await self._page(visit, made.secret)

    async def _revoke(self, by: Caller, id: str) -> None:
        # Whoever administers could revoke others' too: that takes a command, not a number typed into a form.
        if not any(row.id == id for row in await self._secrets.tokens_of(by)):
            raise GrantUnknown("you have no such token", id=id[:40])
        await self._secrets.remove(by, id)

    async def _page(self, visit: Visit, made: str | None = None) -> Response:
        return visit.page(
            "tokens.html",
            tokens=await self._secrets.tokens_of(visit.caller),
            made=made,
            host=visit.base.partition("://")[2],
            now=self._services.now(),
            actions={action.value: does for action, does in ACTIONS.items()},
            days=DAYS,
            usual_days=USUAL_DAYS,
        )
