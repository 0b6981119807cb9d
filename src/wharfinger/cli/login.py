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
    username: Annotated[str | None, Parameter(help="The account; asked for when not given.")] = None,
    password_stdin: PasswordStdin = False,
    insecure: Annotated[
        bool, Parameter(negative="", help="Send the password over plain HTTP, where others may read it.")
    ] = False,
) -> None:
    """Log in to a registry. What is kept is a token that expires, not the password."""
    from wharfinger.cli.client import is_loopback, registry_url

    address = registry_url(url)
    if address.startswith("http://") and not is_loopback(address) and not insecure:
        raise Refusal(f"{address} is not encrypted: use https, or --insecure if nobody else is on the network")
    name = username or ask.line("User name: ", "--username")
    password = ask.password_from_stdin() if password_stdin else ask.password()
    logins.save(_exchange(address, name, password))
    print(f"Logged in to {address} as {name}.")


def _exchange(address: str, name: str, password: str) -> logins.Login:
    from wharfinger.cli.client import Client

    try:
        with Client(address) as client:
            answer = client.post("/login", {"username": name, "password": password})
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
