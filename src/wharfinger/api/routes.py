"""What every route of the management API passes: who is it, may they, and how long is the body."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from wharfinger.access.actions import Action
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.caller import Caller, Origin
from wharfinger.access.services import require_present
from wharfinger.spec import names
from wharfinger.web.challenge import Addresses
from wharfinger.web.http import Body

MAX_BODY = 64 * 1024
BODY_TIMEOUT = 15.0

Answer = Callable[[Request], Coroutine[Any, Any, Response]]


class Anyone(Enum):
    """What a route needs that is no action: an account of any role, or not even that."""

    WITH_AN_ACCOUNT = "any account"
    AT_ALL = "nothing"


Needs = Action | Anyone


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table. In ``path``, ``{repository:path}`` may have slashes; whatever follows it may not."""

    method: str
    path: str
    handler: Callable[..., Any]
    needs: Needs
    status: int = 200
    body: int = MAX_BODY


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


By = Annotated[Caller, Depends(_caller)]
"""A handler's parameter: whose request it is."""


def _origin(request: Request) -> Origin:
    origin: Origin = request.state.origin
    return origin


From = Annotated[Origin, Depends(_origin)]
"""A handler's parameter: where the request comes from."""


def guarded(authenticator: Authenticator, addresses: Addresses, needs: Needs, limit: int = MAX_BODY) -> type[APIRoute]:
    """The kind of route that looks at the body only after it has seen who sends it."""

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> Answer:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                agent = request.headers.get("user-agent", "")[:200]
                request.state.origin = Origin(addresses.client(request.scope), agent, request.scope.get("wharf_id", ""))
                if needs is not Anyone.AT_ALL:
                    await _admit(authenticator, needs, request)
                response = await handle(await _read(request, limit))
                # Passwords and tokens are among the answers.
                response.headers.setdefault("cache-control", "no-store")
                return response

            return answer

    return GuardedRoute


async def _admit(authenticator: Authenticator, needs: Needs, request: Request) -> None:
    """Note whose request it is, and let it pass only if they may make it."""
    caller = await authenticator.account(request.headers.get("authorization"), request.state.origin)
    request.state.caller = caller
    if needs is Action.ADMIN and request.method != "GET":
        require_present(caller)  # whoever sets passwords, groups and roles can make more of what a token is
    if isinstance(needs, Action):
        name = request.path_params.get("repository")
        tag = request.path_params.get("tag")
        request.state.repository = name
        caller.require(needs, names.repository(name) if name is not None else None, tag=tag)


async def _read(request: Request, limit: int) -> Request:
    """The same request with its body at hand. Raises TooLarge, BodyStalled, Disconnected."""
    headers = dict(request.scope["headers"])
    body = await Body(request.receive, headers, limit=limit, timeout=BODY_TIMEOUT).limited_to(limit).read()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)
