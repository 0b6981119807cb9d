"""What the management API takes and gives. Times are seconds since the epoch; fields it does not know are refused."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from wharfinger.access.roles import Role
from wharfinger.meta.accounts import Account
from wharfinger.meta.inventory import Repository, TagRow

RoleWord = Annotated[Role, Field(strict=False)]  # JSON has no enumerations: the word is converted, and only the word


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LoginRequest(_Request):
    username: str
    password: str


class NewUser(_Request):
    """Without a password one is generated."""

    name: str
    role: RoleWord
    password: str | None = None


class UserChange(_Request):
    """What is left out stays as it is. Any change ends the user's logins."""

    role: RoleWord | None = None
    disabled: bool | None = None
    password: str | None = None


class LoginReply(BaseModel):
    token: str
    expires: float


class Whoami(BaseModel):
    name: str
    role: Role


class User(BaseModel):
    name: str
    role: Role
    disabled: bool
    created_at: float

    @classmethod
    def of(cls, account: Account) -> "User":
        """What may be told of an account."""
        return cls(name=account.name, role=Role(account.role), disabled=account.disabled, created_at=account.created_at)


class Users(BaseModel):
    users: list[User]


class CreatedUser(BaseModel):
    """``password`` is the generated one, told this once; null when it was chosen."""

    name: str
    role: Role
    password: str | None


class Repositories(BaseModel):
    """``next`` is the ``last`` of the next page; null when this is the end."""

    repositories: list[Repository]
    next: str | None


class Tags(BaseModel):
    """``next`` is the ``last`` of the next page; null when this is the end."""

    tags: list[TagRow]
    next: str | None


class Error(BaseModel):
    code: str
    message: str
    detail: dict[str, object]


class Errors(BaseModel):
    """The form that the OCI distribution specification gives errors."""

    errors: list[Error]
