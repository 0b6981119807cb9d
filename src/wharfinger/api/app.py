"""The management API: users, logins, and what the registry holds. Its document is at ``/api/v1/openapi.json``."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from wharfinger import __version__
from wharfinger.api.audit import AuditHandlers
from wharfinger.api.bills import BillHandlers
from wharfinger.api.collection import CollectionHandlers
from wharfinger.api.devices import DeviceHandlers
from wharfinger.api.errors import HANDLERS
from wharfinger.api.exceptions import ExceptionHandlers
from wharfinger.api.finding import FindingHandlers
from wharfinger.api.gates import GateHandlers
from wharfinger.api.grants import GrantHandlers
from wharfinger.api.groups import GroupHandlers
from wharfinger.api.identities import IdentityHandlers
from wharfinger.api.keeping import HoldHandlers, InUseHandlers, TrashHandlers
from wharfinger.api.lifecycle import LifecycleHandlers
from wharfinger.api.models import Errors
from wharfinger.api.oversight import OversightHandlers
from wharfinger.api.policies import PolicyHandlers
from wharfinger.api.repositories import RepositoryHandlers
from wharfinger.api.routes import Anyone, Needs, Route, guarded
from wharfinger.api.scanners import ScannerHandlers
from wharfinger.api.scanning import ScanningHandlers
from wharfinger.api.secrets import SecretHandlers
from wharfinger.api.services import Services
from wharfinger.api.sessions import SessionHandlers
from wharfinger.api.tagging import TaggingHandlers
from wharfinger.api.trusts import TrustHandlers
from wharfinger.api.usage import UsageHandlers
from wharfinger.api.users import UserHandlers
from wharfinger.api.vex import VexHandlers
from wharfinger.scanning.bills import Bills
from wharfinger.web.challenge import Addresses

PREFIX = "/api/v1"

_SCHEMES = {"token": {"type": "http", "scheme": "bearer"}, "password": {"type": "http", "scheme": "basic"}}


def create_api(services: Services, addresses: Addresses) -> FastAPI:
    """The ASGI application for everything below ``/api/v1``."""
    api = _Api(
        title="Wharfinger",
        version=__version__,
        docs_url=None,  # the pages would load their scripts from somebody else's server
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=HANDLERS,
    )
    for route in routes(services, addresses):
        _add(api, route, services, addresses)
    return api


def routes(services: Services, addresses: Addresses) -> Sequence[Route]:
    """Every route there is."""
    return (
        *SessionHandlers(services.authenticator, services.logins).routes(),
        *UserHandlers(services.accounts).routes(),
        *RepositoryHandlers(services.db, services.deletes).routes(),
        *TaggingHandlers(services.tagging).routes(),
        *LifecycleHandlers(services.lifecycle).routes(),
        *TrashHandlers(services.keeping).routes(),
        *HoldHandlers(services.keeping).routes(),
        *InUseHandlers(services.keeping).routes(),
        *ScanningHandlers(services.db, services.excusing.books, services.gates).routes(),
        *ExceptionHandlers(services.excusing.exceptions).routes(),
        *VexHandlers(services.excusing.documents).routes(),
        *GateHandlers(services.gates).routes(),
        *BillHandlers(Bills(services.db, services.pulls)).routes(),
        *FindingHandlers(services.db, services.excusing.books).routes(),
        *ScannerHandlers(services.scanners).routes(),
        *GrantHandlers(services.granting).routes(),
        *GroupHandlers(services.groups).routes(),
        *IdentityHandlers(services.people).routes(),
        *DeviceHandlers(services.devices, addresses).routes(),
        *SecretHandlers(services.service_accounts, services.secrets).routes(),
        *PolicyHandlers(services.policies).routes(),
        *OversightHandlers(services.oversight).routes(),
        *TrustHandlers(services.trusting).routes(),
        *AuditHandlers(services.audit).routes(),
        *UsageHandlers(services.db).routes(),
        *CollectionHandlers(services.collector).routes(),
    )


class _Api(FastAPI):
    """FastAPI, which is told where it is, and whose document also says how requests are authenticated."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__({**scope, "root_path": PREFIX}, receive, send)

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        document["components"]["securitySchemes"] = _SCHEMES
        return document


def _add(api: FastAPI, route: Route, services: Services, addresses: Addresses) -> None:
    api.router.add_api_route(
        route.path,
        route.handler,
        methods=[route.method],
        status_code=route.status,
        responses={"default": {"model": Errors, "description": "Refused"}},
        openapi_extra=_how_to_authenticate(route.needs),
        route_class_override=guarded(services.authenticator, addresses, route.needs, route.body),
    )


def _how_to_authenticate(needs: Needs) -> dict[str, Any]:
    if needs is Anyone.AT_ALL:
        return {"security": []}
    return {"security": [{name: []} for name in _SCHEMES], "x-needs": needs.value}
