"""Gives the login to a program that pushes and pulls, as its own ``login`` would be given a password."""

import subprocess
from typing import Literal
from urllib.parse import urlsplit

from wharfinger.cli.logins import Login
from wharfinger.cli.output import clean
from wharfinger.errors import Refusal

Program = Literal["docker", "podman"]

SECONDS = 60


def hand_on(login: Login, program: Program) -> None:
    """Let the program know the login, through its standard input and where it keeps such things. Raises Refusal."""
    url = urlsplit(login.url)
    plain = ["--tls-verify=false"] if program == "podman" and url.scheme == "http" else []
    words = [program, "login", url.netloc, "--username", login.username, "--password-stdin", *plain]
    try:
        done = subprocess.run(  # noqa: S603 - one of two programs, by the user's own choice
            words, input=login.token.encode(), capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refusal(f"{program} cannot be run, or does not answer: {type(error).__name__}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().replace(login.token, "…")[:500]
        raise Refusal(f"{program} login failed: {clean(' '.join(said.split()))}")
