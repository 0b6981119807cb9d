"""Tell of a request: the audit trail before it is answered; metrics, and a line in the access log, afterwards."""

from collections.abc import Sequence

import structlog

from wharfinger.access.trail import Trail
from wharfinger.web import audited
from wharfinger.web.gate import Outcome
from wharfinger.web.metrics import RequestMetrics
from wharfinger.web.origin import Network, origin


class Teller:
    """Both are called once for every request."""

    def __init__(self, metrics: RequestMetrics, trail: Trail, *, trusted: Sequence[Network], access_log: bool) -> None:
        self._metrics = metrics
        self._trail = trail
        self._trusted = trusted
        self._log = structlog.get_logger("wharfinger.access") if access_log else None

    def note(self, outcome: Outcome) -> None:
        """What the audit trail is to have of it, once it is known how it will be answered."""
        audited.note(self._trail, outcome)

    def __call__(self, outcome: Outcome) -> None:
        match, caller = outcome.match, outcome.caller
        method, pattern = (match.route.method, match.route.pattern) if match else ("-", "-")
        self._metrics.count(
            method, pattern, outcome.status, outcome.seconds, received=outcome.received, sent=outcome.sent
        )
        if self._log is not None:
            came = origin(outcome.scope, self._trusted)
            self._log.info(
                "request",
                request=outcome.id,
                method=outcome.scope["method"],
                path=outcome.scope["path"],
                status=outcome.status,
                refusal=outcome.refusal or None,
                account=outcome.account or (caller.name if caller else None),
                client=came.client,
                scheme=came.scheme,
                host=came.host,
                agent=_agent(outcome),
                received=outcome.received,
                sent=outcome.sent,
                seconds=round(outcome.seconds, 6),
            )


def _agent(outcome: Outcome) -> str:
    for name, value in outcome.scope["headers"]:
        if name == b"user-agent":
            agent: bytes = value
            return agent[:200].decode("latin-1")
    return ""
