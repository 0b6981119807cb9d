"""What the management API takes and gives about service accounts, their secrets, and personal tokens."""

from pydantic import BaseModel

from wharfinger.api.models import Wanted
from wharfinger.meta.accounts import Account
from wharfinger.meta.grants import SecretRow


class NewServiceAccount(Wanted):
    """``owner`` is the person who answers for it."""

    name: str
    owner: str


class ServiceAccountChange(Wanted):
    """What is left out stays as it is. Any change ends what it is logged in with; its secrets stay."""

    disabled: bool | None = None
    owner: str | None = None


class ServiceAccountView(BaseModel):
    name: str
    owner: str | None
    disabled: bool
    created_at: float

    @classmethod
    def of(cls, account: Account) -> "ServiceAccountView":
        """What may be told of it."""
        return cls(**{field: getattr(account, field) for field in cls.model_fields})


class ServiceAccounts(BaseModel):
    service_accounts: list[ServiceAccountView]


class NewSecret(Wanted):
    """``expires_at`` null is never."""

    label: str
    expires_at: float | None


class NewToken(Wanted):
    """A token that is good for ``actions`` in ``repositories`` (patterns), as far as its owner may do them."""

    label: str
    actions: list[str]
    repositories: list[str]
    expires_at: float


class SecretView(BaseModel):
    """``actions`` and ``repositories`` are null where nothing narrows it; ``used_at`` is right to a minute."""

    id: str
    account: str
    label: str
    actions: list[str] | None
    repositories: list[str] | None
    created_at: float
    created_by: str
    expires_at: float | None
    used_at: float | None

    @classmethod
    def of(cls, row: SecretRow) -> "SecretView":
        """Everything but what proves it."""
        kept = {field: getattr(row, field) for field in cls.model_fields if field != "repositories"}
        return cls(**kept, repositories=None if row.patterns is None else list(row.patterns))


class Secrets(BaseModel):
    secrets: list[SecretView]


class MadeSecret(BaseModel):
    """``secret`` is told this once."""

    secret: str
    kept: SecretView
