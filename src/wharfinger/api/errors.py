"""How the management API says no: the same statuses and the same JSON as the data plane."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from wharfinger.errors import NoSuchRoute, Refusal, RequestInvalid
from wharfinger.web.errors import body_of, headers_of, status_of

UNEXPECTED = b'{"errors":[{"code":"UNKNOWN","message":"an error on our side; the log tells more","detail":{}}]}'


async def _refuse(_: Request, refusal: Refusal) -> Response:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers_of(refusal)}
    return Response(body_of(refusal), status_of(refusal), headers, "application/json")


async def _refuse_malformed(request: Request, error: RequestValidationError) -> Response:
    # What was sent is not repeated: it may be a password.
    wrong = [f"{'.'.join(str(step) for step in each['loc'])}: {each['msg']}" for each in error.errors()[:10]]
    return await _refuse(request, RequestInvalid(f"malformed request: {'; '.join(wrong)}"))


async def _refuse_unrouted(request: Request, error: HTTPException) -> Response:
    if error.status_code in {404, 405}:
        path = request.url.path[:200]
        return await _refuse(request, NoSuchRoute(f"{request.method} {path} is not part of the API"))
    return await _refuse(request, RequestInvalid(f"malformed request: {error.detail}"))


async def _fail(_: Request, __: Exception) -> Response:
    return Response(UNEXPECTED, 500, media_type="application/json")


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    Refusal: _refuse,
    RequestValidationError: _refuse_malformed,
    HTTPException: _refuse_unrouted,
    Exception: _fail,
}
