"""Logging in with a password or at the identity provider, and out again."""

from starlette.responses import Response
from starlette.routing import Route

from wharfinger.access.authenticate import Login
from wharfinger.access.oidc import LIFETIME, OpenIDConnect
from wharfinger.access.tokens import Kind
from wharfinger.errors import NoSuchRoute
from wharfinger.ui.services import Services
from wharfinger.ui.visit import FLOW, SESSION, Visit, afterwards, code, handler


class LoginPages:
    """The pages for those who are not logged in, and the way out."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._logins = services.logins

    def routes(self) -> list[Route]:
        made = self._services
        return [
            Route("/login", handler(made, self.show, logged_in=False), methods=["GET"]),
            Route("/login", handler(made, self.by_password, logged_in=False), methods=["POST"]),
            Route("/logout", handler(made, self.log_out, logged_in=True), methods=["POST"]),
            Route("/oidc/login", handler(made, self.begin, logged_in=False), methods=["GET"]),
            Route("/oidc/callback", handler(made, self.finish, logged_in=False), methods=["GET"]),
        ]

    async def show(self, visit: Visit) -> Response:
        """The form; whoever is logged in already goes on."""
        asked = visit.request.query_params
        if visit.session is not None:
            return visit.go(afterwards(asked), user_code=code(asked))
        return login_form(visit, afterwards(asked), code(asked), has_provider=self._logins.oidc is not None)

    async def by_password(self, visit: Visit) -> Response:
        """The form, filled in."""
        target, user_code = _target(visit)
        login = await self._logins.by_password(
            visit.field("username"), visit.field("password"), visit.origin, Kind.PAGE
        )
        await self._replace(visit, login)
        return visit.go(target, user_code=user_code)

    async def log_out(self, visit: Visit) -> Response:
        """End the session, on every node."""
        if visit.session is not None:
            await self._logins.end(visit.session)
        visit.forget(SESSION)
        return visit.go("/login")

    async def begin(self, visit: Visit) -> Response:
        """Send the browser to the identity provider."""
        asked = visit.request.query_params
        url, sealed = await self._provider().begin(f"{afterwards(asked)} {code(asked)}")
        visit.keep(FLOW, sealed, LIFETIME)
        return visit.go(url)

    async def finish(self, visit: Visit) -> Response:
        """What the provider sends the browser back with; good for one log-in, in the browser that began it."""
        sealed, answer = visit.cookie(FLOW), visit.request.query_params
        visit.forget(FLOW)
        flow = await self._provider().resume(sealed, answer)
        login = await self._logins.by_provider(flow, answer.get("code", ""), visit.origin)
        await self._replace(visit, login)
        target, _, user_code = flow.target.partition(" ")
        return visit.go(target, user_code=user_code)

    async def _replace(self, visit: Visit, login: Login) -> None:
        """A new session for every log-in: whatever token the browser had, its value is no longer worth anything."""
        if visit.session is not None:
            await self._logins.end(visit.session)
        visit.log_in(login.token)

    def _provider(self) -> OpenIDConnect:
        if self._logins.oidc is None:
            raise NoSuchRoute("logging in at an identity provider is not set up here")
        return self._logins.oidc


def login_form(
    visit: Visit, target: str, user_code: str, *, has_provider: bool, status: int = 200, problem: str = ""
) -> Response:
    """The page with the form on it."""
    return visit.page(
        "login.html", status, target=target, user_code=user_code, has_provider=has_provider, problem=problem
    )


def _target(visit: Visit) -> tuple[str, str]:
    told = {"next": visit.field("next"), "user_code": visit.field("user_code")}
    return afterwards(told), code(told)


def wrong_password(visit: Visit, services: Services) -> Response:
    """The form once more."""
    target, user_code = _target(visit)
    problem = "That user name and password do not belong together, or the account is disabled."
    return login_form(
        visit, target, user_code, has_provider=services.logins.oidc is not None, status=403, problem=problem
    )
