"""Credentials of any kind for an access token: never more than they may do, and 200 even when that is nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from wharfinger.access import credentials, scopes, signing, workloads
from wharfinger.access.actions import Action
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.caller import Caller, Origin
from wharfinger.access.grants import SOME_TAG, Identity
from wharfinger.access.scopes import Scopes
from wharfinger.access.tokens import Kind
from wharfinger.access.workloads import Workloads
from wharfinger.errors import RequestInvalid, Unauthorized
from wharfinger.spec.names import RepoName

REFRESH_SECONDS = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A token, and a refresh token where one was asked for. ``scope`` is what was granted, as text."""

    token: str
    issued_at: float
    scope: str
    refresh_token: str | None


class Exchange:
    """The service behind the token endpoint."""

    def __init__(self, authenticator: Authenticator, workloads: Workloads) -> None:
        self._authenticator = authenticator
        self._workloads = workloads

    async def by_header(self, authorization: str | None, origin: Origin) -> Caller:
        """Who sends this header; without one, anonymous. Raises Unauthorized; a token does not earn another one."""
        if authorization is None:
            return await self._authenticator.anonymous(origin)
        return await self._authenticator.for_token(authorization, origin)

    async def by_password(self, name: str, password: str, origin: Origin) -> Caller:
        """Who has this name and password or secret. Raises Unauthorized."""
        return await self._authenticator.by_name(name, password, origin)

    async def by_refresh_token(self, token: str, origin: Origin) -> Caller:
        """Who was given this refresh token. Raises Unauthorized."""
        identity = await self._authenticator.of_login(token, Kind.REFRESH)
        if identity is None:
            self._authenticator.failed("login", "", origin, Unauthorized.code)
            raise credentials.refused()
        return self._authenticator.as_caller(identity, origin)

    async def by_workload_token(self, token: str, type: str, account: str, origin: Origin) -> Caller:
        """The service account that the workload may be. Raises Unauthorized, and RequestInvalid."""
        if type not in {"urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:jwt"}:
            raise RequestInvalid(f"subject_token_type {type[:80]!r} is not supported: want an id_token or a jwt")
        return await self._workloads.caller(token, account, origin)

    async def answer(
        self, caller: Caller, asked: Iterable[str], *, offline: bool = False, refreshed: str | None = None
    ) -> Answer:
        """A token for what is both asked for and allowed. Raises RequestInvalid for a malformed scope, or too many."""
        granted = allowed(caller, scopes.parse(asked)).within(caller.scopes)
        token = self._authenticator.access_tokens.issue(caller.snapshot, _as(caller), granted, caller.now)
        if len(token) > signing.MAX_TOKEN:
            raise RequestInvalid(
                "a token for so many repositories would be too long for a header: ask for fewer at once"
            )
        refresh = refreshed
        # A workload's token ends soon, a scanner's too, and nothing that lasts longer is made of it.
        lasts = caller.scopes is None and not caller.is_anonymous and not workloads.is_one(caller.identity)
        if offline and refresh is None and lasts:
            told = caller.entry("login", detail={"method": "refresh token"})
            login = await self._authenticator.log_in(caller.identity, Kind.REFRESH, REFRESH_SECONDS, told)
            refresh = login.token
        scope = " ".join(_texts(granted))
        self._note(caller, scope)
        return Answer(token, caller.now, scope, refresh)

    def _note(self, caller: Caller, scope: str) -> None:
        """For the audit trail."""
        detail = {"by": caller.identity.credential, "scope": scope}
        self._authenticator.trail.note(caller.entry("token.issue", detail=detail))

    async def published_keys(self) -> dict[str, Any]:
        """What our tokens can be verified with, as a JSON Web Key Set."""
        return self._authenticator.access_tokens.published(await self._authenticator.directory.current())


def _as(caller: Caller) -> Identity:
    """Whose token it is: what a scanner gets for its own earns no other."""
    if caller.scopes is None:
        return caller.identity
    return replace(caller.identity, credential=signing.SCANNED + caller.identity.credential)


def allowed(caller: Caller, asked: Scopes) -> Scopes:
    """Of what is asked for, what the caller may do somewhere in the repository."""
    granted = {
        repository: frozenset(word for word in words if _may(caller, word, repository))
        for repository, words in asked.repositories.items()
    }
    return Scopes(granted, asked.catalog)


def _may(caller: Caller, word: str, repository: RepoName) -> bool:
    actions = [action for action in Action if scopes.word_of(action) == word and word in scopes.WORDS]
    # Which tag it will be is not known yet. What a request names is looked at when it comes.
    return any(caller.may(action, repository, tag=SOME_TAG) for action in actions)


def _texts(granted: Scopes) -> Iterable[str]:
    for entry in granted.access():
        actions: Any = entry["actions"]
        yield f"{entry['type']}:{entry['name']}:{','.join(actions)}"
