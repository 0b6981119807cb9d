"""Where everything is put together: read this first.

prepare(settings)        once, before any worker: folders, schema, the first administrator
create(settings)         in every worker: the ASGI application
housekeeping(settings)   in one process of its own: what is done without being asked
"""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry

from wharfinger.access import audit_keys, keys, sources
from wharfinger.access.accounts import Accounts, create_first_administrator
from wharfinger.access.audit import Audit
from wharfinger.access.audit_keys import AuditKey
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.caller import Origin
from wharfinger.access.devices import Devices
from wharfinger.access.exchange import Exchange
from wharfinger.access.fetch import Fetch
from wharfinger.access.granting import Granting
from wharfinger.access.groups import Groups
from wharfinger.access.keysets import KeySets
from wharfinger.access.logins import Logins
from wharfinger.access.noted import Noted
from wharfinger.access.oversight import Oversight
from wharfinger.access.policies import Policies
from wharfinger.access.receivers import Webhook, syslog_receiver
from wharfinger.access.retention import Retention
from wharfinger.access.sealing import Sealer
from wharfinger.access.secrets import Secrets
from wharfinger.access.services import ServiceAccounts
from wharfinger.access.shipping import Shipper
from wharfinger.access.starting import prepare_trail
from wharfinger.access.throttle import Throttle
from wharfinger.access.trail import Trail
from wharfinger.access.trusting import Trusting
from wharfinger.access.workloads import Workloads
from wharfinger.blobs.store import BlobStore
from wharfinger.blobs.stores import StoreSettings, open_notes, open_store
from wharfinger.blobs.wrap import Measured
from wharfinger.config import Settings
from wharfinger.config.places import advisories, audit_key, database_url
from wharfinger.config.settings import DESCRIPTIONS
from wharfinger.jobs import housekeeper
from wharfinger.jobs.queue import Queue
from wharfinger.jobs.repeated import Repeated
from wharfinger.lifecycle import service as lifecycle
from wharfinger.lifecycle.service import Lifecycle
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.reviews import Grace
from wharfinger.oci.blobs import BlobHandlers
from wharfinger.oci.lists import ListHandlers
from wharfinger.oci.manifests import ManifestHandlers
from wharfinger.oci.routes import routes
from wharfinger.oci.tokens import TokenHandlers
from wharfinger.oci.uploads import UploadHandlers
from wharfinger.registry import journal
from wharfinger.registry.collect import Collector
from wharfinger.registry.collect_metrics import CollectMetrics
from wharfinger.registry.deletes import Deletes
from wharfinger.registry.journal import Journal
from wharfinger.registry.keeping import Keeping
from wharfinger.registry.manifests import Manifests, Sparse
from wharfinger.registry.pulls import Pulls
from wharfinger.registry.tag_changes import TagChanges
from wharfinger.registry.trash import Keep
from wharfinger.registry.uploads import Uploads
from wharfinger.registry.usage import Usage
from wharfinger.scanning import pushed
from wharfinger.scanning.books import Books
from wharfinger.scanning.exceptions import Exceptions
from wharfinger.tagging import section as tag_section
from wharfinger.tagging.guard import RuleBook, TagGuard
from wharfinger.tagging.tagging import Tagging
from wharfinger.ui.app import create_ui
from wharfinger.ui.services import Services as UiServices
from wharfinger.web.challenge import Addresses
from wharfinger.web.gate import Gate, Limits
from wharfinger.web.http import Scope
from wharfinger.web.late import App, Late
from wharfinger.web.metrics import (
    RequestMetrics,
    exception_gauges,
    exposition,
    journal_gauge,
    lost_counter,
    silent_reporters,
)
from wharfinger.web.routes import Route, Router
from wharfinger.web.site import Operations, Site
from wharfinger.web.tell import Teller
from wharfinger.web.told import Told

Clock = Callable[[], float]

