"""What there is to count of requests, and the line in the access log."""

import os
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300)


class RequestMetrics:
    """Counters by route, never by name or path: a stranger must not be able to make new series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "wharf_http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "wharf_http_request_seconds",
            "Time from the request's headers to the last byte of the answer.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._received = Counter("wharf_http_received_bytes", "Bytes of request bodies.", registry=registry)
        self._sent = Counter("wharf_http_sent_bytes", "Bytes of answers' bodies.", registry=registry)
        # Looking a label up costs more than counting, so the children are kept.
        self._counted: dict[tuple[str, str, int], Counter] = {}
        self._timed: dict[tuple[str, str], Histogram] = {}

    def count(self, method: str, route: str, status: int, seconds: float, *, received: int, sent: int) -> None:
        """One request has been answered."""
        counter = self._counted.get((method, route, status))
        if counter is None:
            counter = self._counted[method, route, status] = self._requests.labels(method, route, str(status))
        histogram = self._timed.get((method, route))
        if histogram is None:
            histogram = self._timed[method, route] = self._seconds.labels(method, route)
        counter.inc()
        histogram.observe(seconds)
        if received:
            self._received.inc(received)
        if sent:
            self._sent.inc(sent)


def lost_counter(registry: CollectorRegistry) -> Counter:
    """What the audit trail had to let go because the database was away for too long."""
    return Counter("wharf_audit_lost", "Audit records that were lost before they were written.", registry=registry)


def journal_gauge(registry: CollectorRegistry) -> Gauge:
    """A time and not a lag, which would stand still, and look well, when nobody writes the journal any more."""
    return Gauge(
        "wharf_journal_complete_until_seconds",
        "What was committed before this time (seconds since the epoch) is in the journal; time() minus it is the lag.",
        registry=registry,
        multiprocess_mode="max",
    )


def silent_reporters(registry: CollectorRegistry) -> Gauge:
    """An alarm: what these said is in use may not be any more, or something else may, and nobody says so."""
    return Gauge(
        "wharf_inuse_silent_reporters",
        "Reporters of what is in use that have not been heard of for twice their interval.",
        registry=registry,
        multiprocess_mode="mostrecent",
    )


def exception_gauges(registry: CollectorRegistry) -> Callable[[dict[str, int], int], None]:
    """What tells how many exceptions from what scanning finds there are of each state, and how many end in a week."""
    states = Gauge(
        "wharf_exceptions",
        "Exceptions from what scanning finds.",
        ["state"],
        registry=registry,
        multiprocess_mode="mostrecent",
    )
    soon = Gauge(
        "wharf_exceptions_ending",
        "Of those in force, how many end within a week.",
        registry=registry,
        multiprocess_mode="mostrecent",
    )

    def tell(numbers: dict[str, int], ending: int) -> None:
        for state, number in numbers.items():
            states.labels(state).set(number)
        soon.set(ending)

    return tell


def exposition(own: CollectorRegistry) -> bytes:
    """Metrics of all workers when they share a folder for them, else of this one."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(own)
    shared = CollectorRegistry()
    MultiProcessCollector(shared, folder)
    return generate_latest(shared)
