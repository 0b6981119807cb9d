"""Every request to /v2 and for tokens passes here: match, authenticate, authorise, handle, map errors, tell."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from wharfinger.access.actions import Action
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.caller import Caller, Origin
from wharfinger.errors import Disconnected, Refusal, Unauthorized
from wharfinger.spec import names
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName
from wharfinger.web.challenge import Addresses
from wharfinger.web.errors import refusal_reply
from wharfinger.web.http import Body, Receive, Reply, Request, Scope, Send, bytes_reply
from wharfinger.web.routes import Match, Open, Router

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
    match: Match | None = None
    caller: Caller | None = None
    account: str = ""
    status: int = 500
    sent: int = 0
    received: int = 0
    seconds: float = 0.0
    refusal: str = ""
    error: str = ""
    pulled: Digest | None = None
    repository: str | None = None


class Gate:
    """The ASGI application of the data plane. ``note`` is called before an answer is sent, ``tell`` afterwards."""

    def __init__(
        self,
        router: Router,
        authenticator: Authenticator,
        limits: Limits,
        addresses: Addresses,
        note: Callable[[Outcome], None],
        tell: Callable[[Outcome], None],
    ) -> None:
        self._router = router
        self._authenticator = authenticator
        self._limits = limits
        self._addresses = addresses
        self._note = note
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        outcome = Outcome(scope, secrets.token_hex(8))
        body: Body | None = None
        try:
            headers = dict(scope["headers"])
            body = Body(receive, headers, limit=self._limits.body_bytes, timeout=self._limits.body_timeout)
            reply = await self._answer(scope, headers, body, outcome)
        except Refusal as refusal:
            outcome.refusal = refusal.code
            outcome.error = refusal.error if isinstance(refusal, Unauthorized) else ""
            reply = refusal_reply(refusal, self._challenge(scope, refusal, outcome))
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

    async def _answer(self, scope: Scope, headers: Mapping[bytes, bytes], body: Body, outcome: Outcome) -> Reply:
        method, path = scope["method"], scope["path"]
        agent = headers.get(b"user-agent", b"")[:200].decode("latin-1")
        origin = Origin(self._addresses.client(scope), agent, outcome.id)
        outcome.match = match = self._router.find(method, path)
        if match is not None and match.route.needs is Open.TO_ALL:
            return await match.route.handler(
                Request(method, path, scope["query_string"], headers, body, NOWHERE, "", origin)
            )
        authorization = headers.get(b"authorization")
        outcome.caller = caller = await self._authenticator.caller(
            None if authorization is None else authorization.decode("latin-1"), origin
        )
        if match is None:
            raise self._router.refusal(method, path)
        repository = names.repository(match.name) if match.name else NOWHERE
        _authorise(caller, match, repository)
        return await match.route.handler(
            Request(method, path, scope["query_string"], headers, body, repository, match.rest, origin, caller)
        )

    def _challenge(self, scope: Scope, refusal: Refusal, outcome: Outcome) -> tuple[bytes, bytes] | None:
        """For whoever is asked to come again with a token: where it is to be had, and what it must be for."""
        match = outcome.match
        if not isinstance(refusal, Unauthorized) or (match is not None and match.route.needs is Open.TO_ALL):
            return None
        return self._addresses.challenge(scope, match.route.scope(match.name) if match else "", refusal.error)

    async def _send(self, reply: Reply, outcome: Outcome, body: Body | None, send: Send, *, head: bool) -> None:
        if body is not None:
            await body.skip_if_little()
            if body.unread:
                reply.headers.append((b"connection", b"close"))
        reply.headers.append(_API_VERSION)
        reply.headers.append((b"x-request-id", outcome.id.encode("ascii")))
        outcome.status = reply.status
        outcome.pulled = reply.pulled
        self._note(outcome)  # before anybody has what is noted: we may be killed meanwhile
        outcome.sent = await reply.send(send, head=head)
        if body is not None and body.unread:
            await body.linger()


def _authorise(caller: Caller, match: Match, repository: RepoName) -> None:
    needs = match.route.needs
    if isinstance(needs, Action):
        caller.require_scope(match.word, repository)
        tag = match.rest if match.names_tag and ":" not in match.rest else None
        caller.require(needs, repository, tag=tag)
    elif needs is Open.CATALOG:
        caller.require_catalog()


def _failure(id: str) -> Reply:
    body = b'{"errors":[{"code":"UNKNOWN","message":"an error on our side; the log has it under %s","detail":{}}]}'
    return bytes_reply(500, "application/json", body % id.encode("ascii"))
