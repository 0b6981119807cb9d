"""The token protocol: credentials in, a token out that says at most what they may do.

https://distribution.github.io/distribution/spec/auth/token/ (GET) and /oauth/ (POST), and token exchange for workloads
(RFC 8693).
"""

import json
import time

from wharfinger.access import signing
from wharfinger.access.caller import Caller
from wharfinger.access.exchange import Answer, Exchange
from wharfinger.errors import RequestInvalid
from wharfinger.web.errors import Header
from wharfinger.web.http import Reply, Request, bytes_reply

NO_STORE: list[Header] = [(b"cache-control", b"no-store"), (b"pragma", b"no-cache")]

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class TokenHandlers:
    """Hands out access tokens."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def get(self, request: Request) -> Reply:
        """For the credentials in the header, or for nobody's."""
        parameters = request.parameters()
        caller = await self._exchange.by_header(request.header(b"authorization"), request.origin)
        return _reply(await self._exchange.answer(caller, parameters.get("scope", []), offline=_offline(parameters)))

    async def post(self, request: Request) -> Reply:
        """For what the form says: a password, a refresh token, or a workload's token from a trusted issuer."""
        form = await request.form()
        return _reply(
            await self._exchange.answer(
                await self._by_form(form, request),
                form.get("scope", []),
                offline=_offline(form),
                refreshed=_one(form, "refresh_token") if _one(form, "grant_type") == "refresh_token" else None,
            )
        )

    async def _by_form(self, form: dict[str, list[str]], request: Request) -> Caller:
        match _one(form, "grant_type"):
            case "password":
                return await self._exchange.by_password(_one(form, "username"), _one(form, "password"), request.origin)
            case "refresh_token":
                return await self._exchange.by_refresh_token(_one(form, "refresh_token"), request.origin)
            case grant if grant == EXCHANGE:
                return await self._exchange.by_workload_token(
                    _one(form, "subject_token"),
                    _one(form, "subject_token_type"),
                    _one(form, "username"),
                    request.origin,
                )
            case other:
                raise RequestInvalid(
                    f"grant_type {other[:80]!r} is not supported: want password, refresh_token or {EXCHANGE}"
                )

    async def keys(self, _request: Request) -> Reply:
        """The public keys, for whoever wants to verify a token without asking us."""
        return bytes_reply(200, "application/json", json.dumps(await self._exchange.published_keys()).encode("ascii"))


def _one(form: dict[str, list[str]], name: str) -> str:
    values = form.get(name, [""])
    if len(values) > 1:
        raise RequestInvalid(f"{name} is given {len(values)} times")
    return values[0]


def _offline(fields: dict[str, list[str]]) -> bool:
    """Whether a refresh token is wanted: it is called one thing in GET and another in POST, and clients mix them up."""
    return _one(fields, "offline_token").lower() in {"true", "1"} or _one(fields, "access_type") == "offline"


def _reply(answer: Answer) -> Reply:
    fields = {
        "token": answer.token,
        "access_token": answer.token,
        "token_type": "Bearer",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "expires_in": signing.LIFETIME,
        "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(answer.issued_at)),
        "scope": answer.scope,
    }
    if answer.refresh_token:
        fields["refresh_token"] = answer.refresh_token
    return bytes_reply(200, "application/json", json.dumps(fields).encode("ascii"), list(NO_STORE))
