"""``wharf login`` and ``wharf logout``."""

from contextlib import suppress
from typing import Annotated

from cyclopts import Parameter

from wharfinger.cli import ask, logins
from wharfinger.cli.ask import PasswordStdin
from wharfinger.errors import Refusal, Unauthorized


def login(
    url: Annotated[str, Parameter(help="The registry's address: https://HOST or https://HOST:PORT.")],
    *,
    username: Annotated[str | None, Parameter(help="The account, to log in with its password.")] = None,
    password_stdin: PasswordStdin = False,
    insecure: Annotated[
        bool, Parameter(negative="", help="Send the password over plain HTTP, where others may read it.")
    ] = False,
) -> None:
    """Log in to a registry: with a browser, here or anywhere else, or with --username and a password.

    What is kept is a token that expires, not the password.
    """
    from wharfinger.cli import device
    from wharfinger.cli.client import is_loopback, registry_url

    address = registry_url(url)
    if address.startswith("http://") and not is_loopback(address) and not insecure:
        raise Refusal(f"{address} is not encrypted: use https, or --insecure if nobody else is on the network")
    if username is None and not password_stdin:
        login = device.log_in(address)
    else:
        name = username or ask.line("User name: ", "--username")
        password = ask.password_from_stdin() if password_stdin else ask.password()
        login = _exchange(address, name, password)
    logins.save(login)
    print(f"Logged in to {address} as {login.username}.")


def _exchange(address: str, name: str, password: str) -> logins.Login:
    from wharfinger.cli.client import Client

    try:
        with Client(address) as client:
            answer = client.post("/login", {"username": name, "password": password}, quick=True)
    except Unauthorized as error:
        raise Refusal(f"{address} does not accept this user name and password") from error
    return logins.Login(address, name, answer["token"], answer["expires"])


def logout() -> None:
    """End the login, here and on the registry."""
    from wharfinger.cli.client import Client

    known = logins.load()
    logins.forget()
    with suppress(Unauthorized), Client(known.url, known.token) as client:  # Unauthorized: it has ended already
        client.delete("/login")
    print(f"Logged out of {known.url}.")
