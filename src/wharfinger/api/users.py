"""Accounts, for administrators."""

from wharfinger.access.account_names import account_name
from wharfinger.access.accounts import Accounts, Change
from wharfinger.access.actions import Action
from wharfinger.api.models import CreatedUser, NewUser, User, UserChange, Users
from wharfinger.api.routes import By, Route


class UserHandlers:
    """What an administrator does with accounts."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/users", self.list_users, Action.ADMIN),
            Route("POST", "/users", self.add_user, Action.ADMIN, 201),
            Route("PATCH", "/users/{name}", self.change_user, Action.ADMIN),
            Route("DELETE", "/users/{name}", self.remove_user, Action.ADMIN, 204),
        ]

    async def list_users(self) -> Users:
        """Every user, by name."""
        return Users(users=[User.of(account) for account in await self._accounts.list()])

    async def add_user(self, by: By, new: NewUser) -> CreatedUser:
        """Add a user. A generated password is in the answer, and nowhere else."""
        generated = await self._accounts.add(by, account_name(new.name), new.password)
        return CreatedUser(name=new.name, password=generated)

    async def change_user(self, by: By, name: str, change: UserChange) -> User:
        """Change the password, or whether the user is disabled; in force with the next request anywhere."""
        return User.of(await self._accounts.change(by, account_name(name), Change(**change.model_dump())))

    async def remove_user(self, by: By, name: str) -> None:
        """Remove the user. The last enabled administrator stays."""
        await self._accounts.remove(by, account_name(name))
