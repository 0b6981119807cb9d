"""What there is to count of collection."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from wharfinger.meta.backlog import Backlog


@dataclass(frozen=True, slots=True)
class Collected:
    """What was done: reviews looked at, links and blobs that went, bytes that were deleted from the store."""

    reviewed: int = 0
    unlinked: int = 0
    blobs: int = 0
    bytes: int = 0
    deleted: int = 0
    deleted_bytes: int = 0
    failed: int = 0
    busy: bool = False
    """Whether another process was at it."""
    more: bool = False
    """Whether it ended because its time was over."""

    @property
    def is_nothing(self) -> bool:
        """Whether there is no more to do now: what failed is tried again another time."""
        return not (self.reviewed or self.deleted)

    def __add__(self, other: "Collected") -> "Collected":
        return Collected(
            self.reviewed + other.reviewed,
            self.unlinked + other.unlinked,
            self.blobs + other.blobs,
            self.bytes + other.bytes,
            self.deleted + other.deleted,
            self.deleted_bytes + other.deleted_bytes,
            self.failed + other.failed,
            self.busy or other.busy,
            self.more or other.more,
        )


class CollectMetrics:
    """Counters of what was done, and gauges of what waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str) -> Counter:
            return Counter(f"wharf_collect_{name}", what, registry=registry)

        def gauge(name: str, what: str) -> Gauge:
            return Gauge(f"wharf_collect_{name}", what, registry=registry, multiprocess_mode="mostrecent")

        self._reviewed = counter("reviewed", "Links and blobs that were looked at because their grace was over.")
        self._unlinked = counter("unlinked", "Blobs that a repository no longer holds since nothing in it needs them.")
        self._blobs = counter("blobs", "Blobs that went because nobody held them.")
        self._bytes = counter("bytes", "Bytes deleted from the store.")
        self._failed = counter("failed", "Failed attempts to delete bytes; they are tried again.")
        self._doomed = gauge("doomed_bytes", "Bytes that are no blob's any more and wait to be deleted.")
        self._lag = gauge("lag_seconds", "For how long the oldest review has been due.")

    def count(self, done: Collected) -> None:
        """So much was done."""
        self._reviewed.inc(done.reviewed)
        self._unlinked.inc(done.unlinked)
        self._blobs.inc(done.blobs)
        self._bytes.inc(done.deleted_bytes)
        self._failed.inc(done.failed)

    def say(self, backlog: Backlog, now: float) -> None:
        """So much waits."""
        self._doomed.set(backlog.doomed_bytes)
        self._lag.set(backlog.lag(now))
