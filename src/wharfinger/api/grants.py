"""Grants and roles: whoever administers a pattern may grant within it."""

from wharfinger.access.actions import Action
from wharfinger.access.granting import Granting, Wanted
from wharfinger.api.models import Grants, GrantView, NewGrant, RoleActions, Roles, RoleView
from wharfinger.api.routes import Anyone, By, Route


class GrantHandlers:
    """What is granted, and to whom."""

    def __init__(self, granting: Granting) -> None:
        self._granting = granting

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/grants", self.list_grants, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/grants", self.add_grant, Anyone.WITH_AN_ACCOUNT, 201),
            Route("DELETE", "/grants/{id}", self.remove_grant, Anyone.WITH_AN_ACCOUNT, 204),
            Route("GET", "/roles", self.list_roles, Anyone.WITH_AN_ACCOUNT),
            Route("PUT", "/roles/{name}", self.put_role, Action.ADMIN),
            Route("DELETE", "/roles/{name}", self.remove_role, Action.ADMIN, 204),
        ]

    async def list_grants(self, by: By) -> Grants:
        """The caller's own grants, and those within what it administers; an auditor sees all."""
        return Grants(grants=[GrantView.of(row) for row in await self._granting.visible(by)])

    async def add_grant(self, by: By, new: NewGrant) -> GrantView:
        """Grant a role, or deny it; in force within moments everywhere."""
        wanted = Wanted(new.principal, new.role, new.pattern, new.tags, new.networks, new.until, new.deny)
        return GrantView.of(await self._granting.add(by, wanted))

    async def remove_grant(self, by: By, id: int) -> None:
        """Take a grant or a deny back."""
        await self._granting.remove(by, id)

    async def list_roles(self) -> Roles:
        """Every role, and the actions that it is made of."""
        return Roles(
            roles=[RoleView(name=name, actions=words) for name, words in (await self._granting.roles()).items()]
        )

    async def put_role(self, by: By, name: str, new: RoleActions) -> RoleView:
        """Make a role, or change what it allows, for everybody who has it."""
        await self._granting.put_role(by, name, new.actions)
        return RoleView(name=name, actions=(await self._granting.roles())[name])

    async def remove_role(self, by: By, name: str) -> None:
        """Remove a role that nothing grants any more."""
        await self._granting.remove_role(by, name)
