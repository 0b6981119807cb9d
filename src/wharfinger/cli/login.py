"""``wharf login`` and ``wharf logout``."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wharfinger.cli import ask, logins
from wharfinger.cli.ask import PasswordStdin
from wharfinger.cli.handing_on import Program
from wharfinger.errors import Refusal, Unauthorized


def login(
    url: Annotated[str, Parameter(help="The registry's address: https://HOST or https://HOST:PORT.")],
    *,
    username: Annotated[str | None, Parameter(help="The account, to log in with its password.")] = None,
    password_stdin: PasswordStdin = False,
    workload: Annotated[
        bool, Parameter(negative="", help="With the token of this CI job: WHARF_ID_TOKEN, or GitHub Actions'.")
    ] = False,
    token_file: Annotated[
        Path | None,
        Parameter(help="With the token of a workload that is in this file, as a cluster gives one to a pod."),
    ] = None,
    audience: Annotated[
        str | None, Parameter(help="For whom GitHub Actions makes the token; the registry's address unless given.")
    ] = None,
    also: Annotated[Program | None, Parameter(help="Let docker or podman log in, too, with what is kept.")] = None,
    insecure: Annotated[
        bool, Parameter(negative="", help="Send the password over plain HTTP, where others may read it.")
    ] = False,
) -> None:
    """Log in to a registry: with a browser, with --username and a password, or in a pipeline with --workload.

    For a password it takes the secret of a service account, too. What is kept is a token that expires, and neither
    password nor secret. A login by workload ends with the job's token; it is renewed as long as there are others.
    """
    from wharfinger.cli import device
    from wharfinger.cli.client import is_loopback, registry_url
    from wharfinger.cli.handing_on import hand_on
    from wharfinger.cli.workload import ANY_ACCOUNT, Wanted, log_in

    address = registry_url(url)
    if address.startswith("http://") and not is_loopback(address) and not insecure:
        raise Refusal(f"{address} is not encrypted: use https, or --insecure if nobody else is on the network")
    if (workload or token_file is not None) and password_stdin:
        raise Refusal("a workload has a token and no password: leave --password-stdin out")
    if workload or token_file is not None:
        file = "" if token_file is None else str(token_file.absolute())
        login = log_in(Wanted(address, username or ANY_ACCOUNT, audience or address, file))
    elif username is None and not password_stdin:
        login = device.log_in(address)
    else:
        name = username or ask.line("User name: ", "--username")
        password = ask.password_from_stdin() if password_stdin else ask.password()
        login = _exchange(address, name, password)
    logins.save(login)
    if also is not None:
        hand_on(login, also)
    print(f"Logged in to {address} as {login.username}.")


def _exchange(address: str, name: str, password: str) -> logins.Login:
    from wharfinger.cli.client import Client

    try:
        with Client(address) as client:
            answer = client.post("/login", {"username": name, "password": password}, quick=True)
    except Unauthorized as error:
        raise Refusal(f"{address} does not accept this user name and password") from error
    return logins.Login(address, answer["username"], answer["token"], answer["expires"])


def logout() -> None:
    """End the login, here and on the registry."""
    from wharfinger.cli.client import Client

    known = logins.load()
    logins.forget()
    with suppress(Unauthorized), Client(known.url, known.token) as client:  # Unauthorized: it has ended already
        client.delete("/login")
    print(f"Logged out of {known.url}.")
