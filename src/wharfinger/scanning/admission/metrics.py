"""What there is to count of pulls that gates had something to say about."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from wharfinger.meta.gates import Counts
from wharfinger.scanning.admission.standing import Why


class GateMetrics:
    """Counters by what became of a pull and by the kind of reason, never by rule, finding or image."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._pulls = Counter(
            "wharf_gate_pulls",
            "Pulls that were refused, warned of, or allowed as grandfathered or by break-glass.",
            ["outcome", "reason"],
            registry=registry,
        )
        self._images = Gauge(
            "wharf_gate_images",
            "Images that are blocked, warned of, or grandfathered now.",
            ["outcome"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )

    def count(self, outcome: str, why: Why) -> None:
        """One pull."""
        self._pulls.labels(outcome, why.kind).inc()

    def tell(self, counts: Counts) -> None:
        """How many images there are of each kind."""
        self._images.labels("blocked").set(counts.blocked)
        self._images.labels("warned").set(counts.warned)
        self._images.labels("grandfathered").set(counts.grandfathered)
