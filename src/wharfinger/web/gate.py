"""Every request to /v2 passes here: authenticate, match, authorise, handle, map errors, tell."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from wharfinger.access.authenticate import Authenticator
from wharfinger.access.roles import Action, Identity, decide
from wharfinger.errors import Denied, Disconnected, Refusal
from wharfinger.spec import names
from wharfinger.web.errors import refusal_reply
from wharfinger.web.http import Body, Receive, Reply, Request, Scope, Send, bytes_reply
from wharfinger.web.routes import Route, Router

_log = structlog.get_logger("wharfinger.gate")

NOWHERE = names.RepoName("")
"""The repository of a request that is about none."""

_API_VERSION = (b"docker-distribution-api-version", b"registry/2.0")
"""Old Docker clients take a server without it for a registry of version 1."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost. ``body_bytes`` 0 is no limit."""

    body_bytes: int
    body_timeout: float


@dataclass(slots=True)
class Outcome:
    """What there is to tell of a request that has been answered."""

    scope: Scope
    id: str
    route: Route | None
    account: str
    status: int
    sent: int
    received: int
    seconds: float
    refusal: str


class Gate:
    """The ASGI application of the data plane."""

    def __init__(
        self, router: Router, authenticator: Authenticator, limits: Limits, tell: Callable[[Outcome], None]
    ) -> None:
        self._router = router
        self._authenticator = authenticator
        self._limits = limits
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        outcome = Outcome(scope, secrets.token_hex(8), None, "", 500, 0, 0, 0.0, "")
        body: Body | None = None
        try:
            headers = dict(scope["headers"])
            body = Body(receive, headers, limit=self._limits.body_bytes, timeout=self._limits.body_timeout)
            request = Request(scope["method"], scope["path"], scope["query_string"], headers, body, NOWHERE, "")
            reply = await self._answer(request, outcome)
        except Refusal as refusal:
            outcome.refusal = refusal.code
            reply = refusal_reply(refusal)
            if isinstance(refusal, Disconnected):
                reply.headers.append((b"connection", b"close"))
        except Exception:  # noqa: BLE001 - the last line of defence: logged, and answered with 500
            _log.exception("unexpected", request=outcome.id, method=scope["method"], path=scope["path"])
            outcome.refusal = "UNKNOWN"
            reply = _failure(outcome.id)
        try:
            await self._send(reply, outcome, body, send, head=scope["method"] == "HEAD")
        finally:
            outcome.received = body.received if body else 0
            outcome.seconds = time.perf_counter() - began
            self._tell(outcome)

    async def _answer(self, request: Request, outcome: Outcome) -> Reply:
        identity = await self._authenticator.authenticate(request.header(b"authorization"))
        outcome.account = identity.name
        route, name, request.rest = self._router.find(request.method, request.path)
        outcome.route = route
        if name:
            request.repository = names.repository(name)
        _authorise(identity, route.action, request)
        return await route.handler(request)

    async def _send(self, reply: Reply, outcome: Outcome, body: Body | None, send: Send, *, head: bool) -> None:
        if body is not None:
            await body.skip_if_little()
            if body.unread:
                reply.headers.append((b"connection", b"close"))
        reply.headers.append(_API_VERSION)
        reply.headers.append((b"x-request-id", outcome.id.encode("ascii")))
        outcome.status = reply.status
        outcome.sent = await reply.send(send, head=head)
        if body is not None and body.unread:
            await body.linger()


def _authorise(identity: Identity, action: Action | None, request: Request) -> None:
    if action is None:
        return
    decision = decide(identity, action, request.repository or None)
    if not decision.allowed:
        raise Denied(decision.reason, action=str(action), account=identity.name)


def _failure(id: str) -> Reply:
    body = b'{"errors":[{"code":"UNKNOWN","message":"an error on our side; the log has it under %s","detail":{}}]}'
    return bytes_reply(500, "application/json", body % id.encode("ascii"))
