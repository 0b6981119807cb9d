"""The pages: log in and out, approve a device, one's own tokens. No scripts, and nothing from anywhere else."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wharfinger.errors import NoSuchRoute, Refusal, Unauthorized
from wharfinger.ui.devices import DevicePages
from wharfinger.ui.logins import LoginPages, wrong_password
from wharfinger.ui.services import Services
from wharfinger.ui.templates import STYLE, STYLE_PATH, render
from wharfinger.ui.tokens import TokenPages
from wharfinger.ui.visit import Visit
from wharfinger.web.errors import headers_of, status_of

# `same-origin` and not `no-referrer`: with that browsers send `Origin: null` with our own forms.
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
NO_STORE = (b"cache-control", b"no-store")

_log = structlog.get_logger("wharfinger.ui")

Answer = Callable[[Request, Any], Coroutine[Any, Any, Response]]


def create_ui(services: Services) -> ASGIApp:
    """The ASGI application of the pages."""

    async def refuse(request: Request, refusal: Refusal) -> Response:
        visit: Visit | None = getattr(request.state, "visit", None)
        _log.info("refused", path=request.url.path[:200], code=refusal.code, message=refusal.message)
        if visit is not None and isinstance(refusal, Unauthorized) and request.url.path == "/login":
            return wrong_password(visit, services)
        return _problem(visit, refusal)

    async def refuse_unrouted(request: Request, _: HTTPException) -> Response:
        return _problem(None, NoSuchRoute(f"{request.method[:16]} {request.url.path[:200]} is nothing here"))

    handlers: dict[Any, Answer] = {Refusal: refuse, HTTPException: refuse_unrouted, Exception: _fail}
    return _Guarded(Starlette(routes=routes(services), exception_handlers=handlers))


def routes(services: Services) -> list[Route]:
    """Every page there is."""
    return [
        *LoginPages(services).routes(),
        *DevicePages(services).routes(),
        *TokenPages(services).routes(),
        Route(STYLE_PATH, _style, methods=["GET"]),
    ]


class _Guarded:
    """``app``, whose every answer tells the browser what it must not do with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                kept = any(name == b"cache-control" for name, _ in headers)
                message["headers"] = [*headers, *HEADERS, *(() if kept else (NO_STORE,))]
            await send(message)

        await self._app(scope, receive, sent)


async def _style(_: Request) -> Response:
    return Response(STYLE, 200, {"cache-control": "public, max-age=86400, immutable"}, "text/css")


def _problem(visit: Visit | None, refusal: Refusal) -> Response:
    message = refusal.message[:1].upper() + refusal.message[1:]
    status = status_of(refusal)
    if visit is not None:
        answer = visit.page("problem.html", status, message=message)
    else:
        answer = HTMLResponse(render("problem.html", form_token="", who=None, message=message), status)
    for name, value in headers_of(refusal):
        if name != b"www-authenticate":  # a browser would ask for a password by itself
            answer.headers[name.decode("latin-1")] = value.decode("latin-1")
    return answer


async def _fail(_: Request, __: Exception) -> Response:
    message = "Something went wrong on our side; the log tells more."
    return HTMLResponse(render("problem.html", form_token="", who=None, message=message), 500)
