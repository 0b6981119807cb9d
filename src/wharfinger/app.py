"""Where everything is put together: read this first, then ``services.py``.

prepare(settings)        once, before any worker: folders, schema, the first administrator
create(settings)         in every worker: the ASGI application
housekeeping(settings)   in one process of its own: what is done without being asked
"""

import asyncio
import socket
import time
from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry

from wharfinger.access import keys
from wharfinger.access.accounts import create_first_administrator
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.caller import Origin
from wharfinger.access.starting import prepare_trail
from wharfinger.access.vault import Vault
from wharfinger.blobs.stores import open_notes
from wharfinger.config import Settings
from wharfinger.config.places import audit_key, database_url, sealing_key
from wharfinger.config.settings import DESCRIPTIONS
from wharfinger.meta.db import open_database
from wharfinger.oci.blobs import BlobHandlers
from wharfinger.oci.lists import ListHandlers
from wharfinger.oci.manifests import ManifestHandlers
from wharfinger.oci.routes import routes
from wharfinger.oci.tokens import TokenHandlers
from wharfinger.oci.uploads import UploadHandlers
from wharfinger.registry import journal
from wharfinger.scanning.adapters.credentials import seal_all
from wharfinger.services import Services, build, store_settings
from wharfinger.ui.app import create_ui
from wharfinger.ui.services import Services as UiServices
from wharfinger.web.challenge import Addresses
from wharfinger.web.gate import Gate, Limits
from wharfinger.web.http import Scope
from wharfinger.web.late import App, Late
from wharfinger.web.metrics import RequestMetrics, exposition
from wharfinger.web.routes import Route, Router
from wharfinger.web.site import Operations, Site
from wharfinger.web.tell import Teller
from wharfinger.web.told import Told

Clock = Callable[[], float]


def create(settings: Settings) -> Site:
    """The ASGI application of one worker."""
    return assemble(settings, time.time)[1]


def assemble(settings: Settings, now: Clock) -> tuple[Services, Site]:
    """The services, and the application that offers them."""
    metrics = CollectorRegistry()
    services = build(settings, metrics, now)
    addresses = Addresses(settings.public_url, settings.trusted_proxies)
    tell = Teller(
        RequestMetrics(metrics), services.trail, trusted=settings.trusted_proxies, access_log=settings.access_log
    )
    gate = Gate(
        Router(_routes(services)),
        services.authenticator,
        Limits(settings.max_blob_size, settings.body_timeout.total_seconds()),
        addresses,
        tell.note,
        tell,
    )
    operations = Operations(
        ready=services.ready,
        metrics=partial(exposition, metrics),
        authenticate=partial(_authenticate, services.authenticator, addresses),
    )
    api = Late(partial(_api, services, addresses))
    ui = create_ui(UiServices(services.logins, services.devices, services.secrets, addresses, now))
    site = Site(
        gate=gate,
        api=Told(api, tell.note, tell),
        ui=Told(ui, tell.note, tell),
        operations=operations,
        start=services.start,
        stop=services.close,
    )
    return services, site


def _api(services: Services, addresses: Addresses) -> App:
    from wharfinger.api.app import create_api  # with FastAPI 17 MiB, which most workers serve blobs without
    from wharfinger.api.services import Services as ApiServices

    offered = ApiServices(
        db=services.db,
        authenticator=services.authenticator,
        accounts=services.accounts,
        pulls=services.pulls,
        deletes=services.deletes,
        keeping=services.keeping,
        tagging=services.tagging,
        lifecycle=services.lifecycle,
        groups=services.groups,
        granting=services.granting,
        logins=services.logins,
        people=services.authenticator.people,
        devices=services.devices,
        service_accounts=services.service_accounts,
        secrets=services.secrets,
        policies=services.policies,
        oversight=services.oversight,
        trusting=services.trusting,
        audit=services.audit,
        collector=services.collector,
        gates=services.gates,
        excusing=services.excusing,
        scanners=services.scanners,
    )
    return create_api(offered, addresses)


def prepare(settings: Settings) -> str | None:
    """Make the data folder, bring the schema up to date, and on the first start make the administrator.

    Returns the administrator's generated password the one time there is one. Safe to run on several nodes at once.
    """
    from wharfinger.meta.migrate import migrate  # Alembic is 15 MiB that no worker needs

    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = open_database(database_url(settings))
    migrate(db.engine)
    password = settings.admin_password.reveal() if settings.admin_password else None

    async def make() -> str | None:
        notes = open_notes(store_settings(settings))
        try:
            await journal.require_ours(db, notes)
            await keys.rotate(db, time.time)
            await seal_all(db, Vault(sealing_key(settings)))
            shown = {name: each.shown(getattr(settings, name)) for name, each in DESCRIPTIONS.items()}
            await prepare_trail(db, audit_key(settings), shown, socket.gethostname(), time.time)
            return await create_first_administrator(db, password, time.time)
        finally:
            await notes.close()
            await db.close()

    return asyncio.run(make())


async def housekeeping(settings: Settings) -> None:
    """Do what is done without being asked, until cancelled."""
    from wharfinger import chores  # what reads and judges images, and keeps the trail, is for this process alone

    metrics = CollectorRegistry()
    services = build(settings, metrics, time.time)
    notes = open_notes(store_settings(settings))
    try:
        await chores.run(services, settings, notes, metrics, time.time)
    finally:
        await notes.close()
        await services.close()


def _routes(services: Services) -> list[Route]:
    return routes(
        ManifestHandlers(
            services.pulls, services.gates.admission, services.keeping, services.manifests, services.deletes
        ),
        BlobHandlers(services.pulls, services.deletes),
        UploadHandlers(services.uploads),
        ListHandlers(services.pulls),
        TokenHandlers(services.exchange),
    )


async def _authenticate(
    authenticator: Authenticator, addresses: Addresses, authorization: str | None, scope: Scope
) -> None:
    await authenticator.account(authorization, Origin(addresses.client(scope)))
