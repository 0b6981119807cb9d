"""``wharf login`` and ``wharf logout``."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wharfinger.cli import ask, logins
from wharfinger.cli.ask import PasswordStdin
from wharfinger.cli.handing_on import Program
from wharfinger.cli.logins import Login
from wharfinger.errors import Refusal, Unauthorized

Url = Annotated[str, Parameter(help="The registry's address: https://HOST or https://HOST:PORT.")]
Username = Annotated[str | None, Parameter(help="The account, to log in with its password or secret.")]
Workload = Annotated[
    bool, Parameter(negative="", help="With the token of this CI job: WHARF_ID_TOKEN, or that of GitHub Actions.")
]
TokenFile = Annotated[
    Path | None, Parameter(help="With the token of a workload that is in this file, as a cluster gives one to a pod.")
]
Audience = Annotated[
    str | None, Parameter(help="For whom GitHub Actions makes the token; the registry's address unless given.")
]
Also = Annotated[Program | None, Parameter(help="Let docker or podman log in, too, with what is kept.")]
Insecure = Annotated[bool, Parameter(negative="", help="Send the password over plain HTTP, where others may read it.")]


def login(
    url: Url,
    *,
    username: Username = None,
    password_stdin: PasswordStdin = False,
    workload: Workload = False,
    token_file: TokenFile = None,
    audience: Audience = None,
    also: Also = None,
    insecure: Insecure = False,
) -> None:
    """Log in to a registry: with a browser, with --username and a password, or in a pipeline with --workload.

    For a password it takes the secret of a service account, too. What is kept is a token that expires, and neither
    password nor secret. A login by workload ends with the job's token; it is renewed as long as there are others.
    """
    from wharfinger.cli import device
    from wharfinger.cli.client import is_loopback, registry_url
    from wharfinger.cli.handing_on import hand_on

    address = registry_url(url)
    if address.startswith("http://") and not is_loopback(address) and not insecure:
        raise Refusal(f"{address} is not encrypted: use https, or --insecure if nobody else is on the network")
    if workload or token_file is not None:
        if password_stdin:
            raise Refusal("a workload has a token and no password: leave --password-stdin out")
        made = _by_workload(address, username, token_file, audience)
    elif username is None and not password_stdin:
        made = device.log_in(address)
    else:
        made = _by_password(address, username, from_stdin=password_stdin)
    logins.save(made)
    if also is not None:
        hand_on(made, also)
    print(f"Logged in to {address} as {made.username}.")


def _by_workload(address: str, username: str | None, file: Path | None, audience: str | None) -> Login:
    from wharfinger.cli.workload import ANY_ACCOUNT, Wanted, log_in

    place = "" if file is None else str(file.absolute())
    return log_in(Wanted(address, username or ANY_ACCOUNT, audience or address, place))


def _by_password(address: str, username: str | None, *, from_stdin: bool) -> Login:
    from wharfinger.cli.client import Client

    name = username or ask.line("User name: ", "--username")
    password = ask.password_from_stdin() if from_stdin else ask.password()
    try:
        with Client(address) as client:
            answer = client.post("/login", {"username": name, "password": password}, quick=True)
    except Unauthorized as error:
        raise Refusal(f"{address} does not accept this user name and password") from error
    return Login(address, answer["username"], answer["token"], answer["expires"])


def logout() -> None:
    """End the login, here and on the registry."""
    from wharfinger.cli.client import Client

    known = logins.load()
    logins.forget()
    with suppress(Unauthorized), Client(known.url, known.token) as client:  # Unauthorized: it has ended already
        client.delete("/login")
    print(f"Logged out of {known.url}.")
