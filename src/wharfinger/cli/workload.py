"""Logging in with the token that the CI system gives a job, or the cluster a pod: nothing secret has to be stored.

The token comes from a file that was named, from ``WHARF_ID_TOKEN``, or from GitHub Actions, which gives one to a job
with the permission ``id-token: write``. None of them is looked at unless a login by workload was asked for.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from wharfinger.cli import logins
from wharfinger.cli.logins import Login
from wharfinger.cli.output import clean
from wharfinger.errors import Refusal, Unauthorized

VARIABLE = "WHARF_ID_TOKEN"
GITHUB_URL, GITHUB_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
ANY_ACCOUNT = "oidc"
"""The user name that leaves the account to the trust rules."""
TOKEN_AT_MOST = 16_000
ANSWER_AT_MOST = 64 * 1024
TIMEOUT = 10.0
ENDS_SOON = 30.0
"""Seconds before its end in which a login is renewed: clocks differ, and a request takes its time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A login by workload: where, as whom, with a token made for what audience, and in which file, if it is in one."""

    url: str
    username: str
    audience: str
    file: str = ""


def log_in(wanted: Wanted, environment: Mapping[str, str] = os.environ) -> Login:
    """The login that the registry gives for the workload's token. Raises Refusal."""
    from wharfinger.cli.client import Client

    shown = {"username": wanted.username, "password": token(wanted, environment)}
    try:
        with Client(wanted.url) as client:
            made = client.post("/login", shown, quick=True)
    except Unauthorized as error:
        raise Refusal(error.message) from error
    return Login(wanted.url, made["username"], made["token"], made["expires"], wanted.audience, wanted.file)


def renewed(login: Login) -> str:
    """Another login's token where one by workload has ended; it is kept, too. Raises Refusal."""
    again = log_in(Wanted(login.url, login.username, login.audience, login.file))
    logins.save(again)
    return again.token


def lasting(login: Login) -> Login:
    """The login that is kept; where it is by workload and has ended, or is about to, another. Raises Refusal.

    For whoever shows its token to a realm or a registry, which does not say that it was refused for its age.
    """
    if not login.audience or time.time() < login.expires - ENDS_SOON:
        return login
    renewed(login)
    return logins.load()


def token(wanted: Wanted, environment: Mapping[str, str]) -> str:
    """The workload's token, from the first place that has one. Raises Refusal."""
    if wanted.file:
        found = _from_file(Path(wanted.file))
    elif environment.get(VARIABLE):
        found = environment[VARIABLE]
    elif environment.get(GITHUB_URL) and environment.get(GITHUB_TOKEN):
        found = _from_github(environment[GITHUB_URL], environment[GITHUB_TOKEN], wanted.audience)
    else:
        raise Refusal(
            f"there is no token of a workload here: set {VARIABLE}, name a --token-file, or give the job on GitHub "
            "Actions the permission id-token: write"
        )
    if len(found) > TOKEN_AT_MOST or found.strip().count(".") != 2:
        raise Refusal("what is there is no token of a workload: want three parts, parted by dots")
    return found.strip()


def _from_file(file: Path) -> str:
    try:
        with file.open(encoding="ascii") as opened:
            return opened.read(TOKEN_AT_MOST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in ASCII"
        raise Refusal(f"cannot read {file}: {reason}") from error


def _from_github(url: str, bearer: str, audience: str) -> str:
    """A token for the audience. What it is asked with goes to no other place, and to none without encryption."""
    import httpx2

    from wharfinger.cli.client import in_words, is_loopback

    where = urlsplit(url)
    if (where.scheme != "https" and not (where.scheme == "http" and is_loopback(url))) or "@" in where.netloc:
        raise Refusal(f"{GITHUB_URL} is not https: nothing is sent there")
    place = f"{where.scheme}://{where.netloc}"
    asked = f"{url}{'&' if where.query else '?'}audience={quote(audience, safe='')}"
    here = is_loopback(url)
    with (
        in_words(place, TIMEOUT),
        httpx2.Client(verify=httpx2.create_ssl_context(), trust_env=not here, timeout=TIMEOUT) as http,
        http.stream("GET", asked, headers={"Authorization": f"Bearer {bearer}"}, follow_redirects=False) as answer,
    ):
        content = b""
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > ANSWER_AT_MOST:
                raise Refusal(f"{place} answers with more than {ANSWER_AT_MOST} bytes")
        if answer.status_code != 200:
            raise Refusal(f"{place} gives no token: it answered {answer.status_code}")
        return _value(place, content)


def _value(place: str, content: bytes) -> str:
    import json

    try:
        fields: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"what {clean(place)} answered is not JSON") from error
    match fields:
        case {"value": str(value)}:
            return value
    raise Refusal(f"{clean(place)} answered without a token")
