"""One request of a browser: who it is, in what way it may be answered, and which cookies it keeps."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from wharfinger.access.caller import Caller, Origin
from wharfinger.access.devices import ALPHABET, LETTERS, normal, shown
from wharfinger.access.logins import Session
from wharfinger.access.tokens import LIFETIME as SESSION_SECONDS
from wharfinger.config.people import is_loopback
from wharfinger.errors import LoginRefused, RequestInvalid
from wharfinger.ui import forms
from wharfinger.ui.forms import Form
from wharfinger.ui.services import Services
from wharfinger.ui.templates import render

SESSION, FORM, FLOW = "wharf", "wharf-form", "wharf-flow"
"""Cookies: the session; what binds the log-in form to a browser; an OpenID Connect log-in under way."""

AFTERWARDS = ("/tokens", "/device")
"""Where a log-in may lead. Never anywhere else: not to another site, not to a page that somebody made up."""
MAX_QUERY = 8192
MAX_COOKIE = 4096


@dataclass(slots=True)
class Visit:
    """A request and what is known of its sender. Everything a page answers with is made here."""

    request: Request = field(repr=False)
    base: str
    origin: Origin
    session: Session | None = field(default=None, repr=False)
    form: Form = field(default_factory=dict, repr=False)
    _set: list[tuple[str, str, int]] = field(default_factory=list, repr=False)

    @property
    def caller(self) -> Caller:
        """Who is logged in."""
        assert self.session is not None, "pages for those who are logged in are shown to nobody else"
        return self.session.caller

    @property
    def key(self) -> str:
        """The secret of this browser that its forms are bound to: the session, or before there is one a cookie."""
        return self.session.token if self.session is not None else self.cookie(FORM)

    def cookie(self, name: str) -> str:
        """What the browser brought along; empty where nothing."""
        return _cookies(self.request).get(self._named(name), "")[:MAX_COOKIE]

    def keep(self, name: str, value: str, seconds: float) -> None:
        """Have the browser keep this."""
        self._set.append((name, value, int(seconds)))

    def forget(self, name: str) -> None:
        """Have the browser forget it."""
        self._set.append((name, "", 0))

    def field(self, name: str) -> str:
        """A field of the form."""
        return forms.one(self.form, name)

    def page(self, template: str, status: int = 200, **shown: Any) -> Response:
        """A page, its forms made for this browser."""
        key = self.key
        if not key:
            key = secrets.token_urlsafe(32)
            self.keep(FORM, key, SESSION_SECONDS)
        who = self.session.caller.name if self.session is not None else None
        text = render(template, form_token=forms.token(key), who=who, **shown)
        return self._with_cookies(HTMLResponse(text, status))

    def go(self, path: str, **parameters: str) -> Response:
        """Lead the browser to another page of ours; or, from us alone, to the identity provider."""
        query = urlencode({name: value for name, value in parameters.items() if value})
        return self._with_cookies(RedirectResponse(f"{path}?{query}" if query else path, 303))

    def log_in(self, token: str) -> None:
        """The browser has a session from now on, and what it was before is forgotten."""
        self.keep(SESSION, token, SESSION_SECONDS)
        self.forget(FORM)

    def _with_cookies(self, response: Response) -> Response:
        secure = self.base.startswith("https://")
        for name, value, seconds in self._set:
            response.set_cookie(
                self._named(name), value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax"
            )
        return response

    def _named(self, name: str) -> str:
        # With the prefix no other host, and no plain HTTP, can have set it (RFC 6265bis, section 4.1.3.2).
        return f"__Host-{name}" if self.base.startswith("https://") else name


Handler = Callable[[Visit], Awaitable[Response]]


def handler(services: Services, show: Handler, *, logged_in: bool) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that ``show`` makes, which no form of somebody else's reaches."""

    async def answer(request: Request) -> Response:
        visit = await _visit(services, request)
        request.state.visit = visit
        if request.method == "POST":
            visit.form = await forms.read(request)
            if logged_in and visit.session is None:
                return visit.go("/login")
            forms.require_ours(request, visit.base, visit.form, visit.key)
        elif logged_in and visit.session is None:
            return visit.go("/login", next=request.url.path, user_code=code(request.query_params))
        return await show(visit)

    return answer


async def _visit(services: Services, request: Request) -> Visit:
    if len(request.scope["query_string"]) > MAX_QUERY:
        raise RequestInvalid("the address of this page is too long")
    base = services.addresses.base(request.scope)
    if not base.startswith("https://") and not is_loopback(base):
        raise LoginRefused("passwords and log-ins go over HTTPS alone: open this page at an https:// address")
    agent = request.headers.get("user-agent", "")[:200]
    origin = Origin(services.addresses.client(request.scope), agent, request.scope.get("wharf_id", ""))
    visit = Visit(request, base, origin)
    token = visit.cookie(SESSION)
    visit.session = await services.logins.session(token, origin) if token else None
    return visit


def afterwards(parameters: Mapping[str, str]) -> str:
    """Where to go after logging in, of what the address or the form says; only where we allow it."""
    asked = parameters.get("next", "")
    return asked if asked in AFTERWARDS else AFTERWARDS[0]


def code(parameters: Mapping[str, str]) -> str:
    """The device's code in the address or in the form, as people read it; empty where there is none."""
    typed = normal(parameters.get("user_code", ""))
    return shown(typed) if len(typed) == LETTERS and set(typed) <= set(ALPHABET) else ""


def _cookies(request: Request) -> dict[str, str]:
    """The cookies; Starlette's own reading takes the last of two with one name, we take neither."""
    found: dict[str, list[str]] = {}
    for header in request.headers.getlist("cookie"):
        for part in header.split(";"):
            name, equals, value = part.strip().partition("=")
            if equals:
                found.setdefault(name, []).append(value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}
