"""Credentials that ``docker login`` or ``podman login`` left on this machine, in files or with programs they name."""

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wharfinger.errors import Refusal
from wharfinger.remote.references import DOCKER

BYTES_AT_MOST = 1024 * 1024
SECONDS = 15
"""What a program has that may have to ask somebody for a password."""
CONTAINERS = Path("/run/containers")
"""Where Podman keeps what it knows of a user who has no folder of their own for what runs."""
_HELPER = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DOCKER_HUB = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password, or a token that buys others."""

    username: str
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)


Helper = Callable[[str, str], Credentials | None]
"""Asks the program of this name for the credentials of a server."""


class Keeper:
    """What is known for each registry; a program is asked once for each."""

    def __init__(
        self,
        known: Mapping[str, Credentials],
        helped: Mapping[str, str],
        every: str = "",
        ask: Helper | None = None,
    ) -> None:
        self._known = dict[str, Credentials | None](known)
        self._helped = helped
        self._every = every
        self._ask = ask or ask_program

    def get(self, registry: str) -> Credentials | None:
        """What is in the files, else what the program says that they name."""
        if registry not in self._known:
            helper = self.helper(registry)
            server = _DOCKER_HUB[0] if registry == DOCKER else registry
            self._known[registry] = self._ask(helper, server) if helper else None
        return self._known[registry]

    def helper(self, registry: str) -> str:
        """The program that has the credentials instead; empty if none is named."""
        return self._helped.get(registry, self._every)


def ask_program(helper: str, server: str) -> Credentials | None:
    """What ``docker-credential-<helper> get`` answers; None where it has nothing. Raises Refusal where it fails."""
    if not _HELPER.fullmatch(helper):
        raise Refusal(f"{helper[:64]!r} is no name of a program that keeps credentials")
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(  # noqa: S603 - the user's own configuration names it, as for docker itself
            [program, "get"], input=server.encode(), capture_output=True, timeout=SECONDS, check=False
        )
    except FileNotFoundError:
        return None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refusal(f"{program} did not answer: {type(error).__name__}") from error
    return _answered(done.stdout[:BYTES_AT_MOST], program) if done.returncode == 0 else None


def _answered(raw: bytes, program: str) -> Credentials | None:
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{program} answers with what is not JSON") from error
    match fields:
        case {"Username": "<token>", "Secret": str(token)} if token:
            return Credentials("", "", token)
        case {"Username": str(username), "Secret": str(secret)} if username:
            return Credentials(username, secret)
    return None


def load(environment: Mapping[str, str] = os.environ, containers: Path = CONTAINERS) -> Keeper:
    """Everything in the files that Docker and Podman read. Raises Refusal where one is damaged."""
    known: dict[str, Credentials] = {}
    helped: dict[str, str] = {}
    every = ""
    for file in _files(environment, containers):
        config = _read(file)
        for key, entry in _mapping(config, "auths").items():
            found = _credentials(entry, file)
            if found is not None:
                known.setdefault(_registry(key), found)
        for key, helper in _mapping(config, "credHelpers").items():
            helped.setdefault(_registry(key), str(helper))
        every = every or str(config.get("credsStore") or "")
    return Keeper(known, helped, every)


def _files(environment: Mapping[str, str], containers: Path) -> Iterator[Path]:
    home = Path(environment.get("HOME") or Path.home())
    if named := environment.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    elif runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers" / "auth.json"
    else:  # as in a container of a pipeline
        yield containers / str(os.geteuid()) / "auth.json"
    yield Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json"


def _read(file: Path) -> Mapping[str, Any]:
    try:
        with file.open("rb") as opened:
            fields = json.loads(opened.read(BYTES_AT_MOST))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise Refusal(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{file} is not JSON: 'docker login' writes it anew") from error
    return fields if isinstance(fields, dict) else {}


def _mapping(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _registry(key: str) -> str:
    if key in _DOCKER_HUB:
        return DOCKER
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _credentials(entry: object, file: Path) -> Credentials | None:
    match entry:
        case {"identitytoken": str(token)} if token:
            return Credentials("", "", token)
        case {"auth": str(auth)} if auth:
            try:
                username, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError) as error:
                raise Refusal(f"{file}: what stands under auth is not Base64: 'docker login' writes it anew") from error
            return Credentials(username, password.rstrip("\0")) if colon else None
        case {"username": str(username), "password": str(password)} if username:
            return Credentials(username, password)
    return None
