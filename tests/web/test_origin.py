"""Who a request comes from: what a proxy that we trust says of it, and nothing that anybody else says."""

from ipaddress import ip_network
from typing import Any

import pytest

from wharfinger.web.origin import Origin, origin

TRUSTED = [ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8")]


def scope(peer: str, **headers: str) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"client": (peer, 40000), "scheme": "http", "headers": [(b"host", b"inside:5000"), *named]}


def test_a_trusted_proxy_is_believed() -> None:
    told = scope("127.0.0.1", x_forwarded_for="192.0.2.7", x_forwarded_proto="https", x_forwarded_host="r.example")
    assert origin(told, TRUSTED) == Origin("192.0.2.7", "https", "r.example")


def test_anybody_else_is_not() -> None:
    told = scope("192.0.2.9", x_forwarded_for="10.1.1.1", x_forwarded_proto="https", x_forwarded_host="evil.example")
    assert origin(told, TRUSTED) == Origin("192.0.2.9", "http", "inside:5000")


def test_without_trusted_proxies_nobody_is() -> None:
    assert origin(scope("127.0.0.1", x_forwarded_for="192.0.2.7"), []).client == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("192.0.2.7, 10.0.0.3", "192.0.2.7"),  # two proxies of ours
        ("10.9.9.9, 192.0.2.7", "192.0.2.7"),  # the client forged what stands left of it
        ("rubbish, 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, rubbish", "127.0.0.1"),  # what we cannot read vouches for nothing
        ("10.0.0.3, 10.0.0.4", "10.0.0.3"),  # a client inside
        ("::ffff:10.0.0.3", "::ffff:10.0.0.3"),
        ("2001:db8::1", "2001:db8::1"),
        ("", "127.0.0.1"),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_not_trusted(forwarded: str, client: str) -> None:
    assert origin(scope("127.0.0.1", x_forwarded_for=forwarded), TRUSTED).client == client


def test_a_scheme_that_is_none_is_not_believed() -> None:
    assert origin(scope("127.0.0.1", x_forwarded_proto="gopher"), TRUSTED).scheme == "http"
