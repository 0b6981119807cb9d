"""Groups of accounts, for administrators."""

from wharfinger.access.actions import Action
from wharfinger.access.groups import Groups
from wharfinger.api.models import GroupName, GroupView
from wharfinger.api.models import Groups as GroupsReply
from wharfinger.api.routes import By, Route


class GroupHandlers:
    """Who belongs together. A group's name may have slashes, so what follows it is in the query."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/groups", self.list_groups, Action.ADMIN),
            Route("POST", "/groups", self.add_group, Action.ADMIN, 201),
            Route("DELETE", "/groups/{name:path}", self.remove_group, Action.ADMIN, 204),
            Route("PUT", "/members/{account}/{name:path}", self.add_member, Action.ADMIN, 204),
            Route("DELETE", "/members/{account}/{name:path}", self.remove_member, Action.ADMIN, 204),
        ]

    async def list_groups(self) -> GroupsReply:
        """Every group and its members, by name."""
        found = await self._groups.list()
        return GroupsReply(groups=[GroupView(name=name, members=members) for name, members in found.items()])

    async def add_group(self, by: By, new: GroupName) -> GroupView:
        """Make a group."""
        await self._groups.add(by, new.name)
        return GroupView(name=new.name, members=[])

    async def remove_group(self, by: By, name: str) -> None:
        """Remove a group, and what was granted to it."""
        await self._groups.remove(by, name)

    async def add_member(self, by: By, name: str, account: str) -> None:
        """Put an account into a group."""
        await self._groups.add_member(by, name, account)

    async def remove_member(self, by: By, name: str, account: str) -> None:
        """Take an account out of a group."""
        await self._groups.remove_member(by, name, account)
