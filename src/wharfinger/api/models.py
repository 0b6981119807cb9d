"""What the management API takes and gives. Times are seconds since the epoch; fields it does not know are refused."""

import json
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from wharfinger.meta.accounts import Account
from wharfinger.meta.grants import GrantRow
from wharfinger.meta.inventory import Repository, TagRow

_HALF = re.compile("[\ud800-\udfff]")


class Wanted(BaseModel):
    """Anything that is asked for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, fields: Any) -> Any:
        """JSON can escape half a character, which is no text: neither a hash nor a database takes it."""
        if isinstance(fields, dict) and _HALF.search(json.dumps(fields, ensure_ascii=False, default=str)):
            raise ValueError("there is half a character (a lone surrogate) in it")
        return fields


class LoginRequest(Wanted):
    username: str
    password: str


class NewUser(Wanted):
    """Without a password one is generated."""

    name: str
    password: str | None = None


class UserChange(Wanted):
    """What is left out stays as it is. Any change ends the user's logins."""

    disabled: bool | None = None
    password: str | None = None


class LoginReply(BaseModel):
    """``username`` is the account that it is."""

    username: str
    token: str
    expires: float


class Whoami(BaseModel):
    name: str
    groups: list[str]


class User(BaseModel):
    name: str
    disabled: bool
    created_at: float

    @classmethod
    def of(cls, account: Account) -> "User":
        """What may be told of an account."""
        return cls(name=account.name, disabled=account.disabled, created_at=account.created_at)


class Users(BaseModel):
    users: list[User]


class CreatedUser(BaseModel):
    """``password`` is the generated one, told this once; null when it was chosen."""

    name: str
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


class NewGrant(Wanted):
    """``principal`` is an account, ``group:<name>`` or ``anonymous``; ``pattern`` like shop/web, shop/*, shop/**, **.

    ``until`` is in seconds since the epoch; with ``deny`` the role's actions are forbidden.
    """

    principal: str
    role: str
    pattern: str
    tags: list[str] = []
    networks: list[str] = []
    until: float | None = None
    deny: bool = False


class GrantView(BaseModel):
    id: int
    principal: str
    role: str
    pattern: str
    tags: list[str]
    networks: list[str]
    until: float | None
    deny: bool
    created_at: float
    created_by: str

    @classmethod
    def of(cls, row: GrantRow) -> "GrantView":
        """What may be told of a grant."""
        return cls(**{field: getattr(row, field) for field in cls.model_fields})


class Grants(BaseModel):
    grants: list[GrantView]


class RoleActions(Wanted):
    actions: list[str]


class RoleView(BaseModel):
    name: str
    actions: list[str]


class Roles(BaseModel):
    roles: list[RoleView]


class GroupName(Wanted):
    name: str


class GroupView(BaseModel):
    name: str
    members: list[str]


class Groups(BaseModel):
    groups: list[GroupView]


class NewDevice(Wanted):
    """``client`` is what the person who approves is told of the device."""

    client: str = ""


class DeviceBegun(BaseModel):
    """RFC 8628, section 3.2."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceCode(Wanted):
    device_code: str


class DeviceLogin(BaseModel):
    username: str
    token: str
    expires: float


class IdentityView(Wanted):
    account: str
    issuer: str
    subject: str


class Identities(BaseModel):
    identities: list[IdentityView]
