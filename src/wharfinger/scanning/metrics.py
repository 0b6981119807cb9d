"""What there is to count of verdicts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge, Histogram
from sqlalchemy import Connection

from wharfinger.meta import jobs, unscanned, verdicts
from wharfinger.meta.db import Database
from wharfinger.scanning.advisories.holding import Held
from wharfinger.scanning.pushed import KIND
from wharfinger.scanning.targets.images import CONFIGS

STATUSES = ("complete", "partial", "not-assessed", "nothing-to-scan")
COUNT_EVERY = 600.0
_SECONDS = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200)


class ScanMetrics:
    """Gauges of what is known and what waits, and how long a verdict took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"wharf_scan_{name}", what, labels, registry=registry, multiprocess_mode="mostrecent")

        self._verdicts = gauge("verdicts", "Images by the status of their last verdict.", "status")
        self._unscanned = gauge("unscanned_images", "Images that have no verdict, whether they wait for it or not.")
        self._waiting = gauge("waiting", "Scans that were asked for.")
        self._failed = gauge("failed", "Of these, scans that failed at least once, and are tried again.")
        self._changed = gauge(
            "advisories_changed_seconds",
            "When the present advisories were brought in (seconds since the epoch); time() minus it is their age.",
        )
        self._readable = gauge(
            "advisories_readable", "1 while the advisories can be read; else the last verdicts stay."
        )
        self._seconds = Histogram(
            "wharf_scan_verdict_seconds",
            "From asking for a scan, which a push does, to the verdict.",
            buckets=_SECONDS,
            registry=registry,
        )

    def took(self, seconds: float) -> None:
        """A verdict came so long after it was asked for."""
        self._seconds.observe(max(0.0, seconds))

    def say_advisories(self, changed_at: float, *, readable: bool) -> None:
        """Since when the advisories are as they are, and whether they can be read."""
        self._changed.set(changed_at)
        self._readable.set(readable)

    def say(self, tx: Connection) -> None:
        """What there is by now."""
        found = verdicts.by_status(tx)
        for status in STATUSES:
            self._verdicts.labels(status).set(found[status])
        mine = [each for each in jobs.waiting(tx) if each.kind == KIND]
        self._waiting.set(sum(each.count for each in mine))
        self._failed.set(sum(each.failed for each in mine))

    def say_unscanned(self, tx: Connection) -> None:
        """How many images have no verdict; every image is looked at for it."""
        self._unscanned.set(unscanned.count(tx, CONFIGS))


class Telling:
    """Brings the gauges up to date; what takes longer, less often."""

    def __init__(self, db: Database, metrics: ScanMetrics, held: Held, now: Callable[[], float]) -> None:
        self._db = db
        self._metrics = metrics
        self._held = held
        self._now = now
        self._counted_at = float("-inf")

    async def sweep(self) -> int:
        """Say how it is. Nothing is left to be done then."""
        self._metrics.say_advisories(self._held.changed_at, readable=await self._held.is_readable())
        await self._db.read(self._metrics.say)
        if self._now() >= self._counted_at + COUNT_EVERY:
            self._counted_at = self._now()
            await self._db.read(self._metrics.say_unscanned)
        return 0
