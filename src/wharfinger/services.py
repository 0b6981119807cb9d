"""What the registry can do, whoever asks for it: one object for each thing, over one database and one store."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from wharfinger.access import repository_section, sources
from wharfinger.access.accounts import Accounts
from wharfinger.access.audit import Audit
from wharfinger.access.authenticate import Authenticator
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
from wharfinger.access.policy_sections import Section
from wharfinger.access.secrets import Secrets
from wharfinger.access.services import ServiceAccounts
from wharfinger.access.throttle import Throttle
from wharfinger.access.trail import Trail
from wharfinger.access.trusting import Trusting
from wharfinger.access.vault import Vault
from wharfinger.access.workloads import Workloads
from wharfinger.blobs.store import BlobStore
from wharfinger.blobs.stores import StoreSettings, open_store
from wharfinger.blobs.wrap import Measured
from wharfinger.config import Settings
from wharfinger.config.places import audit_key, database_url, sealing_key
from wharfinger.jobs.repeated import Repeated
from wharfinger.lifecycle import service as lifecycle
from wharfinger.lifecycle.service import Lifecycle
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.reviews import Grace
from wharfinger.registry.collect import Collector
from wharfinger.registry.collect_metrics import CollectMetrics
from wharfinger.registry.deletes import Deletes
from wharfinger.registry.keeping import Keeping
from wharfinger.registry.manifests import Manifests, Sparse, reactions
from wharfinger.registry.pulls import Pulls
from wharfinger.registry.tag_changes import TagChanges
from wharfinger.registry.trash import Keep, Watch
from wharfinger.registry.uploads import Uploads
from wharfinger.scanning import kept_layers, pushed, trusting
from wharfinger.scanning import service as excusing
from wharfinger.scanning.adapters.registering import Scanners
from wharfinger.scanning.admission import service as admission
from wharfinger.scanning.admission.service import GateService
from wharfinger.scanning.attached import AttachedDocuments
from wharfinger.scanning.books import Books
from wharfinger.scanning.service import Excusing
from wharfinger.tagging import section as tag_section
from wharfinger.tagging.guard import RuleBook, TagGuard
from wharfinger.tagging.tagging import Tagging
from wharfinger.web.metrics import lost_counter, silent_reporters

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
    excusing: Excusing
    scanners: Scanners
    gates: GateService

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
    db, store = open_database(database_url(settings)), Measured(open_store(store_settings(settings)), metrics)
    trail, guard = _trail(db, now, settings, metrics), TagGuard(RuleBook())
    authenticator = Authenticator(db, now, trail=trail, source=sources.password_source(settings))
    changed = authenticator.directory.forget
    gates = admission.build(db, now, books := Books(), lambda: authenticator.directory.known.revision, metrics)
    tag_changes = TagChanges(guard, (excused := _excusing(db, store, now, settings, books, gates)).attached.tagged)
    keeping = _keeping(db, store, now, settings, tag_changes, excused.attached, silent_reporters(metrics).set)
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
        policies=Policies(db, now, changed, _sections(images, gates)),
        oversight=Oversight(db, now),
        last_use=Repeated("use of secrets", authenticator.note_used_secrets, every=LAST_USE_SECONDS),
        trusting=Trusting(db, issuer_keys := KeySets(Fetch(), now), now, changed),
        exchange=_exchange(db, authenticator, issuer_keys, now),
        audit=Audit(db, audit_key(settings)),
        uploads=_uploads(db, store, now, settings),
        manifests=_manifests(db, now, settings, keeping, tag_changes, excused.attached, gates),
        pulls=Pulls(db, store, now, grace=_grace(settings), redirect=settings.storage_redirect),
        keeping=keeping,
        lifecycle=images,
        deletes=Deletes(db, keeping.trash, tag_changes),
        collector=Collector(db, store, now, CollectMetrics(metrics)),
        tagging=Tagging(db, now, guard, tag_changes),
        gates=gates,
        excusing=excused,
        scanners=Scanners(db, now, settings.public_url, Vault(sealing_key(settings)), changed=gates.making.ask_about),
    )


def _trail(db: Database, now: Clock, settings: Settings, metrics: CollectorRegistry) -> Trail:
    return Trail(db, now, lost_counter(metrics).inc, Noted(settings.data.absolute() / "noted"))


def _grace(settings: Settings) -> Grace:
    return Grace(settings.collect_grace.total_seconds())


def _excusing(
    db: Database, store: BlobStore, now: Clock, settings: Settings, books: Books, gates: GateService
) -> Excusing:
    longest = settings.exception_longest.total_seconds()
    return excusing.build(db, store, now, books, longest=longest, changed=gates.making.changed)


def _exchange(db: Database, authenticator: Authenticator, keys: KeySets, now: Clock) -> Exchange:
    workloads = Workloads(db, authenticator.directory, keys, Throttle(db, now), now)
    return Exchange(authenticator, authenticator.accept(workloads))


def _sections(images: Lifecycle, gates: GateService) -> tuple[Section, ...]:
    """The same as in ``cli/policy_sections.py``."""
    return (repository_section.SECTION, tag_section.SECTION, images.section, gates.section, trusting.SECTION)


def _keeping(
    db: Database,
    store: BlobStore,
    now: Clock,
    settings: Settings,
    tags: TagChanges,
    attached: AttachedDocuments,
    tell_silent: Callable[[int], object],
) -> Keeping:
    keep = Keep(settings.trash_keep.total_seconds(), _grace(settings).due(0))
    watch = Watch(attached.went, attached.came)
    ignored = settings.lifecycle_ignore_pulls_by
    return Keeping.over(db, store, now, tags, keep, watch, ignored=ignored, tell_silent=tell_silent)


def _uploads(db: Database, store: BlobStore, now: Clock, settings: Settings) -> Uploads:
    expiry, reaction = settings.upload_expiry.total_seconds(), kept_layers.on_blob if settings.scan_on_push else None
    return Uploads(db, store, now, expiry=expiry, grace=_grace(settings), pushed=reaction)


def _manifests(
    db: Database,
    now: Clock,
    settings: Settings,
    keeping: Keeping,
    tags: TagChanges,
    attached: AttachedDocuments,
    gates: GateService,
) -> Manifests:
    sparse = Sparse(settings.sparse_manifests)
    scans = (pushed.on_push,) if settings.scan_on_push else ()
    reaction = reactions(*scans, gates.making.on_push, attached.on_push)
    return Manifests(db, now, sparse=sparse, trash=keeping.trash, facts=keeping.facts, tags=tags, pushed=reaction)


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
