"""The address to listen on: resolved, and not in use."""

import socket
import time
from contextlib import closing

from wharfinger.config import Address, ConfigError


def resolve(listen: Address) -> str:
    """The IP address to bind. Raises ConfigError."""
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError([f"listen: {listen.host!r} is no address and no known name: {error.strerror}"]) from error
    return str(found[0][4][0])


def require_free(host: str, listen: Address, patience: float = 2) -> None:
    """Return when the port can be had. Raises ConfigError when it cannot, after ``patience`` seconds.

    Workers share the port (SO_REUSEPORT), so a second registry on it would start, and silently get half of the
    requests; this asks without sharing. The patience is for workers of a supervisor that was killed a moment ago.
    """
    deadline = time.monotonic() + patience
    while (problem := _problem(host, listen.port)) is not None:
        if time.monotonic() > deadline or "in use" not in problem:
            raise ConfigError([f"listen: cannot listen on {listen}: {problem}; 'listen' or --listen chooses another"])
        time.sleep(0.05)


def _problem(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger are no listeners
        try:
            probe.bind((host, port))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return None
