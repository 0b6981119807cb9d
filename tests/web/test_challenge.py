"""What we are called by whoever asks, and where they are sent for a token."""

from ipaddress import ip_network
from typing import Any

import pytest

from wharfinger.web.challenge import Addresses

WHERE = 'realm="http://r.example:5000/token",service="wharfinger"'
PROXY = [ip_network("10.0.0.0/8")]


def scope(
    host: str = "r.example:5000", scheme: str = "http", peer: str = "192.0.2.1", **headers: str
) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"client": (peer, 40000), "scheme": scheme, "headers": [(b"host", host.encode("latin-1")), *named]}


def realm(addresses: Addresses, came: dict[str, Any]) -> str:
    name, value = addresses.challenge(came, "", "")
    assert name == b"www-authenticate"
    return value.decode("latin-1").partition('realm="')[2].partition('"')[0]


@pytest.mark.parametrize("public", ["https://registry.example", "https://registry.example/"])
def test_the_public_url_is_what_we_are_called_whatever_was_asked(public: str) -> None:
    for came in (scope(), scope("evil.example"), scope("", peer="10.0.0.1", x_forwarded_host="evil.example")):
        assert realm(Addresses(public, PROXY), came) == "https://registry.example/token"


@pytest.mark.parametrize(
    ("host", "scheme", "expected"),
    [
        ("r.example", "https", "https://r.example/token"),
        ("r.example:5000", "http", "http://r.example:5000/token"),
        ("[2001:db8::1]:5000", "http", "http://[2001:db8::1]:5000/token"),
        ("under_score.example", "http", "http://under_score.example/token"),
        ("", "http", "http://localhost/token"),
        ("a b", "http", "http://localhost/token"),
        ('a"b', "http", "http://localhost/token"),
        ("a/b", "http", "http://localhost/token"),
        ("user@evil.example", "http", "http://localhost/token"),
        ("a\r\nX: y", "http", "http://localhost/token"),
        ("\u00e4.example", "http", "http://localhost/token"),
        ("a" * 256, "http", "http://localhost/token"),
    ],
)
def test_without_one_it_is_the_host_that_was_asked_if_it_is_one(host: str, scheme: str, expected: str) -> None:
    assert realm(Addresses(None, []), scope(host, scheme)) == expected


def test_a_trusted_proxy_says_what_was_asked_of_it_and_nobody_else_does() -> None:
    told = {"x_forwarded_host": "outside.example", "x_forwarded_proto": "https", "x_forwarded_for": "203.0.113.9"}
    addresses = Addresses(None, PROXY)
    by_proxy, by_stranger = scope(peer="10.0.0.1", **told), scope(peer="192.0.2.1", **told)
    assert realm(addresses, by_proxy) == "https://outside.example/token"
    assert realm(addresses, by_stranger) == "http://r.example:5000/token"
    assert (addresses.client(by_proxy), addresses.client(by_stranger)) == ("203.0.113.9", "192.0.2.1")
    assert Addresses(None, []).client(by_proxy) == "10.0.0.1"


def test_a_connection_without_an_address_is_from_nowhere() -> None:
    for addresses in (Addresses(None, []), Addresses(None, PROXY)):
        assert addresses.client(scope() | {"client": None}) == ""


@pytest.mark.parametrize(
    ("wanted", "error", "expected"),
    [
        ("", "", 'Bearer realm="http://r.example:5000/token",service="wharfinger"'),
        (
            "repository:shop/web:pull,push",
            "insufficient_scope",
            f'Bearer {WHERE},scope="repository:shop/web:pull,push",error="insufficient_scope"',
        ),
        ("", "invalid_token", 'Bearer realm="http://r.example:5000/token",service="wharfinger",error="invalid_token"'),
    ],
)
def test_the_challenge_says_what_is_wanted_and_what_was_wrong(wanted: str, error: str, expected: str) -> None:
    assert Addresses(None, []).challenge(scope(), wanted, error)[1].decode() == expected
