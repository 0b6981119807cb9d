"""Service accounts and their secrets, for their owners and administrators; personal tokens, for everybody."""

from wharfinger.access.secrets import Secrets
from wharfinger.access.services import ServiceAccounts
from wharfinger.api import models_secrets as models
from wharfinger.api.models_secrets import (
    MadeSecret,
    NewSecret,
    NewServiceAccount,
    NewToken,
    SecretView,
    ServiceAccountChange,
    ServiceAccountView,
)
from wharfinger.api.routes import Anyone, By, Route


class SecretHandlers:
    """Who may do this depends on whose it is, so the services decide."""

    def __init__(self, services: ServiceAccounts, secrets: Secrets) -> None:
        self._services = services
        self._secrets = secrets

    def routes(self) -> list[Route]:
        one = "/service-accounts/{name}"
        return [
            Route("GET", "/service-accounts", self.list_services, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/service-accounts", self.add_service, Anyone.WITH_AN_ACCOUNT, 201),
            Route("PATCH", one, self.change_service, Anyone.WITH_AN_ACCOUNT),
            Route("DELETE", one, self.remove_service, Anyone.WITH_AN_ACCOUNT, 204),
            Route("GET", f"{one}/secrets", self.list_secrets, Anyone.WITH_AN_ACCOUNT),
            Route("POST", f"{one}/secrets", self.add_secret, Anyone.WITH_AN_ACCOUNT, 201),
            Route("GET", "/tokens", self.list_tokens, Anyone.WITH_AN_ACCOUNT),
            Route("POST", "/tokens", self.add_token, Anyone.WITH_AN_ACCOUNT, 201),
            Route("DELETE", "/secrets/{id}", self.remove_secret, Anyone.WITH_AN_ACCOUNT, 204),
        ]

    async def list_services(self, by: By) -> models.ServiceAccounts:
        """The caller's service accounts; to administrators and auditors all."""
        found = await self._services.visible(by)
        return models.ServiceAccounts(service_accounts=[ServiceAccountView.of(each) for each in found])

    async def add_service(self, by: By, new: NewServiceAccount) -> ServiceAccountView:
        """Make a service account, which may do nothing until something is granted to it."""
        return ServiceAccountView.of(await self._services.add(by, new.name, new.owner))

    async def change_service(self, by: By, name: str, change: ServiceAccountChange) -> ServiceAccountView:
        """Disable or enable a service account, or give it to another owner."""
        changed = await self._services.change(by, name, disabled=change.disabled, owner=change.owner)
        return ServiceAccountView.of(changed)

    async def remove_service(self, by: By, name: str) -> None:
        """Remove a service account with everything that it has."""
        await self._services.remove(by, name)

    async def list_secrets(self, by: By, name: str) -> models.Secrets:
        """A service account's secrets, without what proves them."""
        found = await self._secrets.of_service(by, name)
        return models.Secrets(secrets=[SecretView.of(row) for row in found])

    async def add_secret(self, by: By, name: str, new: NewSecret) -> MadeSecret:
        """Make a secret, which is in the answer and nowhere else."""
        made = await self._secrets.add_secret(by, name, new.label, new.expires_at)
        return MadeSecret(secret=made.secret, kept=SecretView.of(made.row))

    async def list_tokens(self, by: By, account: str | None = None) -> models.Secrets:
        """The caller's personal tokens; to administrators and auditors also those of ``account``."""
        found = await self._secrets.tokens_of(by, account)
        return models.Secrets(secrets=[SecretView.of(row) for row in found])

    async def add_token(self, by: By, new: NewToken) -> MadeSecret:
        """Make a personal token, which is in the answer and nowhere else."""
        made = await self._secrets.add_token(by, new.label, new.actions, new.repositories, new.expires_at)
        return MadeSecret(secret=made.secret, kept=SecretView.of(made.row))

    async def remove_secret(self, by: By, id: str) -> None:
        """Revoke a secret or a personal token, and what was obtained with it."""
        await self._secrets.remove(by, id)
