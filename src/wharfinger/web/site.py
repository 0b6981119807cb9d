"""The whole ASGI application: the data plane, the management API, the pages, and what operators ask."""

from collections.abc import Awaitable, Callable

import structlog

from wharfinger.errors import NoSuchRoute, Refusal
from wharfinger.web.errors import refusal_reply
from wharfinger.web.http import Receive, Reply, Scope, Send, bytes_reply

App = Callable[[Scope, Receive, Send], Awaitable[None]]
Check = Callable[[], Awaitable[None]]

GATED = frozenset({"/v2", "/token", "/.well-known/jwks.json"})

PAGES = frozenset({"/login", "/logout", "/device", "/tokens"})
PAGES_BELOW = ("/oidc/", "/ui/")

_log = structlog.get_logger("wharfinger.site")


class Site:
    """Sends each request where it belongs; ``start`` and ``stop`` are run around its life."""

    def __init__(self, *, gate: App, api: App, ui: App, operations: "Operations", start: Check, stop: Check) -> None:
        self._gate = gate
        self._api = api
        self._ui = ui
        self._operations = operations
        self._start = start
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path: str = scope["path"]
        if path.startswith("/v2/") or path in GATED:
            await self._gate(scope, receive, send)
        elif path.startswith("/api/v1/"):
            await self._api(scope, receive, send)
        elif path in PAGES or path.startswith(PAGES_BELOW):
            await self._ui(scope, receive, send)
        else:
            reply = await self._operations.answer(scope)
            await reply.send(send, head=scope["method"] == "HEAD")

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


class Operations:
    """``/healthz``: the process answers. ``/readyz``: it can serve. ``/metrics``: for those who may pull."""

    def __init__(
        self,
        *,
        ready: Check,
        metrics: Callable[[], bytes],
        authenticate: Callable[[str | None, Scope], Awaitable[object]],
    ) -> None:
        self._ready = ready
        self._metrics = metrics
        self._authenticate = authenticate

    async def answer(self, scope: Scope) -> Reply:
        """The reply to a path outside of the two APIs."""
        try:
            return await self._find(scope)
        except Refusal as refusal:
            _log.info("refused", path=scope["path"][:200], code=refusal.code, message=refusal.message)
            return refusal_reply(refusal)

    async def _find(self, scope: Scope) -> Reply:
        match scope["path"]:
            case "/healthz":
                return bytes_reply(200, "text/plain", b"ok\n")
            case "/readyz":
                await self._ready()
                return bytes_reply(200, "text/plain", b"ready\n")
            case "/metrics":
                authorization = dict(scope["headers"]).get(b"authorization")
                await self._authenticate(None if authorization is None else authorization.decode("latin-1"), scope)
                return bytes_reply(200, "text/plain; version=0.0.4; charset=utf-8", self._metrics())
            case path:
                raise NoSuchRoute(f"{path[:200]!r} is nothing here: the registry is under /v2/, its API under /api/v1/")
