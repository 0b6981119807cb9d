"""What is done without being asked, in one process of its own: sweeps, jobs, the journal, the audit trail's seals."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import partial

from prometheus_client import CollectorRegistry

from wharfinger.access import audit_keys, keys
from wharfinger.access.audit_keys import AuditKey
from wharfinger.access.receivers import Webhook, syslog_receiver
from wharfinger.access.retention import Retention
from wharfinger.access.sealing import Sealer
from wharfinger.access.shipping import Shipper
from wharfinger.blobs.notes import Notes
from wharfinger.blobs.stores import open_arriving
from wharfinger.config import Settings
from wharfinger.config.places import advisories, audit_key
from wharfinger.jobs import housekeeper
from wharfinger.jobs.housekeeper import Sweep
from wharfinger.jobs.queue import Queue
from wharfinger.meta import scanners
from wharfinger.meta.db import Database
from wharfinger.registry import packing
from wharfinger.registry.journal import Journal
from wharfinger.registry.packing import Packing
from wharfinger.registry.usage import Usage
from wharfinger.scanning import kept_layers, pushed, trusting
from wharfinger.scanning.adapters.asking import Asking
from wharfinger.scanning.admission import making
from wharfinger.scanning.backfill import Backfill
from wharfinger.scanning.confining import Readers
from wharfinger.scanning.following import Following
from wharfinger.scanning.metrics import ScanMetrics, Telling
from wharfinger.scanning.verdicts import Verdicts
from wharfinger.services import Services, store_settings
from wharfinger.web.metrics import exception_gauges, journal_gauge

Clock = Callable[[], float]

RUNS_EVERY = 10.0
"""After so many seconds it is seen whether a run is due, or was left by a server that is gone."""


async def run(services: Services, settings: Settings, notes: Notes, metrics: CollectorRegistry, now: Clock) -> None:
    """Do all of it until cancelled."""
    db = services.db
    key = audit_keys.load(audit_key(settings))
    gates, counted = services.gates, ScanMetrics(metrics)
    readers = Readers()
    arriving = open_arriving(store_settings(settings)) if settings.scan_on_push else None
    following = None if arriving is None else Following(arriving, readers)
    scans = Verdicts(
        db, services.store, advisories(settings), now, gates.making.changed, counted.took, readers, following
    )
    asking = Asking(db, services.authenticator, now, services.scanners.vault, changed=gates.making.changed)
    sweeps = _sweeps(services, scans, now) | asking.sweeps() | _trail_sweeps(db, key, settings, now)
    sweeps["what is known of images"] = Telling(db, counted, scans.held, now).sweep
    sweeps |= gates.sweeps(advisories(settings)) | services.excusing.attached.sweeps()
    sweeps["exceptions counted"] = partial(services.excusing.exceptions.count, exception_gauges(metrics))
    with closing(scans):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Journal(db, notes, now, journal_gauge(metrics).set).run())
            tasks.create_task(Sealer(db, key, now).run())
            for shipper in _shippers(db, settings, now):
                tasks.create_task(shipper.run())
            duties = {
                kept_layers.KIND: scans.read_ahead,
                pushed.KIND: scans.judge,
                making.KIND: gates.making.make_again,
                trusting.KIND: services.excusing.attached.work,
                packing.KIND: Packing(db, now).work,
            }
            tasks.create_task(Queue(db, duties, now).run())
            # In a queue of its own: whoever does not answer holds up no scan of ours.
            tasks.create_task(Queue(db, {scanners.KIND: asking.step}, now).run())
            if settings.scan_on_push:
                tasks.create_task(readers.keep_prepared())
                tasks.create_task(Backfill(db, now).run())
            if following is not None:
                tasks.create_task(following.run())
            tasks.create_task(services.collector.run(settings.collect_every.total_seconds()))
            tasks.create_task(housekeeper.run(sweeps, every=housekeeper.MINUTE))
            tasks.create_task(housekeeper.run(services.lifecycle.sweeps, every=RUNS_EVERY))


def _sweeps(services: Services, scans: Verdicts, now: Clock) -> dict[str, Sweep]:
    return {
        **Usage(services.db, now).sweeps(),
        "expired uploads": services.uploads.sweep,
        "manifests in the trash": services.keeping.trash.sweep,
        "images that were looked at": services.keeping.facts.sweep,
        "holds that ended": services.keeping.holds.sweep,
        "reporters": services.keeping.in_use.watch,
        "exceptions that ended": services.excusing.exceptions.sweep,
        "exceptions that end soon": services.excusing.exceptions.warn,
        "verdicts by older advisories": scans.judge_again,
        "images that an older cataloguer read": scans.read_again,
        "verdicts on images that are gone": scans.sweep,
        "signing keys made": partial(keys.rotate, services.db, now),
    }


def _trail_sweeps(db: Database, key: AuditKey, settings: Settings, now: Clock) -> dict[str, Sweep]:
    keep = settings.audit_keep.total_seconds()
    keep_pulls = min(keep, settings.audit_keep_pulls.total_seconds())
    retention = Retention(db, key, now, keep=keep, keep_pulls=keep_pulls)
    return {"pulls in the audit trail": retention.sweep_pulls, "records of the audit trail": retention.sweep}


def _shippers(db: Database, settings: Settings, now: Clock) -> list[Shipper]:
    """Those who send the audit trail on."""
    found = []
    if settings.audit_syslog is not None:
        receiver = syslog_receiver(settings.audit_syslog, settings.audit_syslog_ca)
        found.append(Shipper(db, "syslog", receiver, now))
    if settings.audit_webhook is not None and settings.audit_webhook_secret is not None:
        webhook = Webhook(settings.audit_webhook, settings.audit_webhook_secret.reveal(), now)
        found.append(Shipper(db, "webhook", webhook, now))
    return found
