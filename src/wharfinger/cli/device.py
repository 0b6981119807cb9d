"""Logging in where there is no browser: show a code, and ask until somebody has approved it elsewhere (RFC 8628)."""

import platform
import time
from collections.abc import Callable
from typing import Any

from wharfinger import __version__
from wharfinger.cli.logins import Login
from wharfinger.cli.output import clean
from wharfinger.errors import DeviceLoginOpen, Refusal

SLOWER = 5


def log_in(address: str, sleep: Callable[[float], None] = time.sleep) -> Login:
    """The login, after it was approved. Raises Refusal when it was denied, or nobody approved it in time."""
    from wharfinger.cli.client import Client

    with Client(address) as client:
        begun = client.post("/device", {"client": f"wharf {__version__} on {platform.node()}"[:100]})
        print(f"Open {clean(begun['verification_uri_complete'])}")
        print(f"and approve the code {clean(begun['user_code'])} there, within {begun['expires_in'] // 60} minutes.")
        print("Waiting …", flush=True)
        answer = _wait(client.post, begun, sleep)
    return Login(address, answer["username"], answer["token"], answer["expires"])


def _wait(post: Callable[[str, dict[str, Any]], Any], begun: dict[str, Any], sleep: Callable[[float], None]) -> Any:
    interval, left = max(1.0, float(begun["interval"])), float(begun["expires_in"])
    while left > 0:
        sleep(interval)
        left -= interval
        try:
            return post("/device/token", {"device_code": begun["device_code"]})
        except DeviceLoginOpen as answer:
            if answer.error == "slow_down":
                interval += SLOWER
            elif answer.error != "authorization_pending":
                raise
    raise Refusal("nobody has approved the code in time: try again")