LAST_USE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Services:
    """What the registry can do, whoever asks for it."""

    db: Database
    store: BlobStore
    trail: Trail
    authenticator: Authenticator
    accounts: Accounts
    groups: Groups
    granting: Granting
    logins: Logins
    devices: Devices
    service_accounts: ServiceAccounts
    secrets: Secrets
    policies: Policies
    oversight: Oversight
    trusting: Trusting
    exchange: Exchange
    last_use: Repeated
    audit: Audit
    uploads: Uploads
    manifests: Manifests
    pulls: Pulls
    keeping: Keeping
    lifecycle: Lifecycle
    deletes: Deletes
    collector: Collector
    tagging: Tagging
    exceptions: Exceptions
    books: Books

    async def ready(self) -> None:
        """Return when database and store answer. Raises Unavailable."""
        await self.db.read(lambda tx: tx.exec_driver_sql("SELECT 1").scalar())
        await self.store.probe()

    async def start(self) -> None:
        """Return when it can serve, and begin what goes on beside requests. Raises Unavailable."""
        await self.ready()
        self.trail.start()
        await self.last_use.start()
        await self.keeping.writing.start()

    async def close(self) -> None:
        """Give back what was opened."""
        await self.lifecycle.runs.stop()
        await self.keeping.writing.stop()
        await self.last_use.stop()
        await self.trail.stop()
        self.authenticator.close()
        await self.store.close()
        await self.db.close()


def build(settings: Settings, metrics: CollectorRegistry, now: Clock) -> Services:
    """The services over one database and one store. Connects to neither yet."""
    db = open_database(database_url(settings))
    store = Measured(open_store(store_settings(settings)), metrics)
    trail = Trail(db, now, lost_counter(metrics).inc, Noted(settings.data.absolute() / "noted"))
    authenticator = Authenticator(db, now, trail=trail, source=sources.password_source(settings))
    changed = authenticator.directory.forget
    issuer_keys = KeySets(Fetch(), now)
    tag_changes = TagChanges(guard := TagGuard(RuleBook()))
    grace = Grace(settings.collect_grace.total_seconds())
    keeping = _keeping(db, store, now, settings, tag_changes, silent_reporters(metrics).set)
    workloads = authenticator.accept(Workloads(db, authenticator.directory, issuer_keys, Throttle(db, now), now))
    images = lifecycle.build(db, now, keeping.trash, tag_changes, guard.undeletable)
    return Services(
        db=db,
        store=store,
        trail=trail,
        authenticator=authenticator,
        accounts=Accounts(db, authenticator.passwords, now, changed),
        groups=Groups(db, now, changed),
        granting=Granting(db, now, changed),
        logins=Logins(authenticator, db, now, sources.provider(settings, authenticator, now)),
        devices=Devices(authenticator, db, now),
        service_accounts=ServiceAccounts(db, now, changed),
        secrets=Secrets(db, now, changed),
        policies=Policies(db, now, changed, (tag_section.SECTION, images.section)),  # as in cli/policy_sections.py
        oversight=Oversight(db, now),
        last_use=Repeated("use of secrets", authenticator.note_used_secrets, every=LAST_USE_SECONDS),
        trusting=Trusting(db, issuer_keys, now, changed),
        exchange=Exchange(authenticator, workloads),
        audit=Audit(db, audit_key(settings)),
        uploads=Uploads(db, store, now, expiry=settings.upload_expiry.total_seconds(), grace=grace),
        manifests=_manifests(db, now, settings, keeping, tag_changes),
        pulls=Pulls(db, store, now, grace=grace, redirect=settings.storage_redirect),
        keeping=keeping,
        lifecycle=images,
        deletes=Deletes(db, keeping.trash, tag_changes),
        collector=Collector(db, store, now, CollectMetrics(metrics)),
        tagging=Tagging(db, now, guard, tag_changes),
        exceptions=Exceptions(db, now, longest=settings.exception_longest.total_seconds()),
        books=Books(),
    )


def _keeping(
    db: Database,
    store: BlobStore,
    now: Clock,
    settings: Settings,
    tags: TagChanges,
    tell_silent: Callable[[int], object],
) -> Keeping:
    keep = Keep(settings.trash_keep.total_seconds(), Grace(settings.collect_grace.total_seconds()).due(0))
    ignored = settings.lifecycle_ignore_pulls_by
    return Keeping.over(db, store, now, tags, keep, ignored=ignored, tell_silent=tell_silent)


def _manifests(db: Database, now: Clock, settings: Settings, keeping: Keeping, tags: TagChanges) -> Manifests:
    sparse = Sparse(settings.sparse_manifests)
    reaction = pushed.on_push if settings.scan_on_push else None
    return Manifests(db, now, sparse=sparse, trash=keeping.trash, facts=keeping.facts, tags=tags, pushed=reaction)


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
        exceptions=services.exceptions,
        books=services.books,
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
            shown = {name: each.shown(getattr(settings, name)) for name, each in DESCRIPTIONS.items()}
            await prepare_trail(db, audit_key(settings), shown, socket.gethostname(), time.time)
            return await create_first_administrator(db, password, time.time)
        finally:
            await notes.close()
            await db.close()

    return asyncio.run(make())


async def housekeeping(settings: Settings) -> None:
    """Do what is done without being asked, until cancelled."""
    from wharfinger.scanning.verdicts import Verdicts  # what reads and judges images is for this process alone

    metrics = CollectorRegistry()
    services = build(settings, metrics, time.time)
    scans = Verdicts(services.db, services.store, advisories(settings), time.time)
    notes = open_notes(store_settings(settings))
    try:
        sweeps: dict[str, housekeeper.Sweep] = {
            "expired uploads": services.uploads.sweep,
            "manifests in the trash": services.keeping.trash.sweep,
            "images that were looked at": services.keeping.facts.sweep,
            "holds that ended": services.keeping.holds.sweep,
            "reporters": services.keeping.in_use.watch,
            "exceptions that ended": services.exceptions.sweep,
            "exceptions that end soon": services.exceptions.warn,
            "exceptions counted": partial(services.exceptions.count, exception_gauges(metrics)),
            "verdicts by older advisories": scans.judge_again,
            "verdicts on images that are gone": scans.sweep,
            "signing keys made": partial(keys.rotate, services.db, time.time),
        }
        sweeps |= Usage(services.db, time.time).sweeps()
        key = audit_keys.load(audit_key(settings))
        retention = _retention(services.db, key, settings)
        sweeps |= {"pulls in the audit trail": retention.sweep_pulls, "records of the audit trail": retention.sweep}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Journal(services.db, notes, time.time, journal_gauge(metrics).set).run())
            tasks.create_task(Sealer(services.db, key, time.time).run())
            for shipper in _shippers(services.db, settings):
                tasks.create_task(shipper.run())
            tasks.create_task(Queue(services.db, {pushed.KIND: scans.judge}, time.time).run())
            tasks.create_task(services.collector.run(settings.collect_every.total_seconds()))
            tasks.create_task(housekeeper.run(sweeps, every=housekeeper.MINUTE))
            tasks.create_task(housekeeper.run(services.lifecycle.sweeps, every=housekeeper.MINUTE))
    finally:
        await notes.close()
        await services.close()


def _retention(db: Database, key: AuditKey, settings: Settings) -> Retention:
    keep = settings.audit_keep.total_seconds()
    keep_pulls = min(keep, settings.audit_keep_pulls.total_seconds())
    return Retention(db, key, time.time, keep=keep, keep_pulls=keep_pulls)


def _shippers(db: Database, settings: Settings) -> list[Shipper]:
    """Those who send the audit trail on."""
    found = []
    if settings.audit_syslog is not None:
        receiver = syslog_receiver(settings.audit_syslog, settings.audit_syslog_ca)
        found.append(Shipper(db, "syslog", receiver, time.time))
    if settings.audit_webhook is not None and settings.audit_webhook_secret is not None:
        webhook = Webhook(settings.audit_webhook, settings.audit_webhook_secret.reveal(), time.time)
        found.append(Shipper(db, "webhook", webhook, time.time))
    return found


def store_settings(settings: Settings) -> StoreSettings:
    """Where the bytes are: by default beside the database."""
    return StoreSettings(
        url=settings.storage or f"file://{settings.data.absolute()}",
        endpoint=settings.storage_endpoint,
        region=settings.storage_region,
        access_key=settings.storage_access_key,
        secret_key=settings.storage_secret_key.reveal() if settings.storage_secret_key else None,
        keep_free=settings.keep_free,
        presign=settings.storage_redirect,
    )


def _routes(services: Services) -> list[Route]:
    return routes(
        ManifestHandlers(services.pulls, services.keeping.last_pulls, services.manifests, services.deletes),
        BlobHandlers(services.pulls, services.deletes),
        UploadHandlers(services.uploads),
        ListHandlers(services.pulls),
        TokenHandlers(services.exchange),
    )


async def _authenticate(
    authenticator: Authenticator, addresses: Addresses, authorization: str | None, scope: Scope
) -> None:
    await authenticator.account(authorization, Origin(addresses.client(scope)))
